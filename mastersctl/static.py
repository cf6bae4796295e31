"""What a Python program binds to names at its top level, by reading and never by executing.

Understood are literals, names bound to literals, dictionaries made of these (``{...}``,
``dict(...)``, ``d[key] = value``), and look-ups in ``os.environ``. Everything else makes unknown
what it might change: a branch, a loop or a function does so to what is stored in it, a call to the
dictionaries that it is given, and whatever else holds a dictionary might change it at any later
time. Taken on trust is that no call changes the environment, or the program's own names, behind the
program's back.
"""

import ast
import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class Unknown(NamedTuple):
    """A value that only running the program would tell."""

    line: int
    why: str = "is computed"


class Dictionary(dict[object, object]):
    """A dictionary of the program, and what of it cannot be known."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.lines: dict[object, int] = {}  # where the value of a key stands
        self.rest: Unknown | None = None  # the value of every key that is not in it
        self._spoiled: dict[object, Unknown] = {}

    def look_up(self, key: object) -> object:
        """Return the value of `key`, None when there is none, or an `Unknown`."""
        spoiled = self._spoiled.get(key) or self._spoiled.get(_EVERYTHING)
        return spoiled or self.get(key, self.rest)

    def forget(self, key: object, unknown: Unknown) -> None:
        """Make a key, or `_EVERYTHING`, unknown until it is set again."""
        if key is _VALUES:
            self.spoil(key, unknown)
        elif key is _EVERYTHING:
            self.clear()
            self.rest = unknown
        else:
            self[key] = unknown

    def spoil(self, key: object, unknown: Unknown) -> None:
        """Make a key, `_EVERYTHING`, or what is in the `_VALUES`, unknown for ever."""
        if key is not _VALUES:
            self._spoiled[key] = unknown
        for value in self.values() if key in (_EVERYTHING, _VALUES) else [self.get(key)]:
            if isinstance(value, Dictionary) and _EVERYTHING not in value._spoiled:
                value.spoil(_EVERYTHING, unknown)


class _Known(enum.Enum):
    """What is understood besides literals and dictionaries."""

    OS = enum.auto()  # the module
    GETENV = enum.auto()  # os.getenv


_EVERYTHING = object()  # instead of a key: all of a dictionary
_VALUES = object()  # instead of a key: not the dictionary, but the dictionaries in it
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_READERS = ("get", "keys")  # methods that neither change a dictionary nor give away what is in it
_GIVERS = ("copy", "items", "values")  # methods that give away what is in it
_METHODS = (*_READERS, *_GIVERS, "environ")  # attributes that a call or a look-up accounts for
_MANY = 100  # changes to one name by functions that are told apart
_HARMLESS = ("bool", "id", "isinstance", "len", "print", "repr", "str", "type")  # functions
_TRUSTED = (*_HARMLESS, "dict")  # unless the program defines one of its own
_POWERFUL = ("eval", "exec", "globals")  # functions that reach every name
_POWERFUL_OUTSIDE = (*_POWERFUL, "locals", "vars")  # of functions, that is


class _Effect(NamedTuple):
    """Something that a piece of code may do to a dictionary."""

    target: ast.expr
    key: object  # the one that is changed, _EVERYTHING or _VALUES
    line: int
    for_ever: bool  # it may happen at any later time, too


class Program:
    """A program, read.

    Attributes:
        names: the values of the names at its end: literals, `Dictionary` or `Unknown`.
    """

    def __init__(self, tree: ast.Module, environ: Mapping[str, str]) -> None:
        self.environ = Dictionary(environ)
        self.names: dict[str, object] = {"os": _Known.OS}
        self._unknowable: dict[str, Unknown] = {}  # names that a function may bind
        self._everything_unknowable: Unknown | None = None
        # what functions may do to what has a name: each target and key once
        self._touched: dict[str, dict[tuple[str, object], _Effect]] = {}
        self._foresee(tree)
        for statement in tree.body:
            self._read(statement)

    def _foresee(self, tree: ast.Module) -> None:
        """Note what the functions of the program may do, whenever they are called."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                self._unknowable.update(dict.fromkeys(node.names, Unknown(node.lineno)))
            if isinstance(node, _FUNCTIONS):
                self._foresee_calls(node)
            if isinstance(node, _DEFINITIONS) and node.name in _TRUSTED:
                self._everything_unknowable = Unknown(node.lineno, f"depends on {node.name}()")
        for effect in self._touched.get("os", {}).values():  # which has its value from the start
            self._apply(effect)

    def _foresee_calls(self, function: "_Function") -> None:
        local = _local_names(function)
        for part in _body(function):
            for effect in _effects(part):
                root = _root(effect.target)
                if root not in local:
                    touched = self._touched.setdefault(root, {})
                    if len(touched) >= _MANY and root != "os":
                        whole = ast.Name(root, ast.Load(), lineno=effect.line)
                        effect = effect._replace(target=whole, key=_EVERYTHING)
                    once = ast.dump(effect.target), effect.key
                    touched[once] = effect._replace(for_ever=True)
            for name, line in _names(part, _POWERFUL):
                if name not in local:
                    self._everything_unknowable = Unknown(line)

    def _read(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                self._assign(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign([target], value)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                self._import(statement, aliases)
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=base, attr="update"), args=args) as call
            ) if len(args) <= 1:
                self._update(base, call)
            case _:
                self._forget(statement)

    def _import(self, statement: ast.Import | ast.ImportFrom, aliases: list[ast.alias]) -> None:
        imported = Unknown(statement.lineno, "is imported")
        for alias in aliases:
            name = alias.asname or alias.name.partition(".")[0]
            value: object = imported
            if isinstance(statement, ast.Import):
                if alias.name == "os" or (alias.name.startswith("os.") and not alias.asname):
                    value = _Known.OS
            elif statement.module == "os":
                value = {"environ": self.environ, "getenv": _Known.GETENV}.get(alias.name, imported)
            self._bind(name, value)
        self._forget_names_behind_a_star(statement)

    def _assign(self, targets: list[ast.expr], expression: ast.expr) -> None:
        self._forget_what_is_passed_on(expression)
        value = self._evaluate(expression)
        for target in targets:
            self._assign_value(target, value)

    def _assign_value(self, target: ast.expr, value: object) -> None:
        match target, value:
            case ast.Tuple(elts=parts), tuple() if len(parts) == len(value):
                for part, one in zip(parts, value, strict=True):
                    self._assign_value(part, one)
            case ast.Name(id=name), _ if not isinstance(value, tuple):
                self._bind(name, value)
            case ast.Subscript(value=base, slice=key), _:
                self._store(base, key, value, target.lineno)
            case _:
                self._forget(target)
                self._give_away(value, target.lineno)

    def _give_away(self, value: object, line: int) -> None:
        """Make unknown for ever a dictionary that ends where nothing is known of it."""
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, tuple):
                self._give_away(part, line)
            elif isinstance(part, Dictionary):
                part.spoil(_EVERYTHING, Unknown(line))

    def _store(self, base: ast.expr, key: ast.expr, value: object, line: int) -> None:
        container, place = self._evaluate(base), self._evaluate(key)
        if isinstance(value, tuple):
            self._give_away(value, line)
            value = Unknown(line)
        if not isinstance(container, Dictionary):
            self._forget(base)
            self._give_away(value, line)
        elif not isinstance(place, str | int):
            container.forget(_EVERYTHING, Unknown(line))
        else:
            container[place] = value
            container.lines[place] = line

    def _update(self, base: ast.expr, call: ast.Call) -> None:
        """Read ``d.update({...}, key=value)``, whose argument may be no literal."""
        container = self._evaluate(base)
        if not isinstance(container, Dictionary):
            self._forget(call)
            return
        given = ast.Call(ast.Name("dict", ast.Load()), call.args, call.keywords)
        ast.copy_location(given, call)
        self._forget_what_is_passed_on(given)
        values = self._evaluate(given) if "dict" not in self.names else None
        if not isinstance(values, Dictionary) or values.rest:
            container.forget(_EVERYTHING, Unknown(call.lineno))
            return
        container.update(values)
        container.lines.update(dict.fromkeys(values, call.lineno))

    def _forget_what_is_passed_on(self, expression: ast.expr) -> None:
        """Apply the effects of an expression that is assigned, of which plain aliases are none."""
        match expression:
            case ast.Dict(keys=keys, values=values):
                for part in [*filter(None, keys), *values]:
                    self._forget_what_is_passed_on(part)
            case ast.Call(func=ast.Name(id="dict"), args=args, keywords=keywords):
                for part in [*args, *(keyword.value for keyword in keywords)]:
                    self._forget_what_is_passed_on(part)
            case ast.Tuple(elts=parts):
                for part in parts:
                    self._forget_what_is_passed_on(part)
            case _ if not _is_path(expression):
                self._forget(expression)

    def _forget(self, part: ast.AST) -> None:
        """Make unknown all that `part` may change."""
        for effect in _effects(part):
            self._apply(effect)
        for name, line, why in _bound_names(part):
            self._bind(name, Unknown(line, why))
        for _, line in _names(part, _POWERFUL_OUTSIDE):
            self._forget_names(Unknown(line))
        for node in _walk(part):
            self._forget_names_behind_a_star(node)

    def _forget_names_behind_a_star(self, node: ast.AST) -> None:
        match node:
            case ast.ImportFrom(module=module, names=[ast.alias(name="*")]):
                if (module or "").partition(".")[0] != "buildbot":  # whose names are its plugins'
                    self._forget_names(Unknown(node.lineno, "may be imported"))

    def _forget_names(self, unknown: Unknown) -> None:
        for name, value in self.names.items():
            if isinstance(value, Dictionary):
                value.spoil(_EVERYTHING, unknown)
            if value is not _Known.OS:
                self.names[name] = unknown

    def _apply(self, effect: _Effect) -> None:
        container = self._evaluate(effect.target)
        if isinstance(container, Dictionary):
            change = container.spoil if effect.for_ever else container.forget
            change(effect.key, Unknown(effect.line))

    def _bind(self, name: str, value: object) -> None:
        unknowable = self._everything_unknowable or self._unknowable.get(name)
        self.names[name] = value if unknowable is None else unknowable
        for effect in self._touched.get(name, {}).values():
            self._apply(effect)

    def _evaluate(self, node: ast.expr) -> object:
        unknown = Unknown(node.lineno)
        match node:
            case ast.Constant(value=value):
                return value
            case ast.JoinedStr(values=[ast.Constant(value=value)]):
                return value
            case ast.Name(id=name):
                return self.names.get(name, unknown)
            case ast.Attribute(value=base, attr="environ" | "getenv" as name):
                members = {"environ": self.environ, "getenv": _Known.GETENV}
                return members[name] if self._evaluate(base) is _Known.OS else unknown
            case ast.Tuple(elts=parts):
                return tuple(self._evaluate(part) for part in parts)
            case ast.Dict(keys=keys, values=values):
                return self._dictionary(zip(keys, values, strict=True), node.lineno)
            case ast.Subscript(value=base, slice=key):
                return self._look_up(self._evaluate(base), [key], node.lineno)
            case ast.Call():
                return self._call(node)
        return unknown

    def _dictionary(
        self, pairs: Iterator[tuple[ast.expr | None, ast.expr]], line: int
    ) -> Dictionary:
        result = Dictionary()
        for key, value in pairs:
            place = Unknown(line) if key is None else self._evaluate(key)
            known = self._evaluate(value)
            if isinstance(known, tuple):
                self._give_away(known, line)
                known = Unknown(line)
            if isinstance(place, str | int):
                result[place] = known
                result.lines[place] = value.lineno
            else:
                result.forget(_EVERYTHING, Unknown(line))
        return result

    def _call(self, node: ast.Call) -> object:
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        match node.func:
            case ast.Name(id="dict") if "dict" not in self.names:
                return self._dict_call(node)
            case ast.Attribute(value=base, attr="get"):
                owner = self._evaluate(base)
            case function:
                owner = self.environ if self._evaluate(function) is _Known.GETENV else None
        return self._look_up(owner, arguments, node.lineno)

    def _dict_call(self, node: ast.Call) -> object:
        keys: list[ast.expr | None] = []
        for keyword in node.keywords:
            key = None if keyword.arg is None else ast.Constant(keyword.arg, lineno=node.lineno)
            keys.append(key)
        values = [keyword.value for keyword in node.keywords]
        result = self._dictionary(zip(keys, values, strict=True), node.lineno)
        for argument in node.args:
            given = self._evaluate(argument)
            if not isinstance(given, Dictionary) or given.rest or len(node.args) > 1:
                result.forget(_EVERYTHING, Unknown(node.lineno))
            else:
                result.update({key: given.look_up(key) for key in given if key not in result})
        return result

    def _look_up(self, owner: object, arguments: list[ast.expr], line: int) -> object:
        """Return ``owner[key]``, or ``owner.get(key, default)``."""
        values = [self._evaluate(argument) for argument in arguments]
        match owner, values:
            case Dictionary(), [str() | int() as key, *default] if len(default) <= 1:
                value = owner.look_up(key)
                if value is None and default:
                    value = default[0]
                if value is None and owner is self.environ:
                    why = f"comes from the environment variable {key!r}, which is not set"
                    return Unknown(line, why)
                return value
        return Unknown(line)


