"""A setting of a configuration: what a name or a key stands for, and what is wrong with it."""

from __future__ import annotations

from mastersctl.errors import BasedirError
from mastersctl.reader.objects import Object, Place, Slot, Unknown
from mastersctl.reader.source import WAYS_ON


class Setting:
    """A setting.

    Parameters:
        slot: what it stands for; None if it is not there.
        name: what it is called in messages.
        notes: where a sentence goes for each environment variable whose default is taken.
    """

    def __init__(self, slot: Slot | None, name: str, notes: list[str]) -> None:
        self._slot = slot
        self._name = name
        self._notes = notes

    @property
    def place(self) -> Place:
        """Where it is set."""
        return Place("", 0) if self._slot is None else self._slot.place

    @property
    def value(self) -> object:
        """Its value, None if it is not there."""
        return None if self._slot is None else self._slot.value

    def __bool__(self) -> bool:
        return self._slot is not None

    def get(self, key: str, name: str) -> Setting:
        """Return the setting of a key of a dictionary.

        Raises:
            BasedirError: it is no dictionary.
        """
        value = self.value
        if not isinstance(value, Object) or value.kind != "dict":
            raise self.error("is not a dictionary")
        return Setting(value.slot(key), name, self._notes)

    def items(self) -> list[tuple[object, Setting]]:
        """Return the settings of all keys of a dictionary.

        Raises:
            BasedirError: it is no dictionary, or not all of its keys are known.
        """
        value = self.value
        if not isinstance(value, Object) or value.kind != "dict":
            raise self.error("is not a dictionary")
        for slot in value.slots.values():
            if not value.is_known and isinstance(slot.value, Unknown):
                raise Setting(slot, self._name, self._notes).error("is computed")
        return [
            (key, Setting(slot, f"{self._name}[{key!r}]", self._notes))
            for key, slot in value.slots.items()
        ]

    def text(self) -> str:
        """Return its value if that is a string.

        Raises:
            BasedirError: it is not.
        """
        if not isinstance(self.value, str) or self._slot is None:
            raise self.error("is not a string")
        for variable, place in sorted(self._slot.missing, key=lambda missing: missing.place):
            self._notes.append(
                f"{place}: {self._name} is the default for the environment variable "
                f"{variable!r}, which is not set here; set it, or pass --db-url."
            )
        return self.value

    def error(self, otherwise: str) -> BasedirError:
        """Return the error for a setting that is unknown, or else `otherwise`."""
        value = self.value
        if isinstance(value, Unknown):
            return BasedirError(_unknown(self._name, self.place, value))
        unset = min(self._slot.missing, default=None) if self._slot and value is None else None
        if unset is not None:
            why = f"needs the environment variable {unset.variable!r}, which is not set"
            unknown = Unknown(unset.place, why, remedy="set it, or ")
            return BasedirError(_unknown(self._name, self.place, unknown))
        place = f"{self.place}: " if self._slot else ""
        return BasedirError(f"{place}{self._name} {otherwise}; {WAYS_ON}.")


def _unknown(name: str, place: Place, unknown: Unknown) -> str:
    """Return what is wrong with a setting that is unknown, and what to do."""
    if unknown.is_change and unknown.place == place:
        problem = f"{place}: {name} is unknown, as this line {unknown.why}"
    elif unknown.is_change:
        line = f"line {unknown.place.line}" if unknown.place.path == place.path else unknown.place
        problem = f"{place}: {name} is set here, but {line} {unknown.why}"
    else:
        problem = f"{unknown.place}: {name} {unknown.why}"
    return f"{problem}; {unknown.remedy}{WAYS_ON}."


def from_json(value: object, path: str, name: str) -> Setting:
    """Return the setting for what an executed configuration answers.

    Parameters:
        value: None if it is not there; what is no JSON is a dictionary with ``__computed__``.
        path: the configuration.
    """
    slot = None if value is None else _from_json(value, Place(path, 0))
    return Setting(slot, name, [])


def _from_json(value: object, place: Place) -> Slot:
    if isinstance(value, dict) and "__computed__" in value:
        return Slot(Unknown(place, f"is a {value['__computed__']}"), place)
    if isinstance(value, dict):
        found = Object("dict")
        found.slots |= {key: _from_json(part, place) for key, part in value.items()}
        return Slot(found, place)
    if isinstance(value, list):
        return Slot(tuple(_from_json(part, place).value for part in value), place)
    return Slot(value, place)
