"""A Python file that configures something, read and never executed, and what is wrong in it."""

import ast
import os
import stat
import warnings
from collections.abc import Mapping

from mastersctl.errors import BasedirError
from mastersctl.static import Dictionary, Program, Unknown

_LARGEST_FILE = 2**19  # bytes; far beyond every real one, and parsed in 5 s and 500 MiB at worst
_LARGEST_NEST = 8 * _LARGEST_FILE  # bytes times brackets around them, each of which takes memory
_DEEPEST = 200  # brackets in brackets; Python's limit


class ConfigFile(Program):
    """A Python file, with errors that say where in it the reason stands."""

    def __init__(self, path: str, environ: Mapping[str, str]) -> None:
        self.path = path
        tree = _parse(path)
        try:
            super().__init__(tree, environ, ("db", "db_url"))
        except RecursionError:
            raise BasedirError(f"{path} is nested too deeply to be read; pass --db-url.") from None

    def text(self, value: object, what: str, line: int | None = None) -> str:
        """Return `value` if it is a string; raise an error that says why not otherwise."""
        if isinstance(value, str):
            return value
        raise self._error(value, what, "is not a string", line)

    def dictionary(self, value: object, what: str, line: int | None = None) -> Dictionary:
        """Return `value` if it is a dictionary; raise an error that says why not otherwise."""
        if isinstance(value, Dictionary):
            return value
        raise self._error(value, what, "is not a dictionary", line)

    def _error(self, value: object, what: str, otherwise: str, line: int | None) -> BasedirError:
        if isinstance(value, Unknown):
            return BasedirError(
                f"{self.path}:{value.line}: {what} {value.why}, and the file is only read, never "
                "executed; pass --db-url."
            )
        place = self.path if line is None else f"{self.path}:{line}"
        return BasedirError(f"{place}: {what} {otherwise}; pass --db-url.")


def _parse(path: str) -> ast.Module:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BasedirError(f"{path} is not a regular file; pass --db-url.")
        # One of /proc may have any size, whatever it says, and wait for something to read.
        with open(path, "rb", opener=_open_without_waiting) as file:
            source = file.read(_LARGEST_FILE + 1) or b""
    except FileNotFoundError:
        raise BasedirError(
            f"{path} does not exist; is this a buildmaster's directory? If not, pass --db-url."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BasedirError(f"{path} cannot be read ({reason}); pass --db-url.") from None
    if len(source) > _LARGEST_FILE:
        raise BasedirError(f"{path} is larger than {_LARGEST_FILE} bytes; pass --db-url.")
    try:
        if len(source) * _depth(source) > _LARGEST_NEST:
            raise RecursionError
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its invalid escapes are not our user's concern
            return ast.parse(source)
    except SyntaxError as error:
        raise BasedirError(
            f"{path}:{error.lineno or 1}: This is not valid Python ({error.msg}); pass --db-url."
        ) from None
    except (MemoryError, RecursionError):  # Python raises either for what is nested too deeply
        raise BasedirError(f"{path} is nested too deeply to be read; pass --db-url.") from None
    except ValueError as error:
        raise BasedirError(f"{path} cannot be parsed ({error}); pass --db-url.") from None


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _depth(source: bytes) -> int:
    """Return how many brackets are open at once, at most; what a small file can have, of one."""
    if len(source) * _DEEPEST <= _LARGEST_NEST:
        return _DEEPEST
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
