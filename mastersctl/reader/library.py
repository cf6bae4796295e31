"""The functions, methods and operators that the reader applies to known values.

None of them mutates a value, and no result is larger than some megabytes.
"""

from __future__ import annotations

import ast
import operator
import os.path
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath, PurePosixPath
from string import Formatter
from typing import NoReturn

from mastersctl.reader.objects import Names, Object, Slot

MAX_TEXT = 2**13  # characters; a method's result has at most the square of it
# A format must not match this: it could make a text of any size, or show the reader's internals.
_MAX_WIDTH = r"\d{4}|%[^a-zA-Z%]*\*|\.__"
MAX_BITS = 64  # of a known integer; longer ones take long to print


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


class UntoldError(Exception):
    """Raised when a result is unknown, or needs an unknown value."""


class _Untold:
    """Stands in for an unknown value that a text may use; any use raises `UntoldError`."""

    __slots__ = ()

    def _refuse(self, *_: object) -> NoReturn:
        raise UntoldError

    __getattribute__ = __getitem__ = __format__ = __str__ = __repr__ = _refuse


class _View(Mapping[object, object]):
    """A dictionary of the program, of which a text may use some items."""

    def __init__(self, target: Object, read: Callable[[Slot], object]) -> None:
        self._target = target
        self._read = read

    def __getitem__(self, key: object) -> object:
        slot = self._target.slot(key)
        if slot is None:
            raise KeyError(key)
        return plain(self._read(slot), self._read, is_text=True)

    def __iter__(self, *_: object) -> NoReturn:
        raise UntoldError

    __str__ = __repr__ = __format__ = __iter__

    def __len__(self) -> int:
        if not self._target.is_known:
            raise UntoldError
        return len(self._target.slots)


def plain(value: object, read: Callable[[Slot], object], is_text: bool = False) -> object:
    """Convert a known value of the program to a value of Python.

    Parameters:
        read: returns the value of a slot.
        is_text: whether the value goes into a text, which need not use its unknown parts.

    Raises:
        UntoldError: the value is unknown, too long, or has no equivalent in Python.
    """
    if value is None or isinstance(value, str | int | float | bytes | PurePath):
        if isinstance(value, str | bytes) and len(value) > MAX_TEXT:
            raise UntoldError
        return value
    if type(value) is tuple:
        return tuple(plain(part, read, is_text) for part in value)
    if isinstance(value, Object) and value.kind == "list" and value.is_known and not value.name:
        return [plain(read(slot), read) for slot in value.slots.values()]
    if isinstance(value, Names) and isinstance(value.owner, Object) and is_text:
        return _View(value.owner, read)
    if isinstance(value, Object) and value.kind == "dict" and is_text:
        return _View(value, read)
    if is_text:
        return _Untold()
    raise UntoldError


def percent(text: object, values: object) -> object:
    """Apply the operator ``%`` to a text, or to numbers."""
    if isinstance(text, str) and re.search(_MAX_WIDTH, text):
        raise UntoldError
    if isinstance(text, int | bytes):
        raise UntoldError
    return text % values  # type: ignore[operator]


def add(left: object, right: object) -> object:
    """Return ``left + right``."""
    return left + right  # type: ignore[operator]


def divide(left: object, right: object) -> object:
    """Return ``left / right``, where one of the two is a path."""
    if not isinstance(left, PurePath) and not isinstance(right, PurePath):
        raise UntoldError
    return left / right  # type: ignore[operator]


def format_value(value: object, conversion: int, spec: object) -> str:
    """Format a value as an f-string does."""
    convert = _CONVERSIONS[conversion]
    if not isinstance(spec, str) or re.search(_MAX_WIDTH, spec):
        raise UntoldError
    return format(convert(value), spec)


def _itself(value: object) -> object:
    return value


_CONVERSIONS: Mapping[int, Callable[[object], object]] = {
    -1: _itself,
    ord("s"): str,
    ord("r"): repr,
    ord("a"): ascii,
}


OPERATORS: Mapping[type[ast.operator], Callable[[object, object], object]] = {
    ast.Add: add,
    ast.Mod: percent,
    ast.Div: divide,
}
COMPARISONS: Mapping[type[ast.cmpop], Callable[..., object]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda key, values: key in values,
    ast.NotIn: lambda key, values: key not in values,
}

_TEXT_METHODS = words(
    "capitalize casefold count decode encode endswith find format format_map index isalnum isalpha "
    "isdigit islower isspace isupper join lower lstrip partition removeprefix removesuffix replace "
    "rfind rpartition rsplit rstrip split splitlines startswith strip swapcase title upper"
)
_PATH_METHODS = words("as_posix is_absolute joinpath relative_to with_name with_stem with_suffix")
_PATH_ATTRIBUTES = ("anchor", "name", "parent", "parents", "parts", "stem", "suffix")
_FILE_METHODS = ("absolute", "exists", "expanduser", "is_file", "open", "read_text", "resolve")


