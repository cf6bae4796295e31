"""Statements of an analysed program."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Sequence

from mastersctl.reader.effects import NotSetError
from mastersctl.reader.functions import Arguments, ReturnError
from mastersctl.reader.loops import BreakError, ContinueError, Loops
from mastersctl.reader.objects import Function, Names, Object

_LOOK_UP_ERRORS = ("KeyError", "LookupError", "Exception", "BaseException")


class Statements(Loops):
    """Interprets statements; `Reader` interprets imports."""

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Interpret statements."""
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
        self.maybe([node.annotation, node.target])

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

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._delete(target)

    def _delete(self, target: ast.expr) -> None:
        self.doubts += 1  # the target may not exist
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

    # Statements that may end early

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
        if self.doubts != doubts:  # a manager may have suppressed an exception
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
                self.doubts += 1  # an exception without a handler propagates
                self.doubt_since(start)
                self.forget_modules(start)
                self.take_any(*handlers, lambda: self.block(node.orelse))
        except (BreakError, ContinueError, NotSetError, ReturnError):
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
        """Interpret a statement of another kind: its parts may run in any order, or not at all."""
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


def _parts(node: ast.AST) -> Iterator[ast.AST | str]:
    """Yield the expressions and statements in a statement, and the names that its patterns bind."""
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