def _is_path(node: ast.AST) -> bool:
    """Return whether `node` is a name, or a look-up in what a path leads to."""
    match node:
        case ast.Name():
            return True
        case ast.Subscript(value=base) | ast.Attribute(value=base, attr="environ"):
            return _is_path(base)
        case ast.Call(func=ast.Attribute(value=base, attr="get")):
            return _is_path(base)
    return False


def _root(path: ast.AST) -> str:
    while not isinstance(path, ast.Name):
        match path:
            case ast.Subscript(value=path) | ast.Attribute(value=path) | ast.Call(func=path):
                continue
        return ""
    return path.id


def _walk(part: ast.AST) -> Iterator[ast.AST]:
    """Yield `part` and all in it, but not the bodies of functions, which run at another time."""
    waiting: list[ast.AST] = [part]
    while waiting:
        node = waiting.pop()
        yield node
        match node:
            case ast.Lambda():
                waiting.append(node.args)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                waiting += [node.args, *node.decorator_list]
            case _:
                waiting += ast.iter_child_nodes(node)


def _names(part: ast.AST, wanted: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    for node in _walk(part):
        if isinstance(node, ast.Name) and node.id in wanted:
            yield node.id, node.lineno


def _effects(part: ast.AST) -> Iterator[_Effect]:
    """Yield what `part` may do to dictionaries that exist before it."""
    local = {target.id for node in _walk(part) for target in _comprehension_targets(node)}
    for node in _walk(part):
        for effect in _effects_of_one(node):
            if _root(effect.target) not in local:
                yield effect


def _comprehension_targets(node: ast.AST) -> Iterator[ast.Name]:
    """Yield the names that a comprehension binds, for itself alone."""
    if isinstance(node, _COMPREHENSIONS):
        for generator in node.generators:
            for target in ast.walk(generator.target):
                if isinstance(target, ast.Name):
                    yield target


def _effects_of_one(node: ast.AST) -> Iterator[_Effect]:
    """Yield what a node itself, without those in it, may do."""
    line = getattr(node, "lineno", 0)
    match node:
        case ast.Subscript(value=base, slice=key, ctx=ast.Store() | ast.Del()):
            place = key.value if isinstance(key, ast.Constant) else _EVERYTHING
            yield _Effect(base, place, line, for_ever=False)
        case ast.AugAssign(target=target):
            yield _Effect(target, _EVERYTHING, line, for_ever=False)
        case ast.Call(func=ast.Name(id=name)) if name in _HARMLESS:
            pass
        case ast.Call(func=function, args=args, keywords=keywords):
            given = [*args, *(keyword.value for keyword in keywords)]
            if isinstance(function, ast.Attribute) and function.attr in _GIVERS:
                yield _Effect(function.value, _VALUES, line, for_ever=True)
            elif isinstance(function, ast.Attribute) and function.attr not in _READERS:
                given.append(function.value)
            for argument in filter(_is_path, given):
                yield _Effect(argument, _EVERYTHING, line, for_ever=False)
        case ast.Compare():
            pass
        case _:
            yield from _aliases(node, line)


def _aliases(node: ast.AST, line: int) -> Iterator[_Effect]:
    """Yield an effect for each path that `node` passes on to where nothing is known of it."""
    if isinstance(node, ast.Subscript | ast.Attribute | ast.Expr | ast.keyword):
        passed_on: list[ast.AST] = []
        if isinstance(node, ast.Attribute) and node.attr not in _METHODS:
            passed_on = [node.value]
    else:
        passed_on = list(ast.iter_child_nodes(node))
    for child in passed_on:
        is_bound = isinstance(getattr(child, "ctx", None), ast.Store | ast.Del)
        if _is_path(child) and isinstance(child, ast.expr) and not is_bound:
            yield _Effect(child, _EVERYTHING, line, for_ever=True)


def _bound_names(part: ast.AST) -> Iterator[tuple[str, int, str]]:
    """Yield the names that `part` binds outside of functions, with line and reason."""
    local = {id(target) for node in _walk(part) for target in _comprehension_targets(node)}
    for node in _walk(part):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if id(node) not in local:
                yield name, line, "is computed"
            case ast.alias(name=name, asname=asname) if name != "os":
                yield asname or name.partition(".")[0], line, "is imported"
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, line, "is a function"
            case ast.ClassDef(name=name):
                yield name, line, "is a class"
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name, line, "is computed"
            case ast.MatchMapping(rest=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name, line, "is computed"


_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def _body(function: _Function) -> Sequence[ast.AST]:
    return [function.body] if isinstance(function, ast.Lambda) else function.body


def _local_names(function: _Function) -> set[str]:
    arguments = [node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)]
    bound = {name for part in _body(function) for name, _, _ in _bound_names(part)}
    outer = {
        name
        for part in _body(function)
        for node in _walk(part)
        if isinstance(node, ast.Global | ast.Nonlocal)
        for name in node.names
    }
    return {*arguments, *bound} - outer
