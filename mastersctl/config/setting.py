"""Settings of a configuration: their values, and the errors about them."""

from __future__ import annotations

from mastersctl.errors import BasedirError
from mastersctl.reader.objects import Object, Place, Slot, Unknown
from mastersctl.reader.source import WAYS_ON


class Setting:
    """A setting of a configuration: the value of a name or a key.

    Parameters:
        slot: its value and place; None if it is missing.
        name: its name in messages.
        notes: a list that gets a sentence for each unset environment variable with a default.
    """

    def __init__(self, slot: Slot | None, name: str, notes: list[str]) -> None:
        self._slot = slot
        self._name = name
        self._notes = notes

    @property
    def place(self) -> Place:
        """The line that sets it."""
        return Place("", 0) if self._slot is None else self._slot.place

    @property
    def value(self) -> object:
        """Its value, or None if it is missing."""
        return None if self._slot is None else self._slot.value

    def __bool__(self) -> bool:
        return self._slot is not None

    def get(self, key: str, name: str) -> Setting:
        """Return the setting of a key of a dictionary.

        Raises:
            BasedirError: the value is not a dictionary.
        """
        value = self.value
        if not isinstance(value, Object) or value.kind != "dict":
            raise self.error("is not a dictionary")
        return Setting(value.slot(key), name, self._notes)

    def items(self) -> list[tuple[object, Setting]]:
        """Return the settings of all keys of a dictionary.

        Raises:
            BasedirError: the value is not a dictionary, or some keys are unknown.
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
        """Return the value, which must be a string.

        Raises:
            BasedirError: the value is not a string, or is unknown.
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
        """Return the error for an unknown value, or else one that says `otherwise`."""
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
    """Return the message for a setting with an unknown value."""
    if unknown.is_change and unknown.place == place:
        problem = f"{place}: {name} is unknown, as this line {unknown.why}"
    elif unknown.is_change:
        line = f"line {unknown.place.line}" if unknown.place.path == place.path else unknown.place
        problem = f"{place}: {name} is set here, but {line} {unknown.why}"
    else:
        problem = f"{unknown.place}: {name} {unknown.why}"
    return f"{problem}; {unknown.remedy}{WAYS_ON}."


def from_json(value: object, path: str, name: str) -> Setting:
    """Return the setting for a value of an executed configuration.

    Parameters:
        value: the value, or None; see `mastersctl.config.execution.Executed`.
        path: the path of the configuration.
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
