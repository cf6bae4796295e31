"""Effects of opaque code, which the reader cannot interpret: it may change all that it reaches."""

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

_MAX_STEPS = 2**18  # some seconds at worst; 300 KiB of hand-written code take a tenth of it
_OPAQUE_STEPS = 4  # the cost of one piece of opaque code
_READERS = ("copy", "get", "items", "keys", "values")  # methods that change nothing


class NotSetError(Exception):
    """Raised when a program looks up an unset variable inside a ``try`` statement."""


class Effects(State):
    """Applies the effects of opaque code to the state of a program.

    Attributes:
        environ: the environment, as a dictionary of the program.
        scopes: the scopes in which names are looked up, the innermost first.
        skipped: the unset variables that make the program skip code.
        are_known: false once executed text or a computed import may have changed unread modules.
        are_replaced, are_unloaded: whether the program replaces or deletes items of `sys.modules`.
        is_elsewhere: whether the program may have changed the working directory.
        undefined: the values of unbound names, such as plugins from a star import.
        attempts: the depths of the enclosing ``try`` statements, which may handle failed lookups.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__()
        start = Place("", 0)
        self.environ = Object("dict", "os.environ")
        self.environ.slots |= {name: Slot(value, start) for name, value in environ.items()}
        self.modules: dict[str, Object] = {}
        self.program = Object("program")  # the modules of the program, and the environment
        self.program.slots["os.environ"] = Slot(self.environ, start)
        self.everything = Object("program")  # `program`, for code that may change it at any time
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
        """Count steps of work.

        Raises:
            RecursionError: the program needs more than `_MAX_STEPS`.
        """
        self._steps += steps
        if self._steps > _MAX_STEPS:
            raise RecursionError

    def write(self, target: Object, key: object, slot: Slot | None) -> None:
        """Set a slot, or remove it if `slot` is None."""
        self.spend(1)
        super().write(target, key, slot)

    def read_part(self, slot: Slot) -> object:
        """Return the value of one slot of a list that is read as a whole."""
        self.spend(1)
        return self.read(slot)

    def read(self, slot: Slot) -> object:
        """Return the value of a slot, and note the unset variables that it depends on."""
        self.missing |= slot.missing
        return slot.value

    # Opaque code

    def reach(self, values: Iterable[object]) -> list[Unknown | Object | Function]:
        """Return the objects, functions and unknown values reachable from `values`."""
        return reachable(values, self._peek, lambda slots: self.spend(1 + slots // 8))

    def opaque(
        self,
        values: Sequence[object],
        what: Callable[[], str] = lambda: "uses a value that is only known at execution,",
        is_outside: bool = False,
    ) -> Unknown:
        """Return the result of opaque code, and make unknown all that `values` reach.

        Parameters:
            values: the values that the code has access to.
            what: returns a predicate for messages: the effect of the line.
            is_outside: whether another package has the code; it then leaves the environment alone.
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
        """Make unknown the modules read since a mark, whose imports may have failed midway."""
        for slot in list(self.program.slots.values()):
            if isinstance(slot.value, Object) and slot.value.number > start[1]:
                self.spoil(slot.value, self.unknown("may be imported in part"))

    def give_up(self) -> None:
        """Make unknown all that the current line could change."""
        self.opaque([self.everything, *self.scopes], lambda: "is in a loop,")

    def touch(self, values: Sequence[object], is_text: bool = False) -> Unknown:
        """Return an unknown value read from `values`; reading may call the program's methods.

        Parameters:
            is_text: whether the result is a text or a number, which refers to none of them.
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
        """Return whether a value is `sys.modules` or its keys."""
        if isinstance(value, Method) and value.name == "keys":
            value = value.owner
        return value is self.loaded

    def _peek(self, path: ast.expr, scopes: Sequence[Object]) -> object:
        """Return the current value of a path in a function, or a tuple of its possible values."""
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
        """Return a tuple of the values that importing a module in a function may give."""
        ends = (f"/{name}.py", f"/{name}/__init__.py")
        paths = [(str(path), slot.value) for path, slot in self.program.slots.items()]
        found = [value for path, value in paths if path.endswith(ends)]
        return (*found, self.environ) if name == "os" else tuple(found)

    def _peek_into(self, owner: Object, path: ast.Attribute | ast.Subscript, key: object) -> object:
        """Return the current value of an attribute or item, or a tuple of its possible values."""
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
