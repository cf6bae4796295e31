"""Names, attributes and items of a program that is read: looked up, and stored."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import TextIOBase

from mastersctl.config import library, objects
from mastersctl.config.objects import (
    REST,
    Function,
    Method,
    Missing,
    Names,
    Object,
    Place,
    Region,
    Slot,
    Unknown,
    reachable,
)
from mastersctl.config.scopes import mro
from mastersctl.config.state import Mark, State

_MAX_STEPS = 2**18  # some seconds at worst; 300 KiB of what people write take a tenth of it
_READERS = ("copy", "get", "items", "keys", "values")  # methods that change nothing


class View(Method):
    """The keys, the values, or the items of a dictionary, when they are asked for."""


class NotSetError(Exception):
    """The program looks up a variable that is not set, and handles that."""


class Access(State):
    """What expressions and statements have in common.

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
        what: Callable[[], str] = lambda: "does something,",
        is_outside: bool = False,
    ) -> Unknown:
        """Return what code that is not understood makes of `values`, all of which it may change.

        Parameters:
            what: returns what the line does, as a predicate.
            is_outside: whether it is not of the program; then it leaves the environment as it is.
        """
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

    # Names

    def look_up(self, name: str) -> object:
        """Return what a name stands for."""
        scopes = [*self.scopes]
        while scopes:
            scope = scopes.pop(0)
            slot = scope.slot(name)
            if slot is not None and name not in scope.globals:
                return self.read(slot)
            if name in scope.globals or (name in scope.bound and scope.kind == "class"):
                scopes = [self.scopes[-1]] if scope is not self.scopes[-1] else []
            elif name in scope.bound:
                return self.unknown("is not bound yet")
        if name == "__builtins__":
            return self._reach_all("builtins")
        if hasattr(builtins, name):
            return self.attribute(self.module_outside("builtins"), name)
        if self.skipped:  # where it would be defined, maybe
            return self.not_set(min(self.skipped).variable)
        if name not in self.undefined:
            self.undefined[name] = self.unknown("is not defined")
        return self.undefined[name]

    def module_outside(self, name: str) -> Object:
        """Return a module that is not read."""
        name = "os.path" if name == "posixpath" else name
        if name not in self.modules:
            self.modules[name] = Object("module", name)
            if name == "os":
                self.modules[name].slots["environ"] = Slot(self.environ, self.place)
                encoded = Unknown(self.place, "is encoded", [self.environ])
                self.modules[name].slots["environb"] = Slot(encoded, self.place)
            if name == "sys":
                self.modules[name].slots["modules"] = Slot(self.loaded, self.place)
            if name in ("builtins", "sys", *library.REACH_ALL_MODULES):
                self.modules[name].slots["."] = Slot(self.everything, self.place)
        return self.modules[name]

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

    def _reach_all(self, name: str) -> Unknown:
        return Unknown(self.place, "may change everything", [self.everything], name=name)

    # Attributes and items

    def attribute(self, owner: object, name: str) -> object:
        """Return an attribute of a value."""
        if name in library.REACH_ALL_ATTRIBUTES:
            return self._reach_all(name)
        if isinstance(owner, Object):
            return self._attribute_of_object(owner, name)
        if isinstance(owner, Unknown):
            if owner.name and not owner.region.root().values:
                return Unknown(self.place, owner.why, name=f"{owner.name}.{name}")
            return self.touch([owner])
        if isinstance(owner, Function) and name.startswith("__"):
            owner.is_changed = True  # as it may be by what has this
        if library.is_method(owner, name):
            return Method(owner, name)
        try:
            return library.attribute(owner, name)
        except library.UntoldError:
            return self.unknown(values=[owner])

    def _attribute_of_object(self, owner: Object, name: str) -> object:
        if owner.kind not in ("module", "class"):
            if not hasattr({"dict": dict, "list": list}.get(owner.kind, TextIOBase), name):
                self.doubts += 1
            return Method(owner, name)
        if owner.kind == "class":
            return self._attribute_of_class(owner, name)
        slot = owner.slot(name)
        if slot is not None:
            return self.read(slot)
        if not owner.name:
            if "__getattr__" in owner.slots:
                self.opaque([owner.slots["__getattr__"].value])
            return self.unknown("is not defined there")
        qualified = f"{owner.name}.{name}"
        if qualified in self.modules:
            return self.modules[qualified]
        if qualified in library.REACH_ALL or owner.name in library.REACH_ALL_MODULES:
            return self._reach_all(qualified)
        found = Unknown(self.place, f"is {qualified}, which is not read", name=qualified)
        owner.slots[name] = Slot(found, self.place)  # the same one, whenever it is looked up
        return found

    def _attribute_of_class(self, owner: Object, name: str) -> object:
        for each in mro(owner):
            slot = each.slot(name)
            if slot is not None and not slot.certain:
                break  # it may be that of a base
            if slot is not None:
                value = self.read(slot)
                return self.touch([value]) if isinstance(value, Unknown) else value
        return self.touch([owner])

    def item(self, owner: object, key: object) -> object:
        """Return an item of a value."""
        if isinstance(owner, Names) and isinstance(owner.owner, Object):
            return self._item_of_object(owner.owner, key)
        if isinstance(owner, Object) and owner.kind in ("dict", "list"):
            return self._item_of_object(owner, key)
        if isinstance(owner, Unknown):
            return self.touch([owner])
        if isinstance(owner, Object):
            return self.opaque([owner, key])
        if type(owner) is tuple and isinstance(key, int) and -len(owner) <= key < len(owner):
            return owner[key]
        if isinstance(owner, str) and isinstance(key, int) and -len(owner) <= key < len(owner):
            return owner[key]
        return self.opaque([owner, key])

    def _item_of_object(self, owner: Object, key: object) -> object:
        if not is_key(key):
            return self.unknown(values=[key, *(slot.value for slot in owner.slots.values())])
        if owner is self.environ and key not in owner.slots and REST in owner.slots:
            return self._may_be_set(str(key), owner.slots[REST])
        if owner.kind == "list" and (owner.name or not isinstance(key, int)):
            return self.unknown()
        if owner.kind == "list" and isinstance(key, int) and key < 0 and owner.is_known:
            key += len(owner.slots)
        slot = owner.slot(key)
        if slot is not None:
            return self.read(slot)
        return self.not_set(str(key)) if owner is self.environ else self.unknown()

    def note_unset(self, variable: str) -> None:
        """Note that a default is taken for a variable that is not set."""
        self.missing.add(Missing(variable, self.place))

    def _may_be_set(self, variable: str, rest: Slot) -> Unknown:
        """Return the value of a variable that is not set here, but may be by the program."""
        place = rest.place
        where = f"line {place.line}" if place.path == self.path else str(place)
        why = f"needs the environment variable {variable!r}, which is not set here"
        unknown = self.unknown(f"{why}, but may be by {where}", [rest.value])
        unknown.remedy = "set it, or "
        return unknown

    def not_set(self, variable: str) -> Unknown:
        """Return what the look-up of a variable gives that is not set.

        Raises:
            NotSetError: a ``try`` statement around it may handle that.
        """
        if self.attempts and self.attempts[-1] == self.depth:
            self.note_unset(variable)
            raise NotSetError
        unknown = self.unknown(f"needs the environment variable {variable!r}, which is not set")
        unknown.remedy = "set it, or "
        return unknown

    # Storing

    def store_item(self, owner: object, key: object, slot: Slot) -> None:
        """Set an item of a value."""
        if owner is self.loaded:
            self.are_replaced = True
        if owner is self.environ and not (isinstance(key, str) and isinstance(slot.value, str)):
            self.doubts += 1
        if isinstance(owner, Names) and isinstance(owner.owner, Object):
            owner = owner.owner
        elif isinstance(owner, Object) and owner.kind not in ("dict", "list"):
            owner = self.opaque([owner, key, slot.value])
        if not isinstance(owner, Object):
            self._store_somewhere(owner, key, slot)
        elif not is_key(key) or (owner.kind == "list" and key not in owner.slots):
            self.merge_into(owner, slot)
        else:
            self.write(owner, key, slot)

    def store_attribute(self, owner: object, name: str, slot: Slot) -> None:
        """Set an attribute of a value."""
        is_special = name.startswith("__") and isinstance(owner, Function | Object)
        if isinstance(owner, Function) and is_special:
            owner.is_changed = True
        if is_special and isinstance(owner, Object) and owner.kind == "class":
            self.opaque([owner, slot.value])
        elif isinstance(owner, Object) and owner.kind in ("module", "class"):
            self.write(owner, name, slot)
        else:
            self._store_somewhere(owner, name, slot)

    def merge_into(self, owner: Object, slot: Slot) -> None:
        """Store a value in an object where it is unknown which key it has."""
        unknown = self.unknown("sets what could be it", [slot.value, owner])
        unknown.is_change = True
        self.spoil(owner, unknown)

    def _store_somewhere(self, owner: object, key: object, slot: Slot) -> None:
        """Store a value in what may be any object that `owner` reaches."""
        self.doubts += 1
        reached = self.reach([owner])
        if any(isinstance(value, Function) and value.is_method for value in reached):
            self.opaque([owner, key, slot.value])
        if isinstance(owner, Unknown):
            self.merge(owner, slot.value)
        elif isinstance(owner, Function):
            owner.defaults[f".{key}"] = slot
        for value in reached:
            if value is self.environ and isinstance(key, bytes):
                self.merge_into(self.environ, slot)
            elif isinstance(value, Object) and is_key(key):
                old = value.slot(key)
                unknown = self.unknown("sets what could be it", [slot.value])
                unknown.is_change = True
                if old is not None:
                    self.merge(unknown, old.value)
                place = old.place if old else self.place
                self.write(value, key, Slot(unknown, place, certain=False))
            elif isinstance(value, Object):
                self.merge_into(value, slot)
            elif isinstance(value, Function):
                value.defaults[f".{key}"] = slot

    def extend_list(self, target: Object, values: Iterable[object]) -> None:
        """Append values to a list."""
        is_known = target.is_known
        for value in values:
            if is_known:
                self.write(target, len(target.slots), self.slot(value))
            else:
                self.merge_into(target, self.slot(value))


def _is_changed_by_reading(value: object) -> bool:
    if isinstance(value, Object):
        return value.kind == "file"
    return isinstance(value, Function) and value.is_method


def is_key(key: object) -> bool:
    """Return whether a key of a dictionary is known."""
    return key is not REST and (key is None or isinstance(key, str | int | bytes | float))
