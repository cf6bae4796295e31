"""A buildmaster's directory into a database URL, by reading and never by executing.

``buildbot.tac`` and ``master.cfg`` are Python programs. Of such a program only this is understood:
literals, names bound to literals, ``dict(...)`` with keywords, and look-ups in ``os.environ``. What
anything else evaluates to is unknown, and an unknown database URL is an error that names its line.
"""

import ast
import enum
import os
import stat
import warnings
from collections.abc import Mapping
from typing import NamedTuple

from mastersctl.errors import MastersctlError

TAC = "buildbot.tac"
DEFAULT_CONFIG = "master.cfg"
DEFAULT_DB_URL = "sqlite:///state.sqlite"

_LARGEST_FILE = 10 * 2**20  # bytes; far beyond every real one, and parsed within seconds


class BasedirError(MastersctlError):
    """A buildmaster's directory does not say, in so many words, where its database is."""


def read_db_url(basedir: str, environ: Mapping[str, str]) -> str:
    """Return the database URL that the configuration of the buildmaster in `basedir` holds.

    Mirrors what Buildbot does with ``buildbot.tac`` (the name ``configfile``) and with the config
    file (``c['db']['db_url']``, ``c['db_url']``, else `DEFAULT_DB_URL`), but executes neither.

    Raises:
        BasedirError: a file is missing or cannot be read, or the URL is computed.
    """
    tac = _Program(os.path.join(basedir, TAC), environ)
    config_name = tac.text(tac.names.get("configfile", DEFAULT_CONFIG), "The name 'configfile'")
    program = _Program(os.path.join(basedir, config_name), environ)
    if "BuildmasterConfig" not in program.names:
        raise BasedirError(f"{program.path} does not define 'BuildmasterConfig'; pass --db-url.")
    config = program.dictionary(program.names["BuildmasterConfig"], "'BuildmasterConfig'")
    if "db" in config or _REST in config:
        config = program.dictionary(_lookup(config, "db"), "c['db']")
    return program.text(config.get("db_url", config.get(_REST, DEFAULT_DB_URL)), "The database URL")


class _Unknown(NamedTuple):
    """The value of something that only running the program would tell."""

    line: int
    why: str = "is computed"


_IMPORTED = "is imported"


class _Known(enum.Enum):
    """What is understood besides literals."""

    OS = enum.auto()
    ENVIRON = enum.auto()  # os.environ
    GETENV = enum.auto()  # os.getenv, os.environ.get


_OS_MEMBERS = {"environ": _Known.ENVIRON, "getenv": _Known.GETENV}
_MEMBERS = {(_Known.OS, name): value for name, value in _OS_MEMBERS.items()}
_MEMBERS[_Known.ENVIRON, "get"] = _Known.GETENV
_READERS = ("copy", "get", "items", "keys", "values")  # methods that leave a dictionary alone
_REST = object()  # a dictionary's key for "all keys that are not in it"

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

_Dict = dict[object, object]