def is_method(owner: object, name: str) -> bool:
    """Return whether the reader models a method of a known value."""
    if isinstance(owner, PurePath):
        return name in _PATH_METHODS or name in _FILE_METHODS
    return isinstance(owner, str | bytes) and name in _TEXT_METHODS


def method(owner: object, name: str) -> Callable[..., object]:
    """Return a method of a known value.

    Raises:
        UntoldError: the method could make a text of any size.
    """
    if name in ("format", "format_map"):
        specs = [spec or "" for _, _, spec, _ in Formatter().parse(str(owner))]
        if re.search(_MAX_WIDTH, str(owner)) or any("{" in spec for spec in specs):
            raise UntoldError
    found: Callable[..., object] = getattr(owner, name)
    return found


def attribute(owner: object, name: str) -> object:
    """Return an attribute of a path.

    Raises:
        UntoldError: the reader does not model the attribute.
    """
    if isinstance(owner, PurePath) and name in _PATH_ATTRIBUTES:
        if name == "parents" and len(owner.parts) > MAX_BITS:
            raise UntoldError
        found = getattr(owner, name)
        return tuple(found) if name == "parents" else found
    raise UntoldError


def _to_int(value: object, *base: object) -> object:
    if not isinstance(value, str | int) or base or len(str(value)) > MAX_BITS // 4:
        raise UntoldError
    return int(value)


def _to_text(value: object = "", *encoding: object) -> object:
    if encoding or not isinstance(value, str | int | float | PurePath | None):
        raise UntoldError
    return str(value)


def _length(value: object) -> object:
    return len(value)  # type: ignore[arg-type]


def _path(*parts: str) -> PurePath:
    return Path(*parts)


def _sibling(path: str, name: str) -> str:
    return os.path.join(os.path.dirname(os.path.abspath(path)), name)


def _quote(text: str, safe: str = "/") -> str:
    from urllib.parse import quote  # late: few configurations use it

    return quote(text, safe)


def _quote_plus(text: str, safe: str = "") -> str:
    from urllib.parse import quote_plus  # late: few configurations use it

    return quote_plus(text, safe)


def _load_json(text: str) -> object:
    from json import loads  # late: few configurations use it

    return loads(text)


FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "builtins.bool": bool,
    "builtins.int": _to_int,
    "builtins.len": _length,
    "builtins.str": _to_text,
    "json.loads": _load_json,
    "os.fspath": os.fspath,
    "os.path.basename": os.path.basename,
    "os.path.dirname": os.path.dirname,
    "os.path.isabs": os.path.isabs,
    "os.path.join": os.path.join,
    "os.path.normpath": os.path.normpath,
    "os.path.split": os.path.split,
    "os.path.splitext": os.path.splitext,
    "pathlib.Path": _path,
    "pathlib.PosixPath": _path,
    "pathlib.PurePath": PurePosixPath,
    "pathlib.PurePosixPath": PurePosixPath,
    "twisted.python.util.sibpath": _sibling,
    "urllib.parse.quote": _quote,
    "urllib.parse.quote_plus": _quote_plus,
}

# These functions mutate none of their arguments. The first ones return numbers and texts; results
# of the others may alias the arguments.
_MAKE_TEXTS = words(
    "ascii bool bytes callable chr dir format hasattr hash hex id input int isinstance issubclass "
    "len print range repr str"
)
_MAKE_CONTAINERS = words(
    "all any enumerate frozenset iter list max min next reversed set sorted sum tuple type zip"
)
MAKE_TEXTS = frozenset(
    [f"builtins.{name}" for name in _MAKE_TEXTS]
    + ["json.dumps", "pprint.pformat", "pprint.pp", "pprint.pprint", "twisted.python.log.msg"]
)
CHANGE_DICTIONARIES = words("__delitem__ __ior__ __setitem__ clear pop popitem setdefault update")
MAKE_CONTAINERS = frozenset(
    [f"builtins.{name}" for name in _MAKE_CONTAINERS] + ["copy.copy", "copy.deepcopy"]
)

# These functions set environment variables from a file. They override set ones only on request.
LOADERS = ("load_dotenv", "read_dotenv", "read_env", "read_envfile")
LOADERS_ARGUMENTS = words("dotenv_path encoding interpolate path recurse stream verbose")

# Each of these gives access to the whole program.
REACH_ALL = words(
    "builtins.__dict__ builtins.__import__ builtins.eval builtins.exec builtins.globals "
    "sys._current_frames sys._getframe sys.setprofile sys.settrace"
)
REACH_ALL_MODULES = ("__main__", "ctypes", "gc", "inspect", "runpy")
REACH_ALL_ATTRIBUTES = words(
    "__builtins__ __closure__ __dict__ __getattribute__ __globals__ f_back f_globals f_locals "
    "gi_frame tb_frame"
)
