"""What a program that is read has: known values, objects that it changes, and unknown values.

Known are texts, numbers, booleans, None and tuples, as Python's own. Dictionaries, lists, modules,
classes and files are an `Object` each, which names and other objects refer to.
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
REST = ...  # the key of the slot that stands for all keys that an object has no slot for


class Place(NamedTuple):
    """A line of a file."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


class Missing(NamedTuple):
    """An environment variable that is not set, though the program looks it up."""

    variable: str
    place: Place


class Region:
    """The values that unknown values may hold: code that has one of these may reach all of them."""

    def __init__(self) -> None:
        self.values: dict[int, object] = {}  # by identity
        self.number = next(_numbers)
        self._merged: Region | None = None

    def root(self) -> Region:
        """Return the region that this one is a part of by now."""
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
        """Make this region and `other` one; return whether they were two."""
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
    """A value that only executing the program would tell.

    Attributes:
        place: where the reason stands.
        why: the reason, as a predicate of the value; or what the line does to it, if `is_change`.
        remedy: what to do about it, before a database URL is given in other ways.
        name: the qualified name of what another module defines, such as ``os.path.join``.
        region: what the value may be, or refer to.
        is_text: whether it is a text or a number, and so refers to nothing.
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
    """What a name or a key stands for.

    Attributes:
        place: where it was set.
        missing: the variables that are not set, for which a default is taken here.
        certain: whether the name or the key is there at all.
    """

    value: object
    place: Place
    missing: frozenset[Missing] = frozenset()
    certain: bool = True


class Object:
    """A dictionary, a list, a file, or the names of a module, a class or a function.

    Attributes:
        kind: which of these.
        name: of a module that is not read.
        number: which of all objects it is, in the order in which they were made.
        leak: the region whose holders may change it. It is in that region while anything of it is
            known that such a change would make unknown.
        slots: by key; one for `REST`, if there may be more of them.
        bound, globals, nonlocals: of a scope, the names that it binds, and those that it declares.
        mirror: of a class, one of Python's own that has the same bases.
        snapshot: of the scope of a call, what `locals` gave the last time.
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
        """Return the slot of `key`, the one of the rest, or None if the key is not there."""
        return self.slots.get(key) or self.slots.get(REST)

    @property
    def is_known(self) -> bool:
        """Whether its keys are known, all of them."""
        return REST not in self.slots and all(slot.certain for slot in self.slots.values())


class Method(NamedTuple):
    """A method of a known value, or of an object."""

    owner: object
    name: str


class Names(Method):
    """The names of a scope, as a dictionary that changes with them."""


class Function:
    """A function of the program, a lambda, or a generator expression, to be executed later.

    Attributes:
        path: the file it stands in.
        scopes: where names that are not its own are looked up, the innermost first.
        defaults: of its parameters, by name.
        is_method: whether it stands in a class, so that an operator may call it.
        is_changed: whether the program sets an attribute that could be its code.
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
        """What it may change, found when that matters."""
        return find_uses(self.node)


def reachable(
    values: Iterable[object],
    peek: Callable[[ast.expr, Sequence[Object]], object],
    spend: Callable[[int], None],
) -> list[Unknown | Object | Function]:
    """Return the objects, functions and unknown values that code may reach that has `values`.

    Parameters:
        peek: what an expression, of a function with these scopes, stands for now.
        spend: what counts the steps that this takes.
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
    """Return how many values a tuple holds, with those in tuples in it, up to some number."""
    found, waiting = 0, [value]
    while waiting and found < MAX_PARTS:
        part = waiting.pop()
        found += 1
        if type(part) is tuple:
            waiting += part
    return found


def is_text(value: object) -> bool:
    """Return whether a value refers to nothing that could be changed."""
    if isinstance(value, Unknown):
        return value.is_text
    return value is None or isinstance(value, str | int | float | bytes)


def is_same(one: object, other: object) -> bool:
    """Return whether two values are the same in every way that a program could tell."""
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
