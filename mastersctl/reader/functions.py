"""Functions and comprehensions of an analysed program."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from mastersctl.reader.objects import Function, Object, Slot
from mastersctl.reader.operators import Operators
from mastersctl.reader.scopes import declare, visible
from mastersctl.reader.uses import parameters

_MAX_SHOWN = 40  # characters of an expression in a message
_MAX_CALLS = 30  # nested function calls


class ReturnError(Exception):
    """Raised when a function returns."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


class Call:
    """A call whose function is being interpreted.

    Attributes:
        depth: how many enclosing blocks may not be executed.
        returned: the values of its ``return`` statements that may not be executed.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.returned: list[object] = []


class Arguments:
    """The arguments of a call.

    Attributes:
        positional, named: the arguments, by position and by name.
        is_exact: whether these are all of the arguments, and no others.
    """

    def __init__(
        self,
        positional: Sequence[object],
        named: Mapping[str, object] | None = None,
        is_exact: bool = True,
        node: ast.expr | None = None,
    ) -> None:
        self.positional = positional
        self.named = named or {}
        self.is_exact = is_exact
        self._node = node

    @property
    def values(self) -> list[object]:
        """The values of all arguments."""
        return [*self.positional, *self.named.values()]

    @property
    def function(self) -> str:
        """The name of the called function, or an empty string."""
        function = self._node.func if isinstance(self._node, ast.Call) else self._node
        return getattr(function, "id", "") or getattr(function, "attr", "")

    def what(self) -> str:
        """Return a predicate for messages that describes the call, such as ``calls f(),``."""
        node = self._node
        if not isinstance(node, ast.Call):
            return "calls"
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        paths = [part for part in given if isinstance(part, ast.Name | ast.Subscript)]
        names = ", ".join(ast.unparse(path)[:_MAX_SHOWN] for path in paths[:3])
        function = ast.unparse(node.func)[:_MAX_SHOWN]
        return f"hands {names} to {function}()," if names else f"calls {function}(),"


class Functions(Operators):
    """Defines functions, and interprets calls to them.

    Attributes:
        running: the functions that are being interpreted, the outermost first.
        call_now: the innermost of their calls.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self.running: list[Function] = []
        self.call_now: Call | None = None

    def visit_Lambda(self, node: ast.Lambda) -> object:
        return self.function(node)

    def function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.GeneratorExp
    ) -> Function:
        """Return the function that a node defines in the current scope."""
        defaults: dict[str, Slot] = {}
        if not isinstance(node, ast.GeneratorExp):
            arguments = node.args
            names = [*arguments.posonlyargs, *arguments.args]
            given = names[len(names) - len(arguments.defaults) :]
            for name, default in zip(given, arguments.defaults, strict=True):
                defaults[name.arg] = self.slot_of(default)
            for name, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
                if value is not None:
                    defaults[name.arg] = self.slot_of(value)
        is_method = self.scopes[0].kind == "class" or isinstance(node, ast.GeneratorExp)
        return Function(node, self.path, visible(self.scopes), defaults, is_method)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> object:
        first = self.evaluate(node.generators[0].iter)
        return self.unknown(values=[first, self.function(node)])

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp) -> object:
        return self._comprehension(node.generators, [node.elt])

    visit_SetComp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> object:
        return self._comprehension(node.generators, [node.key, node.value])

    def _comprehension(
        self, generators: Sequence[ast.comprehension], results: Sequence[ast.expr]
    ) -> object:
        first = self.evaluate(generators[0].iter)
        found: list[object] = [first]

        def block() -> None:
            outside, self.scopes = self.scopes, [Object("comprehension"), *visible(self.scopes)]
            try:
                for generator in generators:
                    is_first = generator is generators[0]
                    values = first if is_first else self.evaluate(generator.iter)
                    self.assign(generator.target, self.slot(self.touch([values])))
                    for condition in generator.ifs:
                        self.evaluate(condition)
                found.extend(self.evaluate(result) for result in results)
            finally:
                self.scopes = outside

        self.repeat(block)
        return self.unknown(values=found)

    def run_function(self, function: Function, given: Arguments) -> object:
        """Interpret a call to a function of the program."""
        self.spend(4)
        node = function.node
        if (
            isinstance(node, ast.AsyncFunctionDef | ast.GeneratorExp)
            or function.uses.is_generator
            or function in self.running
            or function.is_changed
            or len(self.running) >= _MAX_CALLS
        ):
            return self.opaque([function, *given.values], given.what)
        scope = self._bind(node, function.defaults, given)
        outside = self.path, self.line, self.scopes, self.call_now, self.attempts
        self.path, self.scopes = function.path, [scope, *function.scopes]
        declare(scope, node)
        self.call_now = call = Call(self.depth)
        start = self.mark()
        self.running.append(function)
        value: object = None
        try:
            if isinstance(node, ast.Lambda):
                value = self.evaluate(node.body)
            else:
                self.block(node.body)
        except ReturnError as returned:
            value = returned.value
        finally:
            self.running.pop()
            self.path, self.line, self.scopes, self.call_now, self.attempts = outside
        if call.returned:
            self.doubt_since(start)
            value = self.unknown(values=[*call.returned, value])
        return value

    def _bind(
        self, node: ast.FunctionDef | ast.Lambda, defaults: Mapping[str, Slot], given: Arguments
    ) -> Object:
        """Return the scope of a call, with its parameters bound to the arguments."""
        scope = Object("function")
        arguments = node.args
        named = dict(given.named)
        positional = list(given.positional)
        for parameter in parameters(arguments):
            name = parameter.arg
            value: object
            if not given.is_exact:
                value = self.unknown(values=[*given.values, *self._default(defaults, name)])
            elif parameter is arguments.vararg:
                value = tuple(positional)
            elif parameter is arguments.kwarg:
                value = Object("dict")
                for key, item in named.items():
                    self.write(value, key, self.slot(item))
            elif positional and parameter not in arguments.kwonlyargs:
                value = positional.pop(0)
            elif name in named and parameter not in arguments.posonlyargs:
                value = named.pop(name)
            elif name in defaults:
                value = self.read(defaults[name])
            else:
                value = self.unknown()
            self.write(scope, name, self.slot(value))
        if (positional and not arguments.vararg) or (named and not arguments.kwarg):
            self.doubts += 1  # the function takes fewer arguments
        return scope

    def _default(self, defaults: Mapping[str, Slot], name: str) -> list[object]:
        return [self.read(defaults[name])] if name in defaults else []

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Interpret statements."""
        raise NotImplementedError
