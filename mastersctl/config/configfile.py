"""A Python file that configures something, read and never executed, and what is wrong in it."""

from __future__ import annotations

import ast
import os
import re
import stat
import warnings
from collections.abc import Mapping

from mastersctl.config.reader import Default, Dictionary, Program, Unknown
from mastersctl.errors import BasedirError

_MAX_FILE = 2**19  # bytes; far beyond every real one, and parsed in 5 s and 500 MiB at worst
_MAX_NEST = 8 * _MAX_FILE  # bytes times brackets around them, each of which takes memory
_DEEPEST = 200  # brackets in brackets; Python's limit
_OPEN = rb"[(\[{](?![^()\[\]{}'\"#\n]*[)\]}])"  # brackets, but for those around nothing such
_KEYS = ("connect_args", "db", "db_url", "engine_kwargs", "ssl")  # of dictionaries, that matter


class ConfigFile(Program):
    """A Python file, with errors that say where in it the reason stands.

    Parameters:
        path: where it is.
        environ: the environment that it would be executed in.
        before: what would be executed before.

    Attributes:
        notes: a sentence for each environment variable that is not set, and has a default here.
    """

    def __init__(
        self, path: str, environ: Mapping[str, str], before: ConfigFile | None = None
    ) -> None:
        self.path = path
        self.notes: list[str] = []
        tree = _parse(path)
        changed = f"{before.path}:{before.changes}" if before and before.changes else None
        loaded = f"{before.path}:{before.loads}" if before and before.loads else None
        try:
            super().__init__(tree, environ, _KEYS, changed, loaded)
        except RecursionError:
            raise _too_much(path) from None

    def text(self, value: object, what: str, line: int | None = None) -> str:
        """Return `value` if it is a string; raise an error that says why not otherwise."""
        if isinstance(value, Default):
            self.notes += (
                f"{self.path}:{line}: {what} is the default for the environment variable "
                f"{variable!r}, which is not set here; set it, or pass --db-url."
                for variable, line in value.missing
            )
        if isinstance(value, str):
            return value
        raise self.error(value, what, "is not a string", line)

    def dictionary(self, value: object, what: str, line: int | None = None) -> Dictionary:
        """Return `value` if it is a dictionary; raise an error that says why not otherwise."""
        if isinstance(value, Dictionary):
            return value
        raise self.error(value, what, "is not a dictionary", line)

    def items(
        self, value: object, what: str, line: int | None = None
    ) -> list[tuple[object, object, int]]:
        """Return keys, values and lines of a dictionary all of which is known; raise an error else.

        What is done to a key that seems not to matter is overlooked otherwise.
        """
        found = self.dictionary(value, what, line)
        changed = found.spoiled or found.stored
        if changed:
            raise self.error(changed, what, "is computed", line)
        return [(key, value, found.lines[key]) for key, value in found.items()]

    def error(self, value: object, what: str, otherwise: str, line: int | None) -> BasedirError:
        """Return the error for a value that is unknown, or of a wrong kind."""
        if isinstance(value, Unknown):
            reason = "" if value.remedy else ", and the file is only read, never executed"
            return BasedirError(
                f"{self.path}:{value.line}: {what} {value.why}{reason}; "
                f"{value.remedy}pass --db-url."
            )
        place = self.path if line is None else f"{self.path}:{line}"
        return BasedirError(f"{place}: {what} {otherwise}; pass --db-url.")


def _parse(path: str) -> ast.Module:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BasedirError(f"{path} is not a regular file; pass --db-url.")
        # One of /proc may have any size, whatever it says, and wait for something to read.
        with open(path, "rb", opener=_open_without_waiting) as file:
            source = file.read(_MAX_FILE + 1) or b""
    except FileNotFoundError:
        raise BasedirError(
            f"{path} does not exist; is this a buildmaster's directory? If not, pass --db-url."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BasedirError(f"{path} cannot be read ({reason}); pass --db-url.") from None
    if len(source) > _MAX_FILE:
        raise BasedirError(f"{path} is larger than {_MAX_FILE} bytes; pass --db-url.")
    try:
        if len(source) * _depth(source) > _MAX_NEST:
            raise RecursionError
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its invalid escapes are not our user's concern
            return ast.parse(source)
    except SyntaxError as error:
        raise BasedirError(
            f"{path}:{error.lineno or 1}: This is not valid Python ({error.msg}); pass --db-url."
        ) from None
    except (MemoryError, RecursionError):  # Python raises either for what is nested too deeply
        raise _too_much(path) from None
    except ValueError as error:
        raise BasedirError(f"{path} cannot be parsed ({error}); pass --db-url.") from None


def _too_much(path: str) -> BasedirError:
    return BasedirError(f"{path} is too large, or nested too deeply, to be read; pass --db-url.")


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _depth(source: bytes) -> int:
    """Return how many brackets are open at once, at most; for a small file, what it can have."""
    most = _DEEPEST
    if b"coding" not in source:  # with which they may be written in other ways
        most = min(most, len(re.findall(_OPEN, source)) + 1)
    if len(source) * most <= _MAX_NEST:
        return most
    from io import BytesIO  # late: few are so large
    from tokenize import TokenError, tokenize

    depth = deepest = 0
    try:
        for token in tokenize(BytesIO(source).readline):
            if token.string in ("(", "[", "{"):
                depth += 1
                deepest = max(deepest, depth)
            elif token.string in (")", "]", "}"):
                depth -= 1
    except (TokenError, SyntaxError):
        pass  # the parser says what is wrong
    return deepest
