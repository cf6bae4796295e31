"""Executes a configuration as Buildbot would, with the Python that Buildbot is installed for."""

import json
import os
import pwd
import re
import selectors
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

from mastersctl.config.scrub import scrubbed
from mastersctl.errors import BasedirError
from mastersctl.text import visible

_PROGRAM = os.path.join(os.path.dirname(__file__), "_executed.py")
_EXAMPLE = "name the one that Buildbot is installed for, like /srv/bb/venv/bin/python"
_WAYS = "correct it, set MASTERSCTL_DB_URL, or pass --db-url"
_SENTENCES = {  # by the error of the program
    "exited": "{place}: The configuration ends the process{reason} when it is executed; {ways}.",
    "failed": "{place} cannot be executed by {python}{reason}; {ways}.",
    "missing": "{python} cannot import Buildbot{reason}; {example}.",
    "raised": "{place}: The configuration fails{reason} when it is executed; {ways}.",
    "refused": "{place}: Buildbot refuses the configuration{reason}; {ways}.",
    "typed": "{place}: The database URL is not a string when it is executed{reason}; {ways}.",
    "unrendered": "{place}: Buildbot cannot render the database URL{reason}; {ways}.",
}
_TICK = 0.05  # seconds between two checks that the process still runs
_GRACE = 0.5  # seconds for the process to end after its answer
_SURVIVES = 5.0  # seconds beyond the timeout, if mastersctl was killed
_MAX_KEPT = 2**20  # bytes of its answer, and of the end of its output
_MAX_SAID = 200  # characters
_OPENING = r"(?i)://[^\s:/@'\"]*:([^\s@'\"]+)@"
_ASSIGNED = r"(?i)(?:passw(?:or)?d|passwd|pwd|secret|token)\w*['\"]?\]?\s*[=:,]\s*['\"]([^'\"\n]+)"
_CONFIDENTIAL = r"(?i)passw|pwd|secret|token"


class Executed(NamedTuple):
    """The database settings of an executed configuration.

    Attributes:
        engine_kwargs: its ``engine_kwargs``, or None. A value that JSON lacks is a dictionary with
            the key ``__computed__`` and the name of the value's type.
    """

    db_url: str
    engine_kwargs: Mapping[str, object] | None


class _Outcome(NamedTuple):
    """The outcome of the process; its exit code is None if mastersctl stopped it."""

    answer: bytes
    said: bytes
    code: int | None


def execute_configuration(
    python: str, basedir: str, config_file: str, environ: Mapping[str, str], timeout: float
) -> Executed:
    """Execute a configuration with `python`, and return its database settings.

    Parameters:
        python: the path of the Python that Buildbot is installed for, or its name in ``PATH``.
        basedir: the working directory, as for the start of a master.
        config_file: the path of the configuration, which may be relative to `basedir`.
        environ: the environment variables that Buildbot would have.
        timeout: seconds until the process and all that it has started are stopped.

    Raises:
        BasedirError: it reports no database, or root would execute another user's file.
    """
    basedir = os.path.abspath(basedir)
    path = os.path.join(basedir, config_file)
    _refuse_for_root(basedir, path)
    program = _found(python, environ)
    outcome = _run(program, basedir, config_file, environ, timeout)
    answer = _understood(outcome.answer)
    if answer is None:
        _fail(path, outcome, timeout, environ)
    if "error" not in answer:
        return Executed(answer["db_url"], answer.get("engine_kwargs"))
    line = answer.get("line")
    raise BasedirError(
        _SENTENCES[answer["error"]].format(
            place=path if line is None else f"{path}:{line}",
            python=program,
            reason=f" ({_told(str(answer.get('reason')), path, environ)})",
            ways=_WAYS,
            example=_EXAMPLE,
        )
    )


def _refuse_for_root(basedir: str, path: str) -> None:
    if os.geteuid() != 0:
        return
    for place in (basedir, path):
        try:
            found = os.stat(place)
        except OSError as error:
            raise BasedirError(f"{place} cannot be read ({error.strerror}); {_WAYS}.") from None
        if found.st_uid != 0:
            raise BasedirError(
                f"{place} belongs to the user {_name(found.st_uid)}, and root executes nothing of "
                "another user's; run mastersctl as that user, or pass --db-url."
            )
        if found.st_mode & stat.S_IWOTH:
            raise BasedirError(
                f"{place} may be written by every user, and root executes nothing of another "
                "user's; remove that right with 'chmod o-w', or pass --db-url."
            )


def _name(user: int) -> str:
    try:
        return repr(pwd.getpwuid(user).pw_name)
    except KeyError:
        return str(user)


