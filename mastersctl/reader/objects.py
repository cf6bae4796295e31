"""The values of an analysed program: known values, mutable objects and unknown values.

Texts, numbers, booleans, None and tuples are Python's own values. Each dictionary, list, module,
class and file is an `Object`, which names and other objects may alias.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Sequence, Set
from functools import cached_property
from typing import NamedTuple

from mastersctl.reader.uses import Uses, find_uses

_numbers = itertools.count()
MAX_PARTS = 1000  # of a tuple
REST = ...  # the key of the slot for all keys that have no slot of their own


class Place(NamedTuple):
    """A line of a file."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


class Missing(NamedTuple):
    """An unset environment variable that the program looks up."""

    variable: str
    place: Place


class Region:
    """The values that a set of unknown values may be, or refer to.

    Code that has access to one of these unknown values may reach the whole region.
    """

    def __init__(self) -> None:
        self.values: dict[int, object] = {}  # by `id`
        self.number = next(_numbers)
        self._merged: Region | None = None

    def root(self) -> Region:
        """Return the region that this one has been merged into, or this one itself."""
        region = self
        while region._merged is not None:
            region = region._merged
        if self._merged is not None:
            self._merged = region
        return region

    def add(self, value: object) -> bool:
        """Add a value; return whether it is new."""
        values = self.root().values
        is_new = id(value) not in values
        values[id(value)] = value
        return is_new

    def merge(self, other: Region) -> bool:
        """Merge this region with `other`; return whether they were separate."""
        ours, theirs = self.root(), other.root()
        if ours is theirs:
            return False
        if len(ours.values) < len(theirs.values):
            ours, theirs = theirs, ours
        ours.values |= theirs.values
        ours.number = min(ours.number, theirs.number)
        theirs._merged, theirs.values = ours, {}
        return True


class Unknown:
    """A value that only an execution of the program would show.

    Attributes:
        place: the line that makes the value unknown.
        why: the reason, as a predicate of the value; a predicate of the line if `is_change`.
        remedy: a way to make the value known, which a message names before the other remedies.
        name: the qualified name of an object of an outside module, such as ``os.path.join``.
        region: the values that it may be, or refer to.
        is_change: whether the line mutates a value that was known.
        is_text: whether it is a text or a number, which refers to nothing.
    """

    __slots__ = ("is_change", "is_text", "name", "place", "region", "remedy", "why")

    def __init__(
        self,
        place: Place,
        why: str = "is computed",
        values: Iterable[object] = (),
        remedy: str = "",
        name: str = "",
    ) -> None:
        self.place = place
        self.why = why
        self.remedy = remedy
        self.name = name
        self.is_change = False
        self.is_text = False
        self.region = Region()
        for value in values:
            self.region.add(value)


class Slot(NamedTuple):
    """The value of a name or a key.

    Attributes:
        place: the line that set it.
        missing: the unset variables for which the value is a default.
        certain: whether the name or the key certainly exists.
    """

    value: object
    place: Place
    missing: frozenset[Missing] = frozenset()
    certain: bool = True


class Object:
    """A dictionary, a list, a file, or the namespace of a module, a class or a call.

    Attributes:
        kind: which of these it is.
        name: the qualified name of an outside module, or of an object such as ``os.environ``.
        number: its position in the order in which all objects are made.
        leak: the region to which the object has escaped: code with this region may mutate it. The
            region holds the object only while some slot is known.
        slots: the slots by key; the one of `REST` is for other keys that may exist.
        bound, globals, nonlocals: the names that a scope binds, and those that it declares.
        mirror: for a class, a class of Python with the same bases.
        snapshot: for the scope of a call, the latest result of ``locals()``.
        is_ordered: whether the order of its keys is known.
    """

    def __init__(self, kind: str, name: str = "") -> None:
        self.kind = kind
        self.name = name
        self.number = next(_numbers)
        self.leak: Region | None = None
        self.slots: dict[object, Slot] = {}
        self.is_ordered = True
        self.snapshot: Object | None = None
        self.mirror: type = object
        self.bound: Set[str] = frozenset()
        self.globals: Set[str] = frozenset()
        self.nonlocals: Set[str] = frozenset()

    def slot(self, key: object) -> Slot | None:
        """Return the slot of `key`, else that of `REST`, else None."""
        return self.slots.get(key) or self.slots.get(REST)

    @property
    def is_known(self) -> bool:
        """Whether all keys are known."""
        return REST not in self.slots and all(slot.certain for slot in self.slots.values())


class Method(NamedTuple):
    """A bound method of a known value or an object."""

    owner: object
    name: str


class Names(Method):
    """The namespace of a scope as a live dictionary, such as ``globals()``."""


class Function:
    """A function, lambda or generator expression of the program, whose body runs later.

    Attributes:
        path: the file that defines it.
        scopes: the enclosing scopes, the innermost first.
        defaults: the defaults of its parameters, by name.
        is_method: whether it is in a class, so that an operator may call it.
        is_changed: whether the program may have replaced its code.
    """

    def __init__(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.GeneratorExp,
        path: str,
        scopes: Sequence[Object],
        defaults: dict[str, Slot],
        is_method: bool = False,
    ) -> None:
        self.node = node
        self.path = path
        self.scopes = scopes
        self.defaults = defaults
        self.is_method = is_method
        self.number = next(_numbers)
        self.is_changed = False

    @cached_property
    def uses(self) -> Uses:
        """The names and values that it may change, found on first use."""
        return find_uses(self.node)


def reachable(
    values: Iterable[object],
    peek: Callable[[ast.expr, Sequence[Object]], object],
    spend: Callable[[int], None],
) -> list[Unknown | Object | Function]:
    """Return the objects, functions and unknown values reachable from `values`.

    Parameters:
        peek: returns the current value of an expression in a function with these scopes.
        spend: counts steps of work.
    """
    found: dict[int, Unknown | Object | Function] = {}
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, Unknown):
            key: object = value.region.root()
        else:
            key = value
        if type(value) is tuple:
            waiting += value
        elif isinstance(value, Method):
            waiting.append(value.owner)
        elif isinstance(value, Unknown | Object | Function) and id(key) not in found:
            found[id(key)] = value
            if isinstance(value, Unknown):
                waiting += value.region.root().values.values()
            elif isinstance(value, Object):
                spend(len(value.slots))
                waiting += [slot.value for slot in value.slots.values()]
            else:
                spend(len(value.uses.paths))
                waiting += [slot.value for slot in value.defaults.values()]
                waiting += [peek(path, value.scopes) for path in value.uses.paths]
    return list(found.values())


def size(value: object) -> int:
    """Return how many values a tuple and its nested tuples hold, at most `MAX_PARTS`."""
    found, waiting = 0, [value]
    while waiting and found < MAX_PARTS:
        part = waiting.pop()
        found += 1
        if type(part) is tuple:
            waiting += part
    return found


def is_text(value: object) -> bool:
    """Return whether a value refers to nothing mutable."""
    if isinstance(value, Unknown):
        return value.is_text
    return value is None or isinstance(value, str | int | float | bytes)


def is_same(one: object, other: object) -> bool:
    """Return whether a program could not distinguish two values."""
    if type(one) is tuple and type(other) is tuple:
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, Unknown) and isinstance(other, Unknown):
        return one is other or one.name == other.name != ""
    if isinstance(one, Object | Function | Unknown):
        return one is other
    return type(one) is type(other) and one == other


def is_key(key: object) -> bool:
    """Return whether a key of a dictionary is known."""
    return key is not REST and (key is None or isinstance(key, str | int | bytes | float))
