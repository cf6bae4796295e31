"""What a Python program binds to names at its top level, by reading and never by executing.

Understood are literals, names bound to literals, dictionaries made of these (``{...}``,
``dict(...)``, ``d[key] = value``, ``d.update(...)``), and look-ups in ``os.environ``, each in a
statement of the top level. That such a value is still there at the end is believed only if nothing
else in the file could change it: every place where a name stands must be of a form that is known
to be harmless, and one that is not, anywhere, makes the name unknown.

Taken on trust is that code in other files changes neither the environment nor this program's names.
"""

import ast
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple, Self, TypeGuard


class Unknown:
    """A value that only running the program would tell; no tuple, which it could be taken for.

    Attributes:
        line: where the reason stands.
        why: the reason, as a predicate.
        remedy: what to do, before a database URL is given in other ways.
    """

    def __init__(self, line: int, why: str = "is computed", remedy: str = "") -> None:
        self.line = line
        self.why = why
        self.remedy = remedy


class Missing(NamedTuple):
    """An environment variable that is not set, though it is looked up.

    Attributes:
        line: where.
    """

    variable: str
    line: int


class Default(str):
    """A text that stands in for environment variables that are not set.

    Attributes:
        missing: which these are.
    """

    missing: tuple[Missing, ...]

    def __new__(cls, text: str, missing: Missing) -> Self:
        self = super().__new__(cls, text)
        self.missing = (missing, *getattr(text, "missing", ()))
        return self


