"""Operators and conditions of an analysed program."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from mastersctl.reader import library
from mastersctl.reader.expressions import Expressions
from mastersctl.reader.objects import Function, Missing, Names, Object, Unknown


class Operators(Expressions):
    """Evaluates operators and conditions."""

    def visit_BinOp(self, node: ast.BinOp) -> object:
        return self.combine(self.evaluate(node.left), node.op, self.evaluate(node.right))

    def combine(self, left: object, operator: ast.operator, right: object) -> object:
        """Return the result of a binary operator."""
        both = [left, right]
        if (
            isinstance(operator, ast.BitOr)
            and (isinstance(left, Object) and left.kind == "dict")
            and not any(isinstance(v, Function) and v.is_method for v in self.reach([right]))
        ):
            found = Object("dict")
            self.update(found, left)
            self.update(found, right)
            return found
        if type(left) is tuple and type(right) is tuple and isinstance(operator, ast.Add):
            return self._tuple(left + right)
        function = library.OPERATORS.get(type(operator))
        if function is None:
            return self.opaque(both)
        is_text = isinstance(left, str) and isinstance(operator, ast.Mod)
        return self.carry_out(function, both, is_text=is_text)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> object:
        value = self.evaluate(node.operand)
        if isinstance(node.op, ast.Not):
            truth = self.is_true(value)
            return self.touch([value], is_text=True) if truth is None else not truth
        if isinstance(node.op, ast.USub) and isinstance(value, int | float):
            return -value
        return self.opaque([value])

    def visit_BoolOp(self, node: ast.BoolOp) -> object:
        return self._first(node.values, isinstance(node.op, ast.Or))

    def _first(self, nodes: Sequence[ast.expr], wanted: bool) -> object:
        """Return the first operand whose truth value is `wanted`, or the last operand."""
        value = self.evaluate(nodes[0])
        truth = self.is_true(value) if len(nodes) > 1 else wanted
        if truth is wanted:
            return value
        if truth is not None:
            return self._first(nodes[1:], wanted)
        values = [value]
        self.take_any(lambda: values.append(self._first(nodes[1:], wanted)), _nothing)
        return self.either(values)

    def visit_Compare(self, node: ast.Compare) -> object:
        left = self.evaluate(node.left)
        result: object = True
        for operator, part in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(part)
            result = self._compare(left, operator, right)
            if result is False:
                return False
            if result is not True and part is not node.comparators[-1]:
                rest = node.comparators[node.comparators.index(part) + 1 :]
                return self._compare_rest(rest, [result, right])
            left = right
        return result

    def _compare_rest(self, rest: Sequence[ast.expr], values: list[object]) -> Unknown:
        """Return the result of a chained comparison whose rest may not be evaluated."""

        def read() -> None:
            values.append(self.evaluate(rest[0]))
            if rest[1:]:
                self._compare_rest(rest[1:], values)

        self.take_any(read, _nothing)
        return self.touch(values, is_text=True)

    def _compare(self, left: object, operator: ast.cmpop, right: object) -> object:
        is_key = left is None or isinstance(left, str | int | bytes | float)
        is_names = isinstance(right, Names)
        if isinstance(right, Names):
            right = right.owner
        if isinstance(operator, ast.In | ast.NotIn) and isinstance(right, Object) and is_key:
            if right.name == "sys.path":
                known = [slot.value for slot in right.slots.values()]
                return (left in known) is isinstance(operator, ast.In)
            slot = right.slot(left)
            if (right.kind == "dict" or is_names) and (
                slot is None or (slot.certain and left in right.slots)
            ):
                if slot is None and right is self.environ:
                    self.missing.add(Missing(str(left), self.place))
                return (slot is not None) is isinstance(operator, ast.In)
        if isinstance(operator, ast.Is | ast.IsNot):
            values = (left, right)
            if None in values and not any(isinstance(value, Unknown) for value in values):
                return (left is right) is isinstance(operator, ast.Is)
            return self.touch(values, is_text=True)
        return self._compare_plain(left, operator, right)

    def _compare_plain(self, left: object, operator: ast.cmpop, right: object) -> object:
        result = self.carry_out(library.COMPARISONS[type(operator)], [left, right])
        if isinstance(result, Unknown):
            return self.touch([result], is_text=True)
        return result

    def visit_IfExp(self, node: ast.IfExp) -> object:
        truth = self.is_true(self.evaluate(node.test))
        if truth is not None:
            return self.evaluate(node.body if truth else node.orelse)
        values: list[object] = []
        self.take_any(
            lambda: values.append(self.evaluate(node.body)),
            lambda: values.append(self.evaluate(node.orelse)),
        )
        return self.either(values)

    def either(self, values: Sequence[object]) -> object:
        """Return the join of `values`, one of which is the actual value."""
        joined = self._join([self.slot(value) for value in values])
        return None if joined is None else joined.value


def _nothing() -> None:
    """Do nothing: the branch in which an operand is not evaluated."""
