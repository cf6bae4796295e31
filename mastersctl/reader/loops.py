"""Loops of an analysed program."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Mapping, Sequence

from mastersctl.reader.definitions import Definitions
from mastersctl.reader.objects import Method, Unknown, is_same
from mastersctl.reader.state import Mark


class BreakError(Exception):
    """Raised when a ``break`` statement ends a loop."""


class ContinueError(Exception):
    """Raised when a ``continue`` statement ends an iteration."""


class Loops(Definitions):
    """Interprets loops."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self.loops: list[tuple[int, list[bool]]] = []  # depth of each, and its uncertain jumps

    def visit_For(self, node: ast.For) -> None:
        iterable = self.evaluate(node.iter)
        values = self.elements(iterable)
        start, jumps = self.mark(), list[bool]()
        self.loops.append((self.depth, jumps))
        try:
            for index, value in enumerate(values or ()):
                begin, before = self.mark(), len(jumps)
                self.assign(node.target, self.slot(value))
                with contextlib.suppress(ContinueError):
                    self.block(node.body)
                if len(jumps) != before:  # an uncertain jump may have cut this iteration short
                    self.doubt_since(begin)
                if not self._goes_on(begin, iterable, values or (), index):
                    values = None  # the loop mutates its own iterable
                    break
        except BreakError:
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
        """Return whether a loop still iterates over the rest of `values`, from `index` on."""
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
        """Interpret a loop whose number of iterations is unknown."""

        def round_() -> None:
            start()
            self.block(node.body)

        scope = self.scopes[0]
        for part in ast.walk(node):  # names that it binds soon become unknown; this saves rounds
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                old = scope.slots.get(part.id)
                if old is not None and not isinstance(old.value, Unknown):
                    self.write(scope, part.id, self._join([old, None]))
        self.loops.append((-1, []))
        self.repeat(round_)
        self.loops.pop()
        self.repeat(lambda: self.block(node.orelse))

    def visit_Break(self, node: ast.Break) -> None:
        self._jump(BreakError())

    def visit_Continue(self, node: ast.Continue) -> None:
        self._jump(ContinueError())

    def _jump(self, error: Exception) -> None:
        depth, jumps = self.loops[-1]
        if depth == self.depth:
            raise error
        jumps.append(True)
