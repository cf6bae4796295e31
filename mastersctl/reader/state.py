"""The abstract state of a program: its objects, their slots, and the journal of changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from mastersctl.reader.objects import (
    REST,
    Function,
    Method,
    Missing,
    Object,
    Place,
    Slot,
    Unknown,
    is_same,
    is_text,
)

_MAX_MISSING = 50  # unset variables, recorded for one value
_MAX_ROUNDS = 8  # of a loop, to reach a fixed point; hand-written loops take two
Mark = tuple[int, int]  # the numbers of changes and of objects so far
_Change = tuple[Object, object, Slot | None]


class State:
    """Holds the state, and records its changes.

    Attributes:
        path, line: the current line.
        missing: the unset variables whose defaults the current expression takes.
        because: the unset variables that decide whether the current line is executed.
        doubts: how many operations had an unknown result, and so may have raised an exception.
        depth: how many enclosing blocks may not be executed.
    """

    def __init__(self) -> None:
        self.path = ""
        self.line = 0
        self.missing: set[Missing] = set()
        self.because: frozenset[Missing] = frozenset()
        self.doubts = 0
        self.depth = 0
        self._journal: list[_Change] = []
        self._merges: list[int] = []  # for each merge of regions, the newer part's number

    @property
    def place(self) -> Place:
        """The current line."""
        return Place(self.path, self.line)

    def unknown(self, why: str = "is computed", values: Iterable[object] = ()) -> Unknown:
        """Return an unknown value that may be, or refer to, any of `values`."""
        self.doubts += 1
        result = Unknown(self.place, why)
        values = list(values)
        self.spend(len(values) // 4)
        for value in values:
            self.merge(result, value)
            for part in value if type(value) is tuple else (value,):
                if isinstance(part, Unknown) and part.remedy and not result.remedy:
                    result.place, result.why, result.remedy = part.place, part.why, part.remedy
        return result

    def merge(self, unknown: Unknown, value: object) -> None:
        """Add `value` to the region of `unknown`, whose holders may reach it from now on."""
        region = unknown.region.root()
        if isinstance(value, Object) and value.leak is not None and value.leak.root() is region:
            return  # the region holds it already, or all of its slots are unknown
        if isinstance(value, Unknown):
            other = value.region.root()
            is_outside = value.is_text or (value.name and not other.values)
            number = max(region.number, other.number)
            if not is_outside and region.merge(other):
                self._merges.append(number)
        elif type(value) is tuple:
            for part in value:
                self.merge(unknown, part)
        elif isinstance(value, Method):
            self.merge(unknown, value.owner)
        elif isinstance(value, Object | Function) and region.add(value):
            self._merges.append(max(region.number, value.number))

    def spend(self, steps: int) -> None:
        """Count steps of work.

        Raises:
            RecursionError: the program needs too many.
        """
        raise NotImplementedError

    def slot(self, value: object) -> Slot:
        """Return a slot for a value that the current line sets."""
        missing = self.because.union(self.missing)
        if len(missing) > _MAX_MISSING:  # otherwise the set could grow with each line
            missing = frozenset(itertools.islice(missing, _MAX_MISSING))
        return Slot(value, self.place, missing)

    def write(self, target: Object, key: object, slot: Slot | None) -> None:
        """Set a slot, or remove it if `slot` is None."""
        self._journal.append((target, key, target.slots.get(key)))
        if (self.depth and slot is None) or (slot is not None and not slot.certain):
            target.is_ordered = False
        if target.kind == "class" and slot is not None and isinstance(slot.value, Function):
            slot.value.is_method = True
        if slot is None:
            target.slots.pop(key, None)
        else:
            target.slots[key] = slot
        if target.leak is not None:
            target.leak.add(target)

    def spoil(self, target: Object, unknown: Unknown) -> None:
        """Make every slot of `target` unknown and uncertain."""
        self.spend(len(target.slots))
        region = unknown.region.root()
        is_leaked = target.leak is not None and target.leak.root() is region
        if is_leaked and id(target) not in region.values:
            return  # it has stayed unknown since it escaped
        for key, slot in list(target.slots.items()):
            self.merge(unknown, slot.value)
            value = unknown
            if target.kind == "module" and is_text(slot.value):  # the name still refers to a text
                value = Unknown(unknown.place, unknown.why)
                value.is_change = value.is_text = True
            spoiled = Slot(value, slot.place, slot.missing, certain=False)
            self.write(target, key, None if target.kind == "list" else spoiled)
        self.write_rest(target, unknown)
        target.leak = unknown.region
        unknown.region.root().values.pop(id(target), None)

    def write_rest(self, target: Object, unknown: Unknown) -> None:
        """Note that `target` may have more keys than those of its slots."""
        self.write(target, REST, Slot(unknown, unknown.place, certain=False))

    def take_any(self, *blocks: Callable[[], None]) -> None:
        """Interpret each of `blocks` from the current state, and join the outcomes.

        Slots on which the blocks disagree become unknown.
        """
        outcomes: list[dict[tuple[int, object], Slot | None]] = []
        touched: dict[tuple[int, object], tuple[Object, object]] = {}
        self.depth += 1
        for block in blocks:
            start = len(self._journal)
            block()
            outcome: dict[tuple[int, object], Slot | None] = {}
            for target, key, old in self._journal[start:]:
                at = (id(target), key)
                if at not in outcome:  # the earliest change has the value to restore
                    outcome[at] = target.slots.get(key)
                    touched[at] = (target, key)
                    self.write(target, key, old)
            outcomes.append(outcome)
        self.depth -= 1
        for at, (target, key) in touched.items():
            now = target.slots.get(key)
            slots = [outcome.get(at, now) for outcome in outcomes]
            self.write(target, key, self._join(slots))

    def doubt_since(self, start: Mark) -> list[Object]:
        """Join the current state with all states since the mark `start`.

        The changes since then may have happened in full, in part, or not at all.

        Returns:
            the objects that lost known values.
        """
        held: dict[tuple[int, object], list[Slot | None]] = {}
        places = {}
        for target, key, old in self._journal[start[0] :]:
            if target.number <= start[1]:  # newer objects are reachable only from unknown values
                held.setdefault((id(target), key), []).append(old)
                places[id(target), key] = target
        changed = []
        for (at, key), slots in held.items():
            target = places[at, key]
            joined = self._join([*slots, target.slots.get(key)])
            if not _is_like(joined, slots[0]):
                changed.append(target)
            self.write(target, key, joined)
        return changed

    def has_changed(self, start: Mark, target: object) -> bool:
        """Return whether an object may have changed since a mark."""
        return any(changed is target for changed, _, _ in self._journal[start[0] :])

    def mark(self) -> Mark:
        """Return a mark for the current state."""
        return len(self._journal), Object("mark").number

    def repeat(self, block: Callable[[], None]) -> None:
        """Interpret a block that runs any number of times, until the state is a fixed point."""
        self.depth += 1
        _, first = self.mark()
        for _ in range(_MAX_ROUNDS):
            start, merges = self.mark(), len(self._merges)
            block()
            # Objects that the loop itself makes are reachable only from unknown values.
            has_changed = any(target.number <= first for target in self.doubt_since(start))
            if not has_changed and all(number > start[1] for number in self._merges[merges:]):
                break
        else:
            self.give_up()
        self.depth -= 1

    def give_up(self) -> None:
        """Make unknown all that the current line could change."""
        raise NotImplementedError

    def _join(self, slots: Sequence[Slot | None]) -> Slot | None:
        """Return the join of `slots`, one of which is the actual slot; None means no slot."""
        present = [slot for slot in slots if slot is not None]
        if not present:
            return None
        first = present[0]
        missing = frozenset[Missing]().union(*(slot.missing for slot in present))
        certain = len(present) == len(slots) and all(slot.certain for slot in present)
        if certain and all(is_same(slot.value, first.value) for slot in present):
            return Slot(first.value, present[-1].place, missing)
        reason = next((slot.value for slot in present if isinstance(slot.value, Unknown)), None)
        joined = self.unknown(values=[slot.value for slot in present])
        if reason is None:
            joined.place = present[-1].place
            joined.why = "is only known when the file is executed"
        else:
            joined.place, joined.why, joined.remedy = reason.place, reason.why, reason.remedy
            joined.is_change = reason.is_change
        joined.is_text = all(is_text(slot.value) for slot in present)
        return Slot(joined, present[-1].place, missing, certain)


def _is_like(slot: Slot | None, other: Slot | None) -> bool:
    """Return whether two slots are the same, if all unknown values count as equal."""
    if slot is None or other is None:
        return slot is other
    if isinstance(slot.value, Unknown) and isinstance(other.value, Unknown):
        return slot.certain == other.certain
    return slot.certain == other.certain and is_same(slot.value, other.value)
