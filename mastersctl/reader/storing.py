"""Assignment to attributes and items in an analysed program."""

from __future__ import annotations

from collections.abc import Iterable

from mastersctl.reader.access import Access
from mastersctl.reader.objects import Function, Names, Object, Slot, Unknown, is_key


class Storing(Access):
    """Sets attributes and items."""

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
        """Store a value in an object under an unknown key."""
        unknown = self.unknown("sets what could be it", [slot.value, owner])
        unknown.is_change = True
        self.spoil(owner, unknown)

    def _store_somewhere(self, owner: object, key: object, slot: Slot) -> None:
        """Store a value in some object that `owner` reaches; it is unknown which."""
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