class Dictionary(dict[object, object]):
    """A dictionary of the program."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[object, int] = {}  # where the value of a key stands
        self.spoiled: Unknown | None = None  # what makes all of it unknown
        self.stored: Unknown | None = None  # what may have set a key that did not seem to matter

    def set(self, key: object, value: object, line: int) -> None:
        self[key] = value
        self.lines[key] = line
        if self.spoiled:
            _spoil(value, self.spoiled)

    def look_up(self, key: object) -> object:
        """Return the value of `key`, None when there is none, or an `Unknown`."""
        return self.spoiled or self.get(key)

    def spoil(self, unknown: Unknown) -> None:
        """Make all of it, and all in it, unknown."""
        if self.spoiled is None:
            self.spoiled = unknown
            for value in self.values():
                _spoil(value, unknown)


class Program:
    """A program, read.

    Parameters:
        tree: the program.
        environ: the environment that it would be executed in.
        keys: the keys of dictionaries that matter; what is done to others is overlooked.
        changed, loaded: where the environment may have been changed before, and where only
            variables that are not set; None for nowhere.

    Attributes:
        changes, loads: the lines where this program may do that, too; None for nowhere.
    """

    def __init__(
        self,
        tree: ast.Module,
        environ: Mapping[str, str],
        keys: Collection[str],
        changed: str | None = None,
        loaded: str | None = None,
    ) -> None:
        self._names: dict[str, object] = {}
        self._otherwise: Unknown | None = None  # the value of a name that is not in them
        self._environ = environ
        self._keys = keys
        self._check = _Check(tree, environ, keys, loaded)
        self._changed = changed
        self.changes = self._check.environ.line if self._check.environ else None
        self.loads = self._check.loads_line
        for statement in tree.body:
            self._read(statement)

    def _read(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=targets, value=expression):
                value = self._evaluate(expression)
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as expression):
                self._assign(target, self._evaluate(expression))
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=base, attr="update")) as call):
                self._update(self._evaluate(base), self._dictionary_of(call), call.lineno)
            case ast.Import() | ast.ImportFrom():
                for name, line in _imported_names(statement):
                    self._bind(name, Unknown(line, "is imported"))
        for line in _stars(statement) if self._check.has_stars else ():
            self._forget_names(Unknown(line, "may be imported"))

    def value(self, name: str) -> object:
        """Return the value of a name at the end; None if it is not bound."""
        return self._names.get(name, self._otherwise)

    def _forget_names(self, unknown: Unknown) -> None:
        for value in self._names.values():
            _spoil(value, unknown)
        self._names.clear()
        self._otherwise = unknown

    def _update(self, container: object, given: Dictionary, line: int) -> None:
        if not isinstance(container, Dictionary):
            given.spoil(Unknown(line))  # by whatever may be done to the other one
        else:
            for key in given:
                container.set(key, given[key], given.lines[key])
            if given.spoiled:
                container.spoil(given.spoiled)

    def _assign(self, target: ast.expr, value: object) -> None:
        match target, value:
            case ast.Tuple(elts=targets), tuple() if len(targets) == len(value):
                for one, part in zip(targets, value, strict=True):
                    self._assign(one, part)
            case ast.Tuple(elts=targets), _:
                unknown = value if isinstance(value, Unknown) else Unknown(target.lineno)
                for one in targets:
                    self._assign(one, unknown)
            case ast.Name(id=name), _:
                self._bind(name, value)
            case ast.Subscript(value=base, slice=key), _:
                container, place = self._evaluate(base), self._evaluate(key)
                if isinstance(container, Dictionary):
                    _put(container, place, value, target.lineno)
                else:
                    _spoil(value, Unknown(target.lineno))

    def _bind(self, name: str, value: object) -> None:
        bad = self._check.everything or self._check.bound.get(name)
        old = self._names.get(name)
        if isinstance(value, Unknown) and isinstance(old, Dictionary):
            old.spoil(value)  # it may still be what the name stands for
        if isinstance(value, Dictionary):
            value.stored = value.stored or self._check.stored.get(name)
            spoiled = bad or self._check.used.get(name)
            if spoiled:
                value.spoil(spoiled)
        self._names[name] = bad or value

    def _evaluate(self, node: ast.expr) -> object:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.JoinedStr(values=[ast.Constant(value=value)]):
                return value
            case ast.Name(id=name):
                bound = self._otherwise or self._check.bound.get(name)
                return self._names.get(name, bound or Unknown(node.lineno))
            case ast.Tuple(elts=parts):
                return tuple(self._evaluate(part) for part in parts)
            case ast.Dict():
                return self._dictionary(node)
            case ast.Subscript():
                return self._item(node)
            case ast.Call(func=ast.Name(id="dict")) if "dict" not in self._check.bindings:
                return self._dictionary_of(node)
            case ast.Call() if self._check.is_getenv(node.func):
                return self._call_of_getenv(node)
        return Unknown(node.lineno, *self._why(node))

    def _why(self, node: ast.expr) -> tuple[str, ...]:
        return () if self._changed else self._check.why(node, self._names)

    def _item(self, node: ast.Subscript) -> object:
        key = self._evaluate(node.slice)
        if self._check.is_environ(node.value):
            return self._getenv(node.value, [key], node.lineno)
        owner = self._evaluate(node.value)
        if isinstance(owner, Dictionary) and isinstance(key, str) and key in self._keys:
            value = owner.look_up(key)
            return Unknown(node.lineno) if value is None else value
        return Unknown(node.lineno, *_reason(owner))

    def _call_of_getenv(self, call: ast.Call) -> object:
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        given = [*call.args, *(named.pop(arg) for arg in ("key", "default") if arg in named)]
        if named or not 1 <= len(given) <= 2:
            return Unknown(call.lineno)
        arguments = [self._evaluate(argument) for argument in given]
        return self._getenv(call.func, arguments, call.lineno)

    def _dictionary(self, node: ast.Dict) -> Dictionary:
        result = Dictionary()
        for key, item in zip(node.keys, node.values, strict=True):
            place = Unknown(item.lineno) if key is None else self._evaluate(key)
            _put(result, place, self._evaluate(item), item.lineno)
        return result

    def _dictionary_of(self, call: ast.Call) -> Dictionary:
        """Return the dictionary that the arguments of ``dict(...)`` or ``d.update(...)`` make."""
        result = Dictionary()
        for argument in call.args:
            given = self._evaluate(argument)
            if isinstance(argument, ast.Dict) and isinstance(given, Dictionary):
                result, result.lines, result.spoiled = given, given.lines, given.spoiled
            else:
                result.spoil(Unknown(call.lineno))
        for keyword in call.keywords:
            place = Unknown(call.lineno) if keyword.arg is None else keyword.arg
            _put(result, place, self._evaluate(keyword.value), keyword.value.lineno)
        return result

    def _getenv(self, function: ast.expr, arguments: list[object], line: int) -> object:
        """Return the value of a variable, for a look-up with `function`, or in it."""
        variable, *default = arguments
        root = next((node.id for node in ast.walk(function) if isinstance(node, ast.Name)), "")
        if self._check.environ or not isinstance(variable, str):
            return self._check.environ or Unknown(line, *_reason(variable))
        if self._changed:
            return Unknown(line, f"comes from the environment, which {self._changed} may change")
        if self._otherwise and root not in self._names:  # and may be anything that is imported
            return self._otherwise
        if self._check.is_set(variable):
            return self._environ[variable]
        match default:
            case [str(text)] if not self._check.loads:
                return Default(text, Missing(variable, line))
            case [Unknown() as unknown] if not self._check.loads:
                return unknown
        return Unknown(line, *self._check.not_set(variable))


def _spoil(value: object, unknown: Unknown) -> None:
    if isinstance(value, Dictionary):
        value.spoil(unknown)


def _reason(value: object) -> tuple[str, ...]:
    """Return why a value is unknown, and the remedy, if that is for a variable that is not set."""
    match value:
        case Unknown(why=why, remedy=remedy) if remedy:
            return why, remedy
    return ()


def _literal(node: ast.expr | None) -> object:
    match node:
        case ast.Constant(value=value) | ast.JoinedStr(values=[ast.Constant(value=value)]):
            return value
    return None


def _put(container: Dictionary, key: object, value: object, line: int) -> None:
    if not isinstance(key, str | int) or (
        isinstance(key, int) and key.bit_length() > _MAX_KEY_BITS
    ):
        container.spoil(Unknown(line))
    elif isinstance(value, tuple):
        container.set(key, Unknown(line), line)
    else:
        container.set(key, value, line)


_MAX_STEPS = 2**18  # some seconds at worst; 300 KiB of what people write take a third of it
_MAX_KEY_BITS = 64  # bits; longer ones take long to hash
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_READERS = ("copy", "get", "items", "keys", "values")  # methods of os.environ
_HARMLESS = ("bool", "id", "isinstance", "len", "print", "repr", "str", "type")  # functions
_POWERFUL = ("__builtins__", "builtins", "eval", "exec", "globals")  # names that reach all others
_POWERFUL_OUTSIDE = ("locals", "vars")  # of functions, that is
_LOADERS = ("load_dotenv", "read_dotenv", "read_env", "read_envfile")  # of a file of variables
_NO_OVERRIDES = ("dotenv_path", "encoding", "interpolate", "path", "recurse", "stream", "verbose")
_POWERFUL_ATTRIBUTES = (
    "__builtins__",
    "__dict__",
    "__globals__",
    "f_globals",
    "f_locals",
    "modules",
)

_Local = frozenset[str]
_Import = ast.Import | ast.ImportFrom
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Visitor = Callable[[Any, _Local, bool], None]


class _Check:
    """What of a program stands where it could change a value.

    Attributes:
        bindings: all names that are bound anywhere, in whatever way.
        bound: the names that are bound in a way that is not understood.
        used: the names whose dictionary, if they have one, may be changed.
        stored: the names in whose dictionary a key that does not matter may be set.
        environ: set if the environment may be changed.
        loads: where variables that are not set may be, from a file; None for nowhere.
        loads_line: the line of this program where that is; None if it is elsewhere.
        everything: set if every name may be.
    """

    def __init__(
        self,
        tree: ast.Module,
        environ: Mapping[str, str],
        keys: Collection[str],
        loads: str | None,
    ) -> None:
        self._environ = environ
        self._keys = keys
        self._why: tuple[str, ...] = ()  # what is bound by the statement that is looked at
        self._values: dict[str, object] = {}  # of names, at this statement
        self.bound: dict[str, Unknown] = {}
        self.used: dict[str, Unknown] = {}
        self.stored: dict[str, Unknown] = {}
        self.environ: Unknown | None = None
        self.loads = loads
        self.loads_line: int | None = None
        self.everything: Unknown | None = None
        self._os_names = {"os"}
        self._environ_names: set[str] = set()
        self._steps = 0
        self._visitors: dict[type[ast.AST], _Visitor] = {}
        self._getenv_names: set[str] = set()
        self._loaders = set(_LOADERS)
        nodes = _nodes(tree)
        self._spend(len(nodes))
        self.bindings = set(_all_bindings(nodes))
        self.has_stars = any(isinstance(node, ast.ImportFrom) and _is_star(node) for node in nodes)
        if self.has_stars:  # which may bind them
            self.bindings.update(("dict", *_HARMLESS))
        for statement in tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._note_import(statement)
        self._note_loads(nodes)
        self._looks_up = any(map(self.is_environ, nodes)) or any(map(self.is_getenv, nodes))
        for statement in tree.body:
            self._statement(statement)

    def is_set(self, variable: str) -> bool:
        try:
            return variable in self._environ
        except UnicodeEncodeError:  # no variable can have such a name
            return False

    def not_set(self, variable: str) -> tuple[str, str]:
        """Return why a value that comes from `variable` is unknown, and the remedy."""
        maybe = f" here, but may be set by {self.loads}" if self.loads else ""
        return (
            f"comes from the environment variable {variable!r}, which is not set{maybe}",
            "set it, or ",
        )

    def why(self, node: ast.AST, names: Mapping[str, object]) -> tuple[str, ...]:
        """Return why the value of `node` is unknown, if that is for a variable that is not set.

        Parameters:
            names: the values of names at that place.
        """
        if not self._looks_up or self.environ:
            return ()
        parts = _nodes(node)
        self._spend(len(parts))
        for part in parts:
            reason = _reason(self._named(part, names))
            if reason:
                return reason
            key = self._key_looked_up(part)
            variable = names.get(key.id) if isinstance(key, ast.Name) else _literal(key)
            if isinstance(variable, str) and not self.is_set(variable):
                return self.not_set(variable)
        return ()

    def _named(self, node: ast.AST, names: Mapping[str, object]) -> object:
        return names.get(node.id) or self.bound.get(node.id) if isinstance(node, ast.Name) else None

    def _key_looked_up(self, node: ast.AST) -> ast.expr | None:
        """Return which variable `node` itself looks up, if it does."""
        match node:
            case ast.Subscript(value=base, slice=key) if self.is_environ(base):
                return key
            case ast.Call(func=function, args=[key, *_]) if self.is_getenv(function):
                return key
            case ast.Call(func=function, keywords=keywords) if self.is_getenv(function):
                return next((word.value for word in keywords if word.arg == "key"), None)
            case ast.Compare(left=key, comparators=[base]) if self.is_environ(base):
                return key
        return None

    def is_environ(self, node: ast.AST) -> bool:
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr="environ"):
                return name in self._os_names
            case ast.Name(id=name):
                return name in self._environ_names
        return False

    def is_getenv(self, node: ast.AST) -> bool:
        """Return whether `node` is ``os.getenv`` or ``os.environ.get``."""
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr="getenv"):
                return name in self._os_names
            case ast.Attribute(value=base, attr="get"):
                return self.is_environ(base)
            case ast.Name(id=name):
                return name in self._getenv_names
        return False

    def _note_import(self, statement: ast.Import | ast.ImportFrom) -> None:
        for alias in statement.names:
            name = alias.asname or alias.name
            if isinstance(statement, ast.Import) and alias.name == "os":
                self._os_names.add(name)
            if isinstance(statement, ast.ImportFrom) and statement.module == "os":
                names = {"environ": self._environ_names, "getenv": self._getenv_names}
                names.get(alias.name, set()).add(name)

    def _note_loads(self, nodes: list[ast.AST]) -> None:
        """Note what may set variables from a file, which the environment has not yet."""
        self._loaders.update(
            alias.asname or alias.name
            for node in nodes
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name in _LOADERS
        )
        found = [node for node in nodes if self._is_loader(node)]
        if not found:
            return
        gentle = {
            id(node.func) for node in nodes if isinstance(node, ast.Call) and _keeps_variables(node)
        }
        for node in found:
            self.loads_line = self.loads_line or node.lineno
            self.loads = self.loads or f"line {node.lineno}"
            if id(node) not in gentle:
                self.environ = self.environ or Unknown(node.lineno)

    def _is_loader(self, node: ast.AST) -> TypeGuard[ast.expr]:
        if isinstance(node, ast.Attribute):
            return node.attr in _LOADERS
        if isinstance(node, ast.Constant):  # for getattr()
            return node.value in _LOADERS
        return (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and node.id in self._loaders
        )

    # Statements of the top level, of which some are understood

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                if True in [self._target(target) for target in targets]:  # each of them
                    self._give_away(value)
                self._value(value)
                self._note_values(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value, annotation=annotation):
                if self._target(target):
                    self._give_away(value)
                self._value(value)
                self._note_values([target], value)
                self._visit(annotation, frozenset())
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=base, attr="update")) as call
            ) if _root(base) and not self.is_environ(base) and len(call.args) <= 1:
                self._path(base)
                self._arguments(call)
            case ast.Import() | ast.ImportFrom():
                self._check_imports(statement)
            case _:
                self._why = self.why(statement, self._values)
                self._visit(statement, frozenset())
                self._why = ()

    def _note_values(self, targets: list[ast.expr], value: ast.expr) -> None:
        """Note what names are at this place, if that may say why another is unknown."""
        known = _literal(value)
        if known is None:
            known = Unknown(value.lineno, *self.why(value, self._values))
        self._values.update((one.id, known) for one in targets if isinstance(one, ast.Name))

    def _target(self, target: ast.expr) -> bool:
        """Look at a target; return whether nothing is known of what is assigned to it."""
        match target:
            case ast.Name(id=name):
                self._check_rebinding(name, target.lineno)
            case ast.Tuple(elts=parts) if not any(isinstance(p, ast.Starred) for p in parts):
                return True in [self._target(part) for part in parts]
            case ast.Subscript(value=base, slice=key) if _root(base) and not self.is_environ(base):
                self._path(base)
                self._key(key, _root(base))
                return not (isinstance(key, ast.Constant) and key.value in self._keys)
            case _:
                self._visit(target, frozenset())
                return True
        return False

    def _value(self, value: ast.expr) -> None:
        match value:
            case ast.Name(id=name) if not self._is_special(name):
                pass  # an alias, whose own places are looked at
            case ast.Subscript() if _root(value) and not self.is_environ(value.value):
                self._path(value)
            case ast.Dict(keys=keys, values=values):
                for key, item in zip(keys, values, strict=True):
                    self._item(key, item)
            case ast.Call(func=ast.Name(id="dict")) if "dict" not in self.bindings:
                self._arguments(value)
            case _:
                self._visit(value, frozenset())

    def _arguments(self, call: ast.Call) -> None:
        for argument in call.args:
            if isinstance(argument, ast.Dict):
                self._value(argument)
            else:
                self._visit(argument, frozenset())
        for keyword in call.keywords:
            self._item(ast.Constant(keyword.arg) if keyword.arg else None, keyword.value)

    def _item(self, key: ast.expr | None, value: ast.expr) -> None:
        """Look at one item of a dictionary that is made."""
        if isinstance(key, ast.expr) and not isinstance(key, ast.Constant | ast.Name):
            self._visit(key, frozenset())
        matters = isinstance(key, ast.Constant) and key.value in self._keys
        if matters or (isinstance(key, ast.Constant) and isinstance(value, ast.Dict)):
            self._value(value)
        else:
            self._visit(value, frozenset())

    def _path(self, path: ast.expr) -> None:
        """Look at a name, or an item of it, that is only an alias or stored in."""
        while isinstance(path, ast.Subscript):
            self._key(path.slice, _root(path))
            path = path.value
        if isinstance(path, ast.Name) and self._is_special(path.id):
            self._visit(path, frozenset())

    def _key(self, key: ast.expr, root: str) -> None:
        if not isinstance(key, ast.Constant | ast.Name):
            self.used.setdefault(root, Unknown(key.lineno))
            self._visit(key, frozenset())

    def _give_away(self, value: ast.expr) -> None:
        """Note that a value ends where nothing is known of it."""
        for node in ast.walk(value):
            if isinstance(node, ast.Name):
                self.used.setdefault(node.id, Unknown(node.lineno))

    def _is_special(self, name: str) -> bool:
        return name in self._os_names or name in self._environ_names or name in _POWERFUL

    def _check_rebinding(self, name: str, line: int) -> None:
        if self._is_special(name) or name in self._getenv_names:
            self.environ = self.environ or Unknown(line)

    def _check_imports(self, statement: ast.Import | ast.ImportFrom) -> None:
        for alias in statement.names:
            name = alias.asname or alias.name.partition(".")[0]
            is_os = isinstance(statement, ast.Import) and (
                alias.name == "os" or (alias.name.startswith("os.") and not alias.asname)
            )
            from_os = isinstance(statement, ast.ImportFrom) and statement.module == "os"
            if not is_os and not (from_os and alias.name in ("environ", "getenv")):
                self._check_rebinding(name, statement.lineno)
            if from_os and alias.name == "environb":
                self.environ = self.environ or Unknown(statement.lineno)
            if alias.name.partition(".")[0] in (*_POWERFUL, *_POWERFUL_OUTSIDE):
                self.everything = self.everything or Unknown(statement.lineno)

    # Everything else, which might do anything but for some forms

    def _visit(self, node: ast.AST, local: _Local, inside: bool = False) -> None:
        """Look at `node`, where `local` are not names of the top level; `inside` a function."""
        kind = type(node)
        if kind not in self._visitors:
            self._visitors[kind] = getattr(self, f"_visit_{kind.__name__}", self._visit_other)
        self._visitors[kind](node, local, inside)

    def _note_bound(self, name: str, unknown: Unknown, local: _Local) -> None:
        """Note that a name is bound, in a way that is not understood."""
        self.bound.setdefault(name, unknown)
        if name not in local:
            self._check_rebinding(name, unknown.line)

    def _visit_other(self, node: ast.AST, local: _Local, inside: bool) -> None:
        for name in _bound_by(node):
            self._note_bound(name, Unknown(getattr(node, "lineno", 0), *self._why), local)
        for child in _children(node):
            self._visit(child, local, inside)

    def _visit_Name(self, node: ast.Name, local: _Local, inside: bool) -> None:
        if node.id in local:
            return
        unknown = Unknown(node.lineno, *self._why)
        if not isinstance(node.ctx, ast.Load):
            self._note_bound(node.id, unknown, local)
        self.used.setdefault(node.id, unknown)
        if node.id in self._os_names or node.id in self._environ_names:
            self.environ = self.environ or unknown
        if node.id in _POWERFUL or (node.id in _POWERFUL_OUTSIDE and not inside):
            self.everything = self.everything or unknown

    def _visit_Subscript(self, node: ast.Subscript, local: _Local, inside: bool) -> None:
        self._visit(node.slice, local, inside)
        if not self._is_harmless_item(node, local):
            self._visit(node.value, local, inside)
        elif not isinstance(node.ctx, ast.Load) and _root(node) not in local:
            self.stored.setdefault(_root(node), Unknown(node.lineno, *self._why))

    def _visit_Attribute(self, node: ast.Attribute, local: _Local, inside: bool) -> None:
        unknown = Unknown(node.lineno)
        if node.attr in ("environ", "environb"):
            self.environ = self.environ or unknown
        if node.attr in _POWERFUL_ATTRIBUTES:
            self.everything = self.everything or unknown
        if isinstance(node.value, ast.Name) and node.value.id in self._os_names - local:
            if not isinstance(node.ctx, ast.Load):
                self.environ = self.environ or unknown
        else:
            self._visit(node.value, local, inside)

    def _visit_Call(self, node: ast.Call, local: _Local, inside: bool) -> None:
        for part in self._harmful_parts(node):
            self._visit(part, local, inside)

    def _visit_Compare(self, node: ast.Compare, local: _Local, inside: bool) -> None:
        parts = [node.left, *node.comparators]
        is_in = isinstance(node.left, ast.Constant)  # 'db' in c
        is_is = all(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)  # c is None
        for part in parts:
            if not ((is_in or is_is) and (isinstance(part, ast.Name) or self.is_environ(part))):
                self._visit(part, local, inside)

    def _is_harmless_item(self, node: ast.Subscript, local: _Local) -> bool:
        """Return whether `node` reads the environment, or is an item that does not matter."""
        if self.is_environ(node.value):
            return isinstance(node.ctx, ast.Load)
        key = node.slice
        return (
            isinstance(node.value, ast.Name)
            and not self._is_special(node.value.id)
            and (node.value.id in local or isinstance(key, ast.Constant))
            and not (isinstance(key, ast.Constant) and key.value in self._keys)
        )

    def _harmful_parts(self, call: ast.Call) -> Iterator[ast.AST]:
        """Yield those parts of a call that have to be looked at."""
        arguments = [*call.args, *call.keywords]
        match call.func:
            case ast.Name(id=name) if name in _HARMLESS and name not in self.bindings:
                yield from (
                    argument for argument in arguments if not isinstance(argument, ast.Name)
                )
                return
            case ast.Attribute(value=base, attr=name) if self.is_environ(base):
                if name not in _READERS:
                    yield call.func
            case ast.Attribute(value=ast.Name(id=name), attr="get") if not self._is_special(name):
                key = call.args[0] if call.args else None
                if not isinstance(key, ast.Constant) or key.value in self._keys:
                    yield call.func
            case ast.Attribute(value=ast.Name(id=name), attr="keys"):
                if self._is_special(name):
                    yield call.func
            case function:
                yield function
        yield from arguments

    def _visit_any_function(self, node: _Function, local: _Local, inside: bool) -> None:
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        in_body = set(map(id, body))
        for child in _children(node):
            if id(child) not in in_body:
                self._visit(child, local, inside)
        if not isinstance(node, ast.Lambda):
            returned = [part for part in node.body if isinstance(part, ast.Return)]
            why = self.why(returned[0], self._values) if returned else ()
            self._note_bound(node.name, Unknown(node.lineno, *(why or ["is a function"])), local)
        own = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        own.update(name for part in body for name in _local_bindings(part))
        nodes = [inner for part in body for inner in _nodes(part)]
        self._spend(len(nodes) + len(local))
        outer = {
            name
            for inner in nodes
            if isinstance(inner, ast.Global | ast.Nonlocal)
            for name in inner.names
        }
        local = frozenset((local | own) - outer)
        for part in body:
            self._visit(part, local, inside=True)

    def _spend(self, steps: int) -> None:
        """Give up a program that its size, or functions in functions, make endless to look at."""
        self._steps += steps
        if self._steps > _MAX_STEPS:
            raise RecursionError

    _visit_FunctionDef = _visit_AsyncFunctionDef = _visit_Lambda = _visit_any_function

    def _visit_any_comprehension(self, node: _Comprehension, local: _Local, inside: bool) -> None:
        first = node.generators[0].iter
        self._visit(first, local, inside)
        own = {
            target.id
            for generator in node.generators
            for target in ast.walk(generator.target)
            if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
        }
        self._spend(len(local))
        for child in _children(node):
            in_clause = isinstance(child, ast.comprehension)
            for part in _children(child) if in_clause else [child]:
                if part is not first:
                    self._visit(part, local | own, inside)

    _visit_ListComp = _visit_SetComp = _visit_DictComp = _visit_any_comprehension
    _visit_GeneratorExp = _visit_any_comprehension

    def _visit_any_import(self, node: _Import, local: _Local, inside: bool) -> None:
        unknown = Unknown(node.lineno, "is imported")
        for alias in node.names:
            if isinstance(node, ast.Import) and alias.name == "os" and not alias.asname:
                continue
            name = alias.asname or alias.name.partition(".")[0]
            from_os = "os" in (alias.name.partition(".")[0], getattr(node, "module", None))
            if from_os or self._is_special(name):
                self.environ = self.environ or unknown
            self._note_bound(name, unknown, local)
            if name in _POWERFUL or alias.name in (*_POWERFUL, *_POWERFUL_OUTSIDE):
                self.everything = self.everything or unknown

    _visit_Import = _visit_ImportFrom = _visit_any_import


def _root(path: ast.AST) -> str:
    """Return the name that a chain of look-ups starts from, if `path` is one."""
    while isinstance(path, ast.Subscript):
        path = path.value
    return path.id if isinstance(path, ast.Name) else ""


def _keeps_variables(call: ast.Call) -> bool:
    """Return whether a call that loads variables sets none that the environment has."""
    return len(call.args) <= 1 and all(
        keyword.arg in _NO_OVERRIDES
        or (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
        for keyword in call.keywords
    )


def _imported_names(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, int]]:
    for alias in node.names:
        yield alias.asname or alias.name.partition(".")[0], node.lineno


def _stars(statement: ast.stmt) -> Iterator[int]:
    """Yield the lines of those ``import *`` that may bind any name."""
    for node in _nodes(statement):
        if isinstance(node, ast.ImportFrom) and _is_star(node):
            yield node.lineno


def _is_star(node: ast.ImportFrom) -> bool:
    module = (node.module or "").partition(".")[0]
    return node.names[0].name == "*" and module != "buildbot"  # whose names are its plugins'


def _children(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a node, but for those that only say what it is, as `ast.Load`."""
    found: list[ast.AST] = []
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            found += [part for part in value if isinstance(part, ast.AST)]
        elif isinstance(value, ast.AST) and value._fields:
            found.append(value)
    return found


def _nodes(root: ast.AST) -> list[ast.AST]:
    """Return a node and all in it."""
    found = [root]
    for node in found:  # which grows meanwhile
        found += _children(node)
    return found


def _bound_by(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node itself binds, other than by an `ast.Name` or an import."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)) | ast.ExceptHandler(name=str(name)):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names


def _all_bindings(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        yield from _bound_by(node)
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.Import() | ast.ImportFrom():
                yield from (name for name, _ in _imported_names(node))


def _local_bindings(part: ast.AST) -> Iterator[str]:
    """Yield the names that `part`, of a function, makes local to it."""
    waiting = [part]
    while waiting:
        node = waiting.pop()
        yield from _bound_by(node)
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.Import() | ast.ImportFrom():
                yield from (name for name, _ in _imported_names(node))
        if not isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)):
            waiting += _children(node)