def _found(python: str, environ: Mapping[str, str]) -> str:
    """Return the absolute path of a program."""
    found = shutil.which(python, path=environ.get("PATH", os.defpath))
    if found is not None:
        return os.path.abspath(found)
    if os.path.isdir(python):
        what = "is a directory"
    elif os.path.exists(python) and os.sep in python:
        what = "is not executable"
    else:
        what = "does not exist"
    raise BasedirError(f"The Python {python!r} {what}; {_EXAMPLE}.")


def _run(
    program: str, basedir: str, config_file: str, environ: Mapping[str, str], timeout: float
) -> _Outcome:
    with open(_PROGRAM, encoding="utf-8") as file:
        source = file.read()
    answers, written = os.pipe()
    try:
        arguments = [str(written), str(timeout + _SURVIVES), basedir, config_file]
        try:
            process = subprocess.Popen(  # noqa: S603  # a program that the user names
                [program, "-c", source, *arguments],
                cwd=basedir,
                env={**environ, "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[written],
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise BasedirError(
                f"{program} cannot be started in {basedir} ({reason}); {_EXAMPLE}."
            ) from None
        finally:
            os.close(written)
        with process:
            return _follow(process, answers, time.monotonic() + timeout)
    finally:
        os.close(answers)


def _follow(process: "subprocess.Popen[bytes]", answers: int, deadline: float) -> _Outcome:
    """Read the output of a process until it ends; stop its process group at the deadline.

    Its children may hold both pipes open for ever, so an end of file is not awaited.
    """
    assert process.stdout is not None  # noqa: S101  # for mypy
    output = process.stdout.fileno()
    kept = {answers: b"", output: b""}
    has_ended = has_answered = False
    try:
        with selectors.DefaultSelector() as selector:
            for descriptor in kept:
                os.set_blocking(descriptor, False)
                selector.register(descriptor, selectors.EVENT_READ)
            while not has_ended and time.monotonic() < deadline:
                has_ended = _has_ended(process)  # checked first, so that no output is missed
                wait = 0 if has_ended else min(_TICK, max(0, deadline - time.monotonic()))
                for key, _ in selector.select(wait):
                    if not _read(key.fd, kept):
                        selector.unregister(key.fd)
                if not has_answered and kept[answers].endswith(b"\n"):
                    has_answered = True
                    deadline = min(deadline, time.monotonic() + _GRACE)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # not reaped yet, so the ID is still its own
        process.wait()
    return _Outcome(kept[answers], kept[output], process.returncode if has_ended else None)


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    if not hasattr(os, "waitid"):  # on macOS, before Python 3.13
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _read(descriptor: int, kept: dict[int, bytes]) -> bool:
    """Keep the end of the available output; return whether there may be more."""
    with suppress(BlockingIOError):
        piece = os.read(descriptor, _MAX_KEPT)
        kept[descriptor] = (kept[descriptor] + piece)[-_MAX_KEPT:]
        return bool(piece)
    return True


def _understood(answer: bytes) -> dict[str, Any] | None:
    """Return the answer of the program; None if it is missing or not valid."""
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    is_known = found.get("error") in _SENTENCES or isinstance(found.get("db_url"), str)
    return found if is_known else None


def _fail(path: str, outcome: _Outcome, timeout: float, environ: Mapping[str, str]) -> NoReturn:
    """Raise the error for a process that ended or was stopped without an answer."""
    lines = outcome.said.decode(errors="replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    said = f" (its last output: {_told(last, path, environ)})" if last else ""
    if outcome.code is None:
        raise BasedirError(
            f"{path} was executed for {timeout:g} s without an end, and stopped{said}; allow more "
            "time with --timeout, or pass --db-url."
        )
    how = f"exit code {outcome.code}" if outcome.code >= 0 else f"signal {-outcome.code}"
    raise BasedirError(
        f"{path} was executed, but the process ended with {how} before it reported the "
        f"database{said}; {_WAYS}."
    )


def _told(text: str, path: str, environ: Mapping[str, str]) -> str:
    """Return a configuration's text for a message: printable, short and without passwords."""
    text = visible(scrubbed(_secrets(text, path, environ), text))
    return text if len(text) <= _MAX_SAID else f"{text[:_MAX_SAID]}..."


def _secrets(text: str, path: str, environ: Mapping[str, str]) -> set[str]:
    """Return the likely passwords in a text, the environment and the configuration."""
    secrets = {value for name, value in environ.items() if re.search(_CONFIDENTIAL, name)}
    texts = [text, *environ.values()]
    with suppress(OSError):
        if os.path.isfile(path):  # a pipe could block for ever
            with open(path, encoding="utf-8", errors="replace") as file:
                texts.append(file.read(_MAX_KEPT))
    for one in texts:
        secrets.update(re.findall(_OPENING, one), re.findall(_ASSIGNED, one))
    return {secret for secret in secrets if secret}