class _Program:
    """The names that a Python file binds at its top level, as far as they can be read."""

    def __init__(self, path: str, environ: Mapping[str, str]) -> None:
        self.path = path
        self.names: _Dict = {"os": _Known.OS}
        self._environ = environ
        tree = _parse(path)
        try:
            for statement in tree.body:
                self._read(statement)
            for statement in tree.body:
                if isinstance(statement, _DEFINITIONS):  # may have been called at any later line
                    self._forget(statement)
        except RecursionError:
            raise BasedirError(f"{path} is nested too deeply to be read; pass --db-url.") from None

    def text(self, value: object, what: str) -> str:
        """Return `value` if it is a string; raise an error that says why not otherwise."""
        if isinstance(value, str):
            return value
        raise self._error(value, what, "is not a string")

    def dictionary(self, value: object, what: str) -> _Dict:
        """Return `value` if it is a dictionary; raise an error that says why not otherwise."""
        if isinstance(value, dict):
            return value
        raise self._error(value, what, "is not a dictionary")

    def _error(self, value: object, what: str, otherwise: str) -> BasedirError:
        if isinstance(value, _Unknown):
            return BasedirError(
                f"{self.path}:{value.line}: {what} {value.why}, and the file is only read, never "
                "executed; pass --db-url."
            )
        return BasedirError(f"{self.path}: {what} {otherwise}; pass --db-url.")

    def _read(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                self._bind(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind([target], value)
            case ast.ImportFrom(module="os", names=aliases):
                for alias in aliases:
                    imported = _Unknown(statement.lineno, _IMPORTED)
                    self.names[alias.asname or alias.name] = _OS_MEMBERS.get(alias.name, imported)
            case ast.Import(names=[ast.alias(name="os" | "os.path" as name, asname=asname)]):
                if name == "os" or asname is None:  # "import os.path" binds the name os
                    self.names[asname or "os"] = _Known.OS
            case _:
                if isinstance(statement, _DEFINITIONS):
                    self.names[statement.name] = _Unknown(statement.lineno)
                self._forget(statement)

    def _bind(self, targets: list[ast.expr], expression: ast.expr) -> None:
        self._forget(expression)
        value = self._evaluate(expression)
        for target in targets:
            match target:
                case ast.Name(id=name):
                    self.names[name] = value
                case ast.Subscript(value=base, slice=ast.Constant(value=key)):
                    container = self._evaluate(base)
                    if isinstance(container, dict):
                        container[key] = value
                case _:
                    self._forget(target)

    def _forget(self, part: ast.AST) -> None:
        """Make unknown all that `part` may change: a branch, a loop, a function, a call."""
        local = isinstance(part, _DEFINITIONS)  # what it binds, it binds for itself
        for node in ast.walk(part):
            line = getattr(node, "lineno", 0)
            match node:
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if not local:
                    self.names[name] = _Unknown(line)
                case ast.alias(name=name, asname=asname) if not local:
                    self.names[asname or name.partition(".")[0]] = _Unknown(line, _IMPORTED)
                case ast.Global(names=names):
                    self.names.update(dict.fromkeys(names, _Unknown(line)))
                case ast.Subscript(value=base, slice=key, ctx=ast.Store() | ast.Del()):
                    self._change(base, key, line)
                case ast.Call(func=function, args=args, keywords=keywords):
                    for used in [*args, *(keyword.value for keyword in keywords)]:
                        self._change(used, None, line)  # configure(c)
                    if isinstance(function, ast.Attribute) and function.attr not in _READERS:
                        self._change(function.value, None, line)  # c.update(...)
                case ast.AugAssign(target=target):  # c |= {...}
                    self._change(target, None, line)

    def _change(self, node: ast.expr, key: ast.expr | None, line: int) -> None:
        container = self._evaluate(node)
        if not isinstance(container, dict):
            return
        if isinstance(key, ast.Constant):
            container[key.value] = _Unknown(line)
        else:
            container.clear()
            container[_REST] = _Unknown(line)

    def _evaluate(self, node: ast.expr) -> object:
        unknown = _Unknown(node.lineno)
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self.names.get(name, unknown)
            case ast.Attribute(value=ast.Name() | ast.Attribute() as base, attr=name):
                return _member(self._evaluate(base), name, unknown)
            case ast.Dict(keys=keys, values=values):
                if not all(isinstance(key, ast.Constant) for key in keys):
                    return {_REST: unknown}
                pairs = zip(keys, values, strict=True)
                return {k.value: self._evaluate(v) for k, v in pairs if isinstance(k, ast.Constant)}
            case ast.Subscript(value=base, slice=ast.Constant(value=key)):
                owner = self._evaluate(base)
                if owner is _Known.ENVIRON:
                    return self._getenv(node, key, None)
                return _lookup(owner, key) if isinstance(owner, dict) else unknown
            case ast.Call():
                return self._evaluate_call(node)
        return unknown

    def _evaluate_call(self, node: ast.Call) -> object:
        match node:
            case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
                if "dict" in self.names or any(keyword.arg is None for keyword in keywords):
                    return {_REST: _Unknown(node.lineno)}
                return {keyword.arg: self._evaluate(keyword.value) for keyword in keywords}
            case ast.Call(func=function, args=[ast.Constant(value=key), *rest], keywords=keywords):
                rest = [*rest, *(keyword.value for keyword in keywords)]
                if len(rest) <= 1 and self._evaluate(function) is _Known.GETENV:
                    return self._getenv(node, key, self._evaluate(rest[0]) if rest else None)
        return _Unknown(node.lineno)

    def _getenv(self, node: ast.expr, variable: object, default: object) -> object:
        value = self._environ.get(variable) if isinstance(variable, str) else None
        if value is not None:
            return value
        unset = f"comes from the environment variable {variable!r}, which is not set"
        return _Unknown(node.lineno, unset) if default is None else default


def _member(owner: object, name: str, unknown: _Unknown) -> object:
    return _MEMBERS.get((owner, name), unknown) if isinstance(owner, _Known) else unknown


def _lookup(container: _Dict, key: object) -> object:
    return container.get(key, container.get(_REST))


def _parse(path: str) -> ast.Module:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise BasedirError(f"{path} is not a regular file; pass --db-url.")
        if status.st_size > _LARGEST_FILE:
            raise BasedirError(f"{path} is larger than {_LARGEST_FILE} bytes; pass --db-url.")
        with open(path, "rb") as file:
            source = file.read()
    except FileNotFoundError:
        raise BasedirError(
            f"{path} does not exist; is this a buildmaster's directory? If not, pass --db-url."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BasedirError(f"{path} cannot be read ({reason}); pass --db-url.") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its invalid escapes are not our user's concern
            return ast.parse(source)
    except SyntaxError as error:
        raise BasedirError(
            f"{path}:{error.lineno or 1}: This is not valid Python ({error.msg}); pass --db-url."
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise BasedirError(f"{path} cannot be parsed ({error}); pass --db-url.") from None
