"""Lookup of names, attributes and items in an analysed program."""

from __future__ import annotations

import builtins
from io import TextIOBase

from mastersctl.reader import library
from mastersctl.reader.effects import Effects, NotSetError
from mastersctl.reader.objects import (
    REST,
    Function,
    Method,
    Missing,
    Names,
    Object,
    Slot,
    Unknown,
    is_key,
)
from mastersctl.reader.scopes import mro


class View(Method):
    """A view of a dictionary's keys, values or items, evaluated lazily."""


class Access(Effects):
    """Looks up names, attributes and items."""

    # Names

    def look_up(self, name: str) -> object:
        """Return the value that a name is bound to."""
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
        if self.skipped:  # the skipped code may bind the name
            return self.not_set(min(self.skipped).variable)
        if name not in self.undefined:
            self.undefined[name] = self.unknown("is not defined")
        return self.undefined[name]

    def module_outside(self, name: str) -> Object:
        """Return the object of an outside module, which the reader does not analyse."""
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
            owner.is_changed = True  # the program may now replace its code
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
        owner.slots[name] = Slot(found, self.place)  # each lookup returns the same value
        return found

    def _attribute_of_class(self, owner: Object, name: str) -> object:
        for each in mro(owner):
            slot = each.slot(name)
            if slot is not None and not slot.certain:
                break  # a base class may define the attribute instead
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
        """Note that the program takes a default for an unset environment variable."""
        self.missing.add(Missing(variable, self.place))

    def _may_be_set(self, variable: str, rest: Slot) -> Unknown:
        """Return the value of a variable that is unset here, but that the program may set."""
        place = rest.place
        where = f"line {place.line}" if place.path == self.path else str(place)
        why = f"needs the environment variable {variable!r}, which is not set here"
        unknown = self.unknown(f"{why}, but may be by {where}", [rest.value])
        unknown.remedy = "set it, or "
        return unknown

    def not_set(self, variable: str) -> Unknown:
        """Return the result of looking up an unset environment variable.

        Raises:
            NotSetError: an enclosing ``try`` statement may handle the exception.
        """
        if self.attempts and self.attempts[-1] == self.depth:
            self.note_unset(variable)
            raise NotSetError
        unknown = self.unknown(f"needs the environment variable {variable!r}, which is not set")
        unknown.remedy = "set it, or "
        return unknown
