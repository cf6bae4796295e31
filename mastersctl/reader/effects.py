"""What code of a program does that is read and not understood: it changes what it can reach."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence

from mastersctl.reader import library, objects
from mastersctl.reader.objects import (
    REST,
    Function,
    Method,
    Missing,
    Object,
    Place,
    Region,
    Slot,
    Unknown,
    is_key,
    reachable,
)
from mastersctl.reader.state import Mark, State

_MAX_STEPS = 2**18  # some seconds at worst; 300 KiB of what people write take a tenth of it
_OPAQUE_STEPS = 4  # that code which is not understood takes the time of
_READERS = ("copy", "get", "items", "keys", "values")  # methods that change nothing


class NotSetError(Exception):
    """The program looks up a variable that is not set, and handles that."""


class Effects(State):
    """What is known of a program, and what code that is not understood may do to it.

    Attributes:
        environ: the environment, as a dictionary of the program.
        scopes: where names are looked up, the innermost first.
        skipped: the variables that are not set, for which code is not executed.
        are_known: whether no text was executed, which could have changed modules not read so far.
        are_replaced, are_unloaded: whether modules in `sys.modules` are.
        is_elsewhere: whether the working directory may not be the one at the start.
        undefined: the values of names that are not bound, as those that plugins have.
        attempts: how deep the ``try`` statements are that a look-up would be handled by.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__()
        start = Place("", 0)
        self.environ = Object("dict", "os.environ")
        self.environ.slots |= {name: Slot(value, start) for name, value in environ.items()}
        self.modules: dict[str, Object] = {}
        self.program = Object("program")  # its modules, and the environment
        self.program.slots["os.environ"] = Slot(self.environ, start)
        self.everything = Object("program")  # that, for code that may change it at any time
        self.everything.slots["program"] = Slot(self.program, start)
        self.loaded = Object("dict", "sys.modules")
        unknown = Unknown(start, "may be any module", [self.everything])
        self.loaded.slots[REST] = Slot(unknown, start, certain=False)
        self.scopes: Sequence[Object] = ()
        self.attempts: list[int] = []
        self.skipped: set[Missing] = set()
        self.undefined: dict[str, Unknown] = {}
        self._steps = 0
        self.are_replaced = False
        self.are_unloaded = False
        self.are_known = True
        self.is_elsewhere = False

    def spend(self, steps: int) -> None:
        """Count what is done; raise `RecursionError` when that is more than a program needs."""
        self._steps += steps
        if self._steps > _MAX_STEPS:
            raise RecursionError

    def write(self, target: Object, key: object, slot: Slot | None) -> None:
        """Set a slot, or remove it."""
        self.spend(1)
        super().write(target, key, slot)

    def read_part(self, slot: Slot) -> object:
        """Return the value of a slot of a list that is read as a whole."""
        self.spend(1)
        return self.read(slot)

    def read(self, slot: Slot) -> object:
        """Return the value of a slot, and note what it depends on."""
        self.missing |= slot.missing
        return slot.value

    # What code that is not understood may do

    def reach(self, values: Iterable[object]) -> list[Unknown | Object | Function]:
        """Return the objects and functions that code may reach that has `values`."""
        return reachable(values, self._peek, lambda slots: self.spend(1 + slots // 8))

    def opaque(
        self,
        values: Sequence[object],
        what: Callable[[], str] = lambda: "uses what is only known when it is executed,",
        is_outside: bool = False,
    ) -> Unknown:
        """Return what code that is not understood makes of `values`, all of which it may change.

        Parameters:
            what: returns what the line does, as a predicate.
            is_outside: whether it is not of the program; then it leaves the environment as it is.
        """
        self.spend(_OPAQUE_STEPS)
        reached = self.reach(values)
        result = self.unknown(values=values)
        if all(isinstance(value, Unknown) for value in reached):
            return result
        is_trusted = is_outside and not any(isinstance(value, Function) for value in reached)
        changed = Unknown(self.place, f"{what()} which could change it")
        changed.is_change = True
        changed.region.merge(result.region)
        for value in reached:
            if isinstance(value, Unknown):
                continue
            if isinstance(value, Function):
                for name in value.uses.declared:
                    for scope in value.scopes:
                        if name in scope.slots or name in scope.bound or scope is value.scopes[-1]:
                            self.write(scope, name, Slot(changed, self.place, certain=False))
            elif value.kind != "program" and not (is_trusted and value is self.environ):
                self.spoil(value, changed)
        return result

    def forget_modules(self, start: Mark) -> None:
        """Make unknown the modules read since a mark, which may not be imported to their ends."""
        for slot in list(self.program.slots.values()):
            if isinstance(slot.value, Object) and slot.value.number > start[1]:
                self.spoil(slot.value, self.unknown("may be imported in part"))

    def give_up(self) -> None:
        """Make unknown whatever the present line could change."""
        self.opaque([self.everything, *self.scopes], lambda: "is in a loop,")

    def touch(self, values: Sequence[object], is_text: bool = False) -> Unknown:
        """Return what reading `values` gives, which may call methods of the program's classes.

        Parameters:
            is_text: whether that refers to none of them, as texts and numbers do.
        """
        values = [value for value in values if not self._is_name_of_module(value)]
        holds = [v for v in values if not isinstance(v, Unknown) or v.region.root().values]
        reached = self.reach(holds) if holds else []
        methods = [value for value in reached if _is_changed_by_reading(value)]
        if methods and self.program not in reached:
            return self.opaque(values)
        first = values[0] if len(values) == 1 else None
        if isinstance(first, Unknown) and (first.is_text or not is_text):
            self.doubts += 1
            return first
        is_plain = is_text or all(map(objects.is_text, values))
        found = self.unknown(values=values)
        if is_plain:
            found.is_text, found.region = True, Region()
        return found

    def _is_name_of_module(self, value: object) -> bool:
        """Return whether a value is what a loop over the names of all modules gets."""
        if isinstance(value, Method) and value.name == "keys":
            value = value.owner
        return value is self.loaded

    def _peek(self, path: ast.expr, scopes: Sequence[Object]) -> object:
        """Return what a path of a function stands for now, or a tuple of what it may."""
        match path:
            case ast.Constant(value=str(name)):
                return self._peek_module(name)
            case ast.Name(id=name):
                slot = next((s for s in (scope.slot(name) for scope in scopes) if s), None)
                if slot is not None:
                    return slot.value
                outside = f"builtins.{name}"
                return self.everything if outside in library.REACH_ALL else None
            case (
                ast.Attribute(value=base, attr=key)
                | ast.Subscript(value=base, slice=ast.Constant(value=key))
            ):
                owner = self._peek(base, scopes)
                if key in library.REACH_ALL_ATTRIBUTES or key == "__self__":
                    return self.everything
                if isinstance(owner, Object):
                    return self._peek_into(owner, path, key)
                return owner
        return None

    def _peek_module(self, name: str) -> object:
        """Return what the import of a module in a function may give."""
        ends = (f"/{name}.py", f"/{name}/__init__.py")
        paths = [(str(path), slot.value) for path, slot in self.program.slots.items()]
        found = [value for path, value in paths if path.endswith(ends)]
        return (*found, self.environ) if name == "os" else tuple(found)

    def _peek_into(self, owner: Object, path: ast.Attribute | ast.Subscript, key: object) -> object:
        """Return what an attribute or an item of an object is now, or a tuple of what it may be."""
        has_items = owner.kind not in ("module", "class")
        has_slots = isinstance(path, ast.Subscript) or not has_items
        slot = owner.slot(key) if is_key(key) and has_slots else None
        if slot is not None:
            return (slot.value, owner) if key not in owner.slots else slot.value
        if owner.kind == "module" and f"{owner.name}.{key!s}" in library.REACH_ALL:
            return self.everything
        if isinstance(path, ast.Subscript) or (owner.kind == "module" and owner.name):
            return None
        if isinstance(path, ast.Attribute) and has_items and key in _READERS:
            return tuple(slot.value for slot in owner.slots.values())
        return owner


def _is_changed_by_reading(value: object) -> bool:
    if isinstance(value, Object):
        return value.kind == "file"
    return isinstance(value, Function) and value.is_method
