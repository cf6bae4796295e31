"""The statements of a program that is read: what each of them does."""

from __future__ import annotations

import ast
import builtins
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from mastersctl.config.access import NotSetError
from mastersctl.config.calls import Calls
from mastersctl.config.functions import Arguments, Call, ReturnError
from mastersctl.config.objects import (
    Function,
    Method,
    Names,
    Object,
    Slot,
    Unknown,
    is_same,
    parameters,
)
from mastersctl.config.scopes import declare, make_class, visible
from mastersctl.config.state import Mark

_MAX_MODULES = 100
_ALWAYS_THERE = ("buildbot", "twisted", "zope")  # packages that a master cannot do without
_LOOK_UP_ERRORS = ("KeyError", "LookupError", "Exception", "BaseException")


class _BreakError(Exception):
    """A loop ends."""


class _ContinueError(Exception):
    """A round of a loop ends."""


class Statements(Calls):
    """What carries out statements; imports are in a class of their own."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self.loops: list[tuple[int, list[bool]]] = []  # how deep each is, and whether it may end

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Carry out statements."""
        for statement in statements:
            self.spend(1)
            self.line = statement.lineno
            self.missing = set()
            try:
                self.visit(statement)
            except NotSetError:
                if not self.attempts:
                    raise RecursionError from None
                raise

    def visit_Expr(self, node: ast.Expr) -> None:
        self.evaluate(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        slot = self.slot_of(node.value)
        for target in node.targets:
            self.assign(target, slot)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node.target, self.slot_of(node.value))
        self._maybe([node.annotation, node.target])

    def _maybe(self, nodes: Sequence[ast.expr]) -> None:
        """Evaluate expressions of which only the version of Python tells whether it does."""

        def read() -> None:
            for node in nodes:
                if not isinstance(node, ast.Constant | ast.Name):
                    self.evaluate(node)

        self.take_any(read, lambda: None)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        target = node.target
        owner = key = None
        if isinstance(target, ast.Name):
            old = self.look_up(target.id)
        else:
            owner = self.evaluate(target.value)
            if isinstance(target, ast.Attribute):
                old = self.attribute(owner, target.attr)
            else:
                key = self.evaluate(target.slice)
                old = self.item(owner, key)
        new = self.evaluate(node.value)
        is_own = isinstance(old, Object) and old.kind != "module"
        if is_own and isinstance(node.op, ast.BitOr | ast.Add):
            name = "update" if isinstance(node.op, ast.BitOr) else "extend"
            self.call(self.attribute(old, name), Arguments([new]))
        else:
            old = self.combine(old, node.op, new)
        match target:
            case ast.Name(id=name):
                self.write_name(self.scopes[0], name, self.slot(old))
            case ast.Attribute(attr=name):
                self.store_attribute(owner, name, self.slot(old))
            case _:
                self.store_item(owner, key, self.slot(old))

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
        """Bind a name, in `scope` unless it is declared to be another's."""
        if name in scope.globals:
            scope = self.scopes[-1]
        elif name in scope.nonlocals:
            outer = (s for s in self.scopes[1:] if s.kind == "function" and name in s.bound)
            scope = next(outer, self.scopes[-1])
        self.write(scope, name, slot)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._delete(target)

    def _delete(self, target: ast.expr) -> None:
        self.doubts += 1  # it may not be there
        match target:
            case ast.Name(id=name):
                self.write_name(self.scopes[0], name, None)
            case ast.Subscript(value=base, slice=key):
                owner, place = self.evaluate(base), self.evaluate(key)
                owner = owner.owner if isinstance(owner, Names) else owner
                if isinstance(owner, Object):
                    self.delete(owner, place)
                else:
                    self.opaque([owner])
            case ast.Attribute(value=base):
                self.opaque([self.evaluate(base)])
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._delete(part)

    def visit_If(self, node: ast.If) -> None:
        truth = self.is_true(self.evaluate(node.test))
        because, self.because = self.because, self.because | self.missing
        if truth is False:
            self.skipped |= self.missing
        if truth is None:
            self.take_any(lambda: self.block(node.body), lambda: self.block(node.orelse))
        else:
            self.block(node.body if truth else node.orelse)
        self.because = because

    # Loops

    def visit_For(self, node: ast.For) -> None:
        iterable = self.evaluate(node.iter)
        values = self.elements(iterable)
        start, jumps = self.mark(), list[bool]()
        self.loops.append((self.depth, jumps))
        try:
            for index, value in enumerate(values or ()):
                begin, before = self.mark(), len(jumps)
                self.assign(node.target, self.slot(value))
                with contextlib.suppress(_ContinueError):
                    self.block(node.body)
                if len(jumps) != before:  # the next round may have begun before the end of this one
                    self.doubt_since(begin)
                if not self._goes_on(begin, iterable, values or (), index):
                    values = None  # it changes what it goes through
                    break
        except _BreakError:
            if jumps:
                self.doubt_since(start)
            return
        finally:
            self.loops.pop()
        if values is None:
            slot = self.slot(self.touch([iterable]))
            self._loop(lambda: self.assign(node.target, slot), node)
        elif jumps:
            self.repeat(lambda: self.block(node.orelse))
        else:
            self.block(node.orelse)
        if jumps:
            self.doubt_since(start)

    def _goes_on(self, begin: Mark, iterable: object, values: Sequence[object], index: int) -> bool:
        """Return whether a loop still goes through `values`, after that at `index`."""
        owner = iterable.owner if isinstance(iterable, Method) else iterable
        if not self.has_changed(begin, owner):
            return True
        now = self.elements(iterable)
        if now is None or len(now) != len(values):
            return False
        return all(map(is_same, now[index:], values[index:]))

    visit_AsyncFor = visit_For  # type: ignore[assignment]

    def visit_While(self, node: ast.While) -> None:
        if self.is_true(self.evaluate(node.test)) is False:
            self.block(node.orelse)
        else:
            self._loop(lambda: self.evaluate(node.test), node)

    def _loop(self, start: Callable[[], object], node: ast.For | ast.AsyncFor | ast.While) -> None:
        """Read a loop that is taken any number of times."""

        def round_() -> None:
            start()
            self.block(node.body)

        scope = self.scopes[0]
        for part in ast.walk(node):  # what the loop assigns is soon unknown; this saves rounds
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                old = scope.slots.get(part.id)
                if old is not None and not isinstance(old.value, Unknown):
                    self.write(scope, part.id, self._join([old, None]))
        self.loops.append((-1, []))
        self.repeat(round_)
        self.loops.pop()
        self.repeat(lambda: self.block(node.orelse))

    def visit_Break(self, node: ast.Break) -> None:
        self._jump(_BreakError())

    def visit_Continue(self, node: ast.Continue) -> None:
        self._jump(_ContinueError())

    def _jump(self, error: Exception) -> None:
        depth, jumps = self.loops[-1]
        if depth == self.depth:
            raise error
        jumps.append(True)

    # What may end early

    def visit_Return(self, node: ast.Return) -> None:
        value = None if node.value is None else self.evaluate(node.value)
        if self.call_now and self.call_now.depth == self.depth:
            raise ReturnError(value)
        if self.call_now:
            self.call_now.returned.append(value)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.generic_visit(node)
        self.doubts += 1

    visit_Assert = visit_Raise  # type: ignore[assignment]

    def visit_With(self, node: ast.With) -> None:
        start, doubts = self.mark(), self.doubts
        managers, files = [], []
        for item in node.items:
            value = self.evaluate(item.context_expr)
            if isinstance(value, Object) and value.kind == "file":
                files.append(value)
            else:
                managers.append(value)
                value = self.touch([value])
            if item.optional_vars is not None:
                self.assign(item.optional_vars, self.slot(value))
        if not managers:
            self.block(node.body)
            for file in files:
                self.call(self.attribute(file, "close"), Arguments([]))
            return
        self.depth += 1
        self.block(node.body)
        self.depth -= 1
        has_own = any(isinstance(v, Function) and v.is_method for v in self.reach(managers))
        self.opaque(managers, lambda: "ends a block,", is_outside=not has_own)
        if self.doubts != doubts:  # it may have raised an exception, which is overlooked here
            self.doubt_since(start)

    visit_AsyncWith = visit_With  # type: ignore[assignment]

    def visit_Try(self, node: ast.Try) -> None:
        start, doubts = self.mark(), self.doubts
        self.depth += 1
        self.attempts = [*self.attempts, self.depth]
        unset = False
        try:
            self.block(node.body)
        except NotSetError:
            unset = True
        finally:
            self.attempts = self.attempts[:-1]
            self.depth -= 1
        handlers = [self._handler(handler) for handler in node.handlers]
        first = node.handlers[0] if node.handlers else None
        try:
            if unset and self.doubts == doubts and first and self._handles_look_ups(first):
                because, self.because = self.because, self.because | self.missing
                self._handler(first)()
                self.because = because
            elif self.doubts == doubts and not unset:
                self.block(node.orelse)
            else:
                self.doubts += 1  # what is not handled is raised again
                self.doubt_since(start)
                self.forget_modules(start)
                self.take_any(*handlers, lambda: self.block(node.orelse))
        except (_BreakError, _ContinueError, NotSetError, ReturnError):
            self.block(node.finalbody)
            raise
        self.block(node.finalbody)

    visit_TryStar = visit_Try  # type: ignore[assignment]

    def _handles_look_ups(self, handler: ast.ExceptHandler) -> bool:
        names = [handler.type]
        if isinstance(handler.type, ast.Tuple):
            names = [*handler.type.elts]
        return all(
            name is None
            or (
                isinstance(name, ast.Name)
                and not any(scope.slot(name.id) for scope in self.scopes)
                and hasattr(builtins, name.id)
            )
            for name in names
        ) and any(
            name is None or (isinstance(name, ast.Name) and name.id in _LOOK_UP_ERRORS)
            for name in names
        )

    def _handler(self, handler: ast.ExceptHandler) -> Callable[[], None]:
        def read() -> None:
            if handler.name:
                self.write_name(self.scopes[0], handler.name, self.slot(self.unknown()))
            self.block(handler.body)
            if handler.name:
                self.write_name(self.scopes[0], handler.name, None)

        return read

    def generic_visit(self, node: ast.AST) -> object:
        """Read code of another kind: all of it may be executed, in any order."""
        if isinstance(node, ast.expr):
            return super().generic_visit(node)
        values: list[object] = []

        def read() -> None:
            for part in _parts(node):
                match part:
                    case ast.expr():
                        values.append(self.evaluate(part))
                    case ast.stmt():
                        self.block([part])
                    case str():
                        self.touch(values)
                        unknown = self.slot(self.unknown(values=values))
                        self.write_name(self.scopes[0], part, unknown)

        self.repeat(read)
        if isinstance(node, ast.Match):
            self.touch(values)  # patterns look up attributes
        return None

    # Definitions

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = [self.evaluate(decorator) for decorator in node.decorator_list]
        value: object = self.function(node)
        annotations = [part.annotation for part in parameters(node.args)] + [node.returns]
        self._maybe([part for part in annotations if part is not None])
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
        """Do nothing: a call knows what its function declares."""

    visit_Nonlocal = visit_Pass = visit_Global  # type: ignore[assignment]


def _has_hook(value: object) -> bool:
    """Return whether a value is a class with a method that the definition of another one calls."""
    hooks = ("__init_subclass__", "__set_name__")
    return isinstance(value, Object) and any(hook in value.slots for hook in hooks)


def _parts(node: ast.AST) -> Iterator[ast.AST | str]:
    """Yield the expressions and statements in a statement, and other names that it binds."""
    for part in ast.iter_child_nodes(node):
        match part:
            case ast.expr() | ast.stmt():
                yield part
            case _:
                match part:
                    case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                        yield name
                    case ast.MatchMapping(rest=str(name)):
                        yield name
                yield from _parts(part)
