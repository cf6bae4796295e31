"""A program that executes a configuration with Buildbot's Python, and reports its database.

It is never imported. Buildbot's Python, which may be as old as 3.6, gets it with ``-c``. Its
arguments are a file descriptor, a timeout in seconds, the base directory and the configuration
file. It writes one line of JSON to the descriptor, an object with either of these:

- ``db_url`` and ``engine_kwargs``
- ``error``, a key of the sentences in `mastersctl.config.execution`, and ``reason``; also ``line``,
  where it is known
"""

import json
import os
import re
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

_ARGUMENTS = ["-c", "--no_save", "--logfile=twistd.log", "--python=buildbot.tac"]  # of a start
_PLAIN = (int, float, bool, type(None))
_MAX_DEPTH = 8  # of dictionaries and lists, which may contain themselves
_MAX_REASON = 1000  # characters


class Report:
    """The answer to the process that started this one; it is given once."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._pipe = os.fstat(descriptor)[:3]
        self._process = os.getpid()

    def give(self, **answer: object) -> None:
        """Write the answer, unless this process is a fork that the configuration made."""
        if os.getpid() != self._process:
            os._exit(0)
        if os.fstat(self._descriptor)[:3] != self._pipe:
            raise OSError("the configuration has closed a descriptor that was not its own")
        line = json.dumps(answer).encode() + b"\n"
        while line:
            line = line[os.write(self._descriptor, line) :]

    def give_error(self, error: str, raised: BaseException, path: "str | None" = None) -> None:
        """Write an exception, and the innermost line of the file `path` in its traceback."""
        while hasattr(raised, "subFailure"):  # Twisted waited for several results
            raised = raised.subFailure.value
        frames = traceback.extract_tb(raised.__traceback__)
        lines = [frame[1] for frame in frames if frame[0] == path]
        said = "".join(traceback.format_exception_only(type(raised), raised))
        if isinstance(raised, SyntaxError):
            said = said.strip().splitlines()[-1]
        reason = " ".join(said.split())[:_MAX_REASON]
        self.give(error=error, reason=reason, line=lines[-1] if lines else None)

    def give_refusal(self, errors: "list[str]", path: str) -> None:
        """Write the last line of Buildbot's first error, which is its reason."""
        first = str(errors[0]) if errors else ""
        lines = [line.strip() for line in first.splitlines() if line.strip()]
        reason = (lines or ["no reason"])[-1][:_MAX_REASON]
        more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
        numbers = re.findall(f'"{re.escape(path)}", line ([0-9]+)', first)
        self.give(error="refused", reason=reason + more, line=int(numbers[-1]) if numbers else None)


def main() -> None:
    descriptor, seconds, basedir, config_file = sys.argv[1:]
    sys.argv[:] = _ARGUMENTS
    report = Report(int(descriptor))
    # mastersctl may be killed; this process and its children must then still stop.
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(0, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, float(seconds))
    try:
        import buildbot  # noqa: F401
        from twisted.internet import defer, reactor
    except ImportError as error:
        report.give_error("missing", error)
        return
    run: Any = reactor  # Any, as its import replaces its module

    def start() -> None:
        done: Any = defer.inlineCallbacks(answer)(report, basedir, config_file)
        done.addErrback(lambda failure: report.give_error("failed", failure.value))
        done.addBoth(lambda _: run.stop())

    run.callWhenRunning(start)
    run.run()


def answer(report: Report, basedir: str, config_file: str) -> "Generator[Any, Any, None]":
    """Load the configuration as Buildbot does, and report its database."""
    config = load(report, basedir, config_file)
    if config is None:
        return
    db = config.db
    if not isinstance(setting(db, "db_url"), str) or setting(db, "engine_kwargs"):
        try:
            from buildbot.master import BuildMaster

            master = BuildMaster(basedir)
            master.config = config
            if hasattr(master, "get_db_config"):  # since Buildbot 4.3
                yield master.secrets_manager.setup()
                db = yield master.get_db_config(config)
            elif hasattr(master, "get_db_url"):  # since 4.2
                yield master.secrets_manager.setup()
                db = {"db_url": (yield master.get_db_url(config))}
        except BaseException as error:
            report.give_error("unrendered", error)
            return
    url = setting(db, "db_url")
    if isinstance(url, str):
        engine_kwargs = setting(db, "engine_kwargs") or None
        report.give(db_url=str.__str__(url), engine_kwargs=plain(engine_kwargs))
    else:
        report.give(error="typed", reason=type(url).__name__)


def load(report: Report, basedir: str, config_file: str) -> Any:
    """Return Buildbot's configuration object for the file; on an error, report it, return None."""
    try:
        from buildbot.config.errors import ConfigErrors
        from buildbot.config.master import FileLoader
    except ImportError:  # before Buildbot 3.5
        from buildbot.config import ConfigErrors, FileLoader
    from twisted.python import log

    path = os.path.join(basedir, config_file)
    raised: list[BaseException] = []

    def hear(event: "dict[str, Any]") -> None:
        if "failure" in event:  # only Buildbot's log has the traceback
            raised.append(event["failure"].value)

    log.addObserver(hear)
    try:
        return FileLoader(basedir, config_file).loadConfig()
    except ConfigErrors as error:
        if raised:
            report.give_error("raised", raised[-1], path)
        else:
            report.give_refusal(error.errors, path)
    except SystemExit as error:
        report.give_error("exited", error, path)
    except BaseException as error:
        report.give_error("raised", error, path)
    finally:
        log.removeObserver(hear)
    return None


def setting(db: Any, name: str) -> Any:
    """Return a setting of the database; before Buildbot 4.3, a dictionary holds the settings."""
    return db.get(name) if isinstance(db, dict) else getattr(db, name, None)


def plain(value: Any, depth: int = 0) -> Any:
    """Convert a value for JSON; a value that JSON lacks becomes the name of its type."""
    if isinstance(value, str):
        return str.__str__(value)
    if depth < _MAX_DEPTH:
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {str.__str__(key): plain(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item, depth + 1) for item in value]
    return value if type(value) in _PLAIN else {"__computed__": type(value).__name__}


if __name__ == "__main__":
    main()
