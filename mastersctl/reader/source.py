"""Safe reading and parsing of the files of a configuration."""

from __future__ import annotations

import ast
import os
import re
import stat
import sys
import warnings

from mastersctl.errors import BasedirError

WAYS_ON = "set MASTERSCTL_DB_URL, or pass --config-python or --db-url"

_MAX_FILE = 2**19  # bytes; far above any real file; parsing takes 5 s and 500 MiB at worst
_MAX_NEST = 8 * _MAX_FILE  # bytes times nested brackets, each of which takes memory
_MAX_DEPTH = 200  # nested brackets; Python's limit
_TEXT = re.compile(  # string literals and comments
    rb'"""(?:\\.|[^\\])*?"""'
    rb"|'''(?:\\.|[^\\])*?'''"
    rb'|"(?:\\.|[^"\\\n])*"'
    rb"|'(?:\\.|[^'\\\n])*'"
    rb"|#[^\n]*",
    re.DOTALL,
)
_PYTHON_2 = (
    "Missing parentheses in call to|multiple exception types must be parenthesized"
    "|leading zeros in decimal integer|maybe you meant '!='"
)


def parse(path: str) -> ast.Module:
    """Return the syntax tree of a file.

    Raises:
        BasedirError: the file cannot be read, or is not valid for this version of Python.
    """
    source = read(path)
    try:
        if len(source) * _MAX_DEPTH > _MAX_NEST < len(source) * _depth(source):
            raise RecursionError
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes do not concern our user
            return ast.parse(source)
    except SyntaxError as error:
        version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        problem = f"This is not valid {version} ({error.msg})"
        if re.search(_PYTHON_2, str(error.msg)):
            problem = f"This is written for Python 2 ({error.msg})"
        raise BasedirError(f"{path}:{error.lineno or 1}: {problem}; {WAYS_ON}.") from None
    except (MemoryError, RecursionError):  # Python raises either for deep nesting
        raise too_much(path) from None
    except ValueError as error:
        raise BasedirError(f"{path} cannot be parsed ({error}); {WAYS_ON}.") from None


def too_much(path: str) -> BasedirError:
    """Return the error for a program that is too large to read."""
    return BasedirError(f"{path} is too large, or nested too deeply, to be read; {WAYS_ON}.")


def read(path: str) -> bytes:
    """Return the contents of a regular file of limited size.

    Raises:
        BasedirError: the file cannot be read, or is too large.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BasedirError(f"{path} is not a regular file; pass --db-url.")
        # A file in /proc may have more bytes than its reported size, and may block the read.
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
        raise BasedirError(f"{path} is larger than {_MAX_FILE} bytes; {WAYS_ON}.")
    return source


def read_text(path: str, owner: int) -> str:
    """Return the text of a file that a configuration reads.

    Parameters:
        owner: the ID of the configuration's owner. A file of another user must be readable by
            everyone: the URL could send its contents anywhere.

    Raises:
        BasedirError: the file cannot be read, or must not be.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise BasedirError(f"{path} ({getattr(error, 'strerror', None) or error})") from None
    if status.st_uid != owner and not status.st_mode & stat.S_IROTH:
        raise BasedirError(f"{path} (it belongs to another user than the configuration)")
    try:
        return read(path).decode()
    except UnicodeDecodeError:
        raise BasedirError(f"{path} (it is not UTF-8)") from None


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _depth(source: bytes) -> int:
    """Return the nesting depth of brackets outside of string literals and comments."""
    depth = deepest = 0
    for bracket in re.findall(rb"[()\[\]{}]", _TEXT.sub(b"", source)):
        depth += 1 if bracket in b"([{" else -1
        deepest = max(deepest, depth)
    return min(deepest + 1, _MAX_DEPTH)
