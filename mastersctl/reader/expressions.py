"""Evaluation of the expressions of an analysed program."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath

from mastersctl.reader import library
from mastersctl.reader.access import View
from mastersctl.reader.objects import (
    MAX_PARTS,
    Function,
    Method,
    Names,
    Object,
    Slot,
    Unknown,
    size,
)
from mastersctl.reader.storing import Storing

_MAX_ELEMENTS = 1000  # of an iterable whose loop is unrolled


class Expressions(Storing, ast.NodeVisitor):
    """Evaluates expressions; `Calls` evaluates calls."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self._visitors: dict[type[ast.AST], Callable[[ast.AST], object]] = {}

    def visit(self, node: ast.AST) -> object:
        """Evaluate an expression, or interpret a statement."""
        kind = type(node)
        if kind not in self._visitors:
            self._visitors[kind] = getattr(self, f"visit_{kind.__name__}", self.generic_visit)
        return self._visitors[kind](node)

    def evaluate(self, node: ast.expr) -> object:
        """Return the value of an expression."""
        self.spend(1)
        line, self.line = self.line, node.lineno
        value = self.visit(node)
        self.line = line
        return value

    def slot_of(self, node: ast.expr) -> Slot:
        """Return a slot for the value of an expression."""
        missing, self.missing = self.missing, set()
        value = self.evaluate(node)
        line, self.line = self.line, node.lineno
        slot = self.slot(value)
        self.line = line
        self.missing = missing | self.missing
        return slot

    def is_true(self, value: object) -> bool | None:
        """Return the truth value of a value, or None if it is unknown."""
        match value:
            case View():
                return self.is_true(value.owner)
            case Unknown() | Method():
                self.touch([value])
                return None
            case Object(kind="dict" | "list" | "function"):
                if any(slot.certain for slot in value.slots.values()):
                    return True
                return False if value.is_known else None
            case Object() | Function() | PurePath():
                return True
        return bool(value)

    def elements(self, value: object) -> list[object] | None:
        """Return the elements over which a loop would iterate, or None if they are unknown."""
        found: Iterable[object] = ()
        match value:
            case View(owner=Object() as owner, name=name) if owner.is_known and owner.is_ordered:
                items = ((key, self.read(slot)) for key, slot in owner.slots.items())
                found = items if name == "items" else (i[name == "values"] for i in items)
            case Object(kind="dict") if value.is_known and value.is_ordered:
                found = value.slots
            case Object(kind="list", name="") if value.is_known:
                found = [self.read(value.slots[index]) for index in range(len(value.slots))]
            case tuple() if type(value) is tuple:
                found = value
            case _:
                return None
        elements = list(found)
        self.spend(len(elements) // 4)
        return elements if len(elements) <= _MAX_ELEMENTS else None

    def carry_out(
        self,
        function: Callable[..., object],
        values: Sequence[object],
        named: Mapping[str, object] | None = None,
        is_text: bool = False,
    ) -> object:
        """Return the result of a function: known if its arguments are, else an unknown value.

        Parameters:
            is_text: whether the function makes a text, which need not use all of the values.
        """
        given = [*values, *(named or {}).values()]
        if is_text and self.missing and any(value is None for value in given):
            return self._fail("is computed", "")  # the None comes from an unset variable
        try:
            positional = [library.plain(value, self.read_part, is_text) for value in values]
            keywords = {
                key: library.plain(value, self.read_part, is_text)
                for key, value in (named or {}).items()
            }
            found = function(*positional, **keywords)
            if isinstance(found, str | bytes | list):
                self.spend(len(found) // 256)
            return self.from_plain(found)
        except library.UntoldError:
            return self.touch(given, is_text=True) if is_text else self.opaque(given)
        except KeyError as error:
            return self._fail(f"needs {error.args[0]!r}, which is not set", "set it, or ")
        except Exception as error:
            if any(isinstance(value, Unknown | Object) for value in given):
                return self.touch(given, is_text)
            return self._fail(f"cannot be computed ({error})", "")

    def _fail(self, why: str, remedy: str) -> Unknown:
        unset = min(self.missing, default=None)
        if unset is not None:
            why = f"needs the environment variable {unset.variable!r}, which is not set"
        unknown = self.unknown(why)
        unknown.remedy = "set it, or " if unset else remedy
        return unknown

    def from_plain(self, value: object) -> object:
        """Convert a value of Python to a value of the program."""
        match value:
            case list():
                found = Object("list")
                self.extend_list(found, map(self.from_plain, value))
                return found
            case dict():
                found = Object("dict")
                for key, part in value.items():
                    self.write(found, key, self.slot(self.from_plain(part)))
                return found
            case tuple():
                return tuple(map(self.from_plain, value))
            case str() | bytes() | PurePath() if len(_as_text(value)) > library.MAX_TEXT:
                return self.unknown("is too long")
            case None | str() | int() | float() | bytes() | PurePath():
                return value
        return self.unknown()

    # Displays

    def visit_Constant(self, node: ast.Constant) -> object:
        value = node.value
        is_short = not isinstance(value, int) or value.bit_length() <= library.MAX_BITS
        known = value is None or isinstance(value, str | int | float | bytes)
        return value if known and is_short else self.unknown()

    def visit_Tuple(self, node: ast.Tuple) -> object:
        parts, is_exact = self.parts(node.elts)
        return self._tuple(tuple(parts)) if is_exact else self.touch(parts)

    def _tuple(self, parts: tuple[object, ...]) -> object:
        return self.touch(parts) if size(parts) >= MAX_PARTS else parts

    def visit_List(self, node: ast.List) -> object:
        found = Object("list")
        is_known = True
        for part in node.elts:
            if isinstance(part, ast.Starred):
                value = self.evaluate(part.value)
                known = self.elements(value)
                if known is None:
                    self.merge_into(found, self.slot(value))
                    is_known = False
                self.extend_list(found, known or ())
            else:
                slot = self.slot_of(part)
                if is_known:
                    self.write(found, len(found.slots), slot)
                else:
                    self.merge_into(found, slot)
        return found

    def visit_Dict(self, node: ast.Dict) -> object:
        found = Object("dict")
        for key, item in zip(node.keys, node.values, strict=True):
            if key is None:
                self.update(found, self.evaluate(item))
            else:
                place = self.evaluate(key)
                self.store_item(found, place, self.slot_of(item))
        return found

    def update(self, target: Object, given: object) -> None:
        """Update a dictionary with the items of another one."""
        if isinstance(given, Names):
            given = given.owner
        elif isinstance(given, Object) and given.kind != "dict":
            given = self.opaque([given])
        if isinstance(given, Object) and given.is_known:
            for key, slot in list(given.slots.items()):
                self.write(target, key, slot._replace(missing=slot.missing | self.because))
        else:
            self.opaque([given])
            self.merge_into(target, self.slot(given))

    def parts(self, nodes: Iterable[ast.expr]) -> tuple[list[object], bool]:
        """Return the values of expressions, unpacked where starred, and whether they are exact."""
        found: list[object] = []
        is_exact = True
        for node in nodes:
            if isinstance(node, ast.Starred):
                value = self.evaluate(node.value)
                known = self.elements(value)
                is_exact = is_exact and known is not None
                found += [value] if known is None else known
            else:
                found.append(self.evaluate(node))
        return found, is_exact

    def visit_JoinedStr(self, node: ast.JoinedStr) -> object:
        values = [self.evaluate(part) for part in node.values]
        return self.carry_out(lambda *texts: "".join(map(str, texts)), values, is_text=True)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> object:
        value = self.evaluate(node.value)
        spec = "" if node.format_spec is None else self.evaluate(node.format_spec)
        return self.carry_out(library.format_value, [value, node.conversion, spec], is_text=True)

    # Names, attributes and items

    def visit_Name(self, node: ast.Name) -> object:
        return self.look_up(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> object:
        return self.attribute(self.evaluate(node.value), node.attr)

    def visit_Subscript(self, node: ast.Subscript) -> object:
        owner = self.evaluate(node.value)
        if isinstance(node.slice, ast.Slice):
            bounds = [node.slice.lower, node.slice.upper, node.slice.step]
            values = [None if bound is None else self.evaluate(bound) for bound in bounds]
            return self.carry_out(lambda part, *ends: part[slice(*ends)], [owner, *values])
        return self.item(owner, self.evaluate(node.slice))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> object:
        slot = self.slot_of(node.value)
        scope = next(scope for scope in self.scopes if scope.kind != "comprehension")
        self.write_name(scope, node.target.id, slot)
        return slot.value

    def assign(self, target: ast.expr, slot: Slot) -> None:
        """Assign a value to a target, as a statement does."""
        raise NotImplementedError

    def write_name(self, scope: Object, name: str, slot: Slot | None) -> None:
        """Bind a name in `scope`, or where ``global`` or ``nonlocal`` declares it."""
        raise NotImplementedError

    def generic_visit(self, node: ast.AST) -> object:
        """Evaluate an expression of a kind without a method of its own: it is opaque."""
        parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
        return self.opaque([self.evaluate(part) for part in parts])


def _as_text(value: str | bytes | PurePath) -> str | bytes:
    return str(value) if isinstance(value, PurePath) else value
