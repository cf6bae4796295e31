"""Name binding in an analysed program: assignments, function and class definitions."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from mastersctl.reader.calls import Calls
from mastersctl.reader.functions import Arguments, Call
from mastersctl.reader.objects import Object, Slot
from mastersctl.reader.scopes import declare, make_class, visible
from mastersctl.reader.uses import parameters


class Definitions(Calls):
    """Binds names, and defines functions and classes."""

    def assign(self, target: ast.expr, slot: Slot) -> None:
        """Assign a value to a target."""
        match target:
            case ast.Name(id=name):
                self.write_name(self.scopes[0], name, slot)
            case ast.Attribute(value=owner, attr=name):
                self.store_attribute(self.evaluate(owner), name, slot)
            case ast.Subscript(value=owner, slice=key):
                self.store_item(self.evaluate(owner), self.evaluate(key), slot)
            case ast.Starred(value=inner):
                self.assign(inner, slot._replace(value=self.unknown(values=[slot.value])))
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = self.elements(slot.value)
                is_exact = values is not None and len(values) == len(targets)
                if not is_exact or any(isinstance(part, ast.Starred) for part in targets):
                    values = [self.touch([slot.value])] * len(targets)
                for part, value in zip(targets, values or (), strict=True):
                    self.assign(part, slot._replace(value=value))

    def write_name(self, scope: Object, name: str, slot: Slot | None) -> None:
        """Bind a name in `scope`, or where ``global`` or ``nonlocal`` declares it."""
        if name in scope.globals:
            scope = self.scopes[-1]
        elif name in scope.nonlocals:
            outer = (s for s in self.scopes[1:] if s.kind == "function" and name in s.bound)
            scope = next(outer, self.scopes[-1])
        self.write(scope, name, slot)

    def maybe(self, nodes: Sequence[ast.expr]) -> None:
        """Evaluate expressions that only some versions of Python evaluate."""

        def read() -> None:
            for node in nodes:
                if not isinstance(node, ast.Constant | ast.Name):
                    self.evaluate(node)

        self.take_any(read, lambda: None)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = [self.evaluate(decorator) for decorator in node.decorator_list]
        value: object = self.function(node)
        annotations = [part.annotation for part in parameters(node.args)] + [node.returns]
        self.maybe([part for part in annotations if part is not None])
        self._define(node, value, decorators)

    visit_AsyncFunctionDef = visit_FunctionDef

    def _define(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
        value: object,
        decorators: Sequence[object],
    ) -> None:
        for decorator, function in zip(
            reversed(node.decorator_list), reversed(decorators), strict=True
        ):
            value = self.call(function, Arguments([value], node=decorator))
        self.write_name(self.scopes[0], node.name, self.slot(value))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        decorators = [self.evaluate(decorator) for decorator in node.decorator_list]
        bases = [self.evaluate(base) for base in node.bases]
        bases += [self.evaluate(keyword.value) for keyword in node.keywords]
        names = Object("class")
        is_simple = all(isinstance(base, Object) and base.kind == "class" for base in bases)
        if is_simple and not node.keywords:
            try:
                make_class(names, bases)
            except TypeError:
                is_simple = False
            self.write(names, ".", self.slot(tuple(bases)))
        declare(names, node)
        outside = self.scopes, self.call_now
        self.scopes, self.call_now = [names, *visible(self.scopes)], Call(-1)
        try:
            self.block(node.body)
        finally:
            self.scopes, self.call_now = outside
        value: object = names
        if not is_simple:
            self.touch(bases)
            value = self.unknown(values=[names, *bases])
        if any(_has_hook(part) for part in self.reach([names, *bases])):
            value = self.opaque([value])
        self._define(node, value, decorators)

    def visit_Global(self, node: ast.Global) -> None:
        """Do nothing: `declare` has recorded the names of the declaration."""

    visit_Nonlocal = visit_Pass = visit_Global  # type: ignore[assignment]


def _has_hook(value: object) -> bool:
    """Return whether a value is a class with a hook that other class definitions call."""
    hooks = ("__init_subclass__", "__set_name__")
    return isinstance(value, Object) and any(hook in value.slots for hook in hooks)
