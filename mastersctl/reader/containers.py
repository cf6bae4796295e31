"""Methods of dictionaries and lists in an analysed program."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from mastersctl.reader.access import View
from mastersctl.reader.functions import Functions
from mastersctl.reader.objects import Object, Unknown, is_key


class Containers(Functions):
    """Models the methods of dictionaries and lists."""

    def get(self, owner: Object, key: object, default: object = None) -> object:
        slot = owner.slot(key) if is_key(key) else None
        if owner is self.environ and slot is not None and key not in owner.slots:
            value = self.item(owner, key)
            if isinstance(value, Unknown):
                self.merge(value, default)
            return value
        if slot is None and not is_key(key):
            return self.unknown(values=[self.item(owner, key), default])
        if slot is not None:
            value = self.item(owner, key)
            return value if slot.certain else self.either([value, default])
        if owner is self.environ:
            self.note_unset(str(key))
        return default

    def get_variable(self, key: object, default: object = None) -> object:
        environ = self.module_outside("os").slots["environ"].value
        if isinstance(environ, Object) and environ.kind == "dict":
            return self.get(environ, key, default)
        return self.unknown(values=[environ, default])

    def _set_default(self, owner: Object, key: object, default: object = None) -> object:
        slot = owner.slot(key) if is_key(key) else None
        if is_key(key) and slot is None:
            if owner is self.environ:
                self.note_unset(str(key))
            self.write(owner, key, self.slot(default))
            return default
        if slot is not None and slot.certain and key in owner.slots:
            return self.read(slot)
        self.merge_into(owner, self.slot(default))
        return self.item(owner, key)

    def _update(self, owner: Object, *given: object, **named: object) -> None:
        for other in given:
            self.update(owner, other)
        for key, value in named.items():
            self.write(owner, key, self.slot(value))

    def _pop(self, owner: Object, key: object, *default: object) -> object:
        value = self.get(owner, key, *default) if default else self.item(owner, key)
        self.delete(owner, key)
        return value

    def delete(self, owner: Object, key: object) -> None:
        """Delete an item of a dictionary."""
        self.are_unloaded = self.are_unloaded or owner is self.loaded
        if is_key(key) and owner.kind != "list":
            self.write(owner, key, None)
        else:
            self.spoil(owner, self.unknown(values=[owner]))

    def _copy(self, owner: Object) -> Object:
        found = Object(owner.kind)
        for key, slot in owner.slots.items():
            self.write(found, key, slot)
        return found

    def _append(self, owner: Object, value: object) -> None:
        self.extend_list(owner, [value])

    def _extend(self, owner: Object, values: object) -> None:
        known = self.elements(values)
        if known is None:
            self.opaque([values])
            self.merge_into(owner, self.slot(values))
        self.extend_list(owner, known or ())

    def _insert(self, owner: Object, index: object, value: object) -> None:
        if index != 0 or not owner.is_known:
            self.merge_into(owner, self.slot(value))
            return
        slots = [self.slot(value), *owner.slots.values()]
        for number, slot in enumerate(slots):
            self.write(owner, number, slot)

    CONTAINER_METHODS: ClassVar[dict[tuple[str, str], Callable[..., object]]] = {
        ("dict", "copy"): _copy,
        ("dict", "get"): get,
        ("dict", "items"): lambda self, owner: View(owner, "items"),
        ("dict", "keys"): lambda self, owner: View(owner, "keys"),
        ("dict", "pop"): _pop,
        ("dict", "setdefault"): _set_default,
        ("dict", "update"): _update,
        ("dict", "values"): lambda self, owner: View(owner, "values"),
        ("list", "append"): _append,
        ("list", "extend"): _extend,
        ("list", "insert"): _insert,
    }
