"""The table of masters, and what is derived from it."""

import hashlib
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from mastersctl._peewee import peewee
from mastersctl.clock import TOLERANCE
from mastersctl.states import ACTIVE, EXPIRE_SECONDS, EXPIRED, INACTIVE, STALE

T = TypeVar("T")


class Number(peewee.IntegerField):
    """An integer that is compared as it was read: SQLite holds anything, and 1.5 is not 1."""

    def adapt(self, value: T) -> T:
        return value


class Key(peewee.AutoField):
    """The number of a row; see `Number`."""

    def adapt(self, value: T) -> T:
        return value


class Master(peewee.Model):
    """A master, and when it last checked in (epoch seconds, UTC)."""

    id = Key()
    name = peewee.TextField()
    name_hash = peewee.CharField(max_length=40)
    active = Number()
    last_active = Number()

    class Meta:
        table_name = "masters"


Master.add_index(Master.index(Master.name_hash, unique=True, name="master_name_hashes"))


class MasterRow(NamedTuple):
    """A master. Buildbot's master dictionary has all of it but the state.

    Attributes:
        last_active: when it last checked in, UTC; None where the database holds no possible time.
        state: one of `mastersctl.states.STATES`.
    """

    id: int
    name: str
    active: bool
    last_active: datetime | None
    state: str

    def is_in_future(self, now: float) -> bool:
        """Return whether it is active by a last check-in that is yet to come.

        Parameters:
            now: epoch seconds.
        """
        when = self.last_active
        return self.state == ACTIVE and (when is None or when.timestamp() > now + TOLERANCE)


def name_hash(name: str) -> str:
    """Return what the unique indexes over names of masters and builders hold: a SHA-1 of UTF-8."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


class Named(Protocol):
    """The table of masters, or of builders."""

    id: Key
    name_hash: peewee.CharField


def is_called(model: Named, given: int | str) -> peewee.Expression:
    """Return the condition for the master or the builder that has the ID or the name."""
    return model.id == given if isinstance(given, int) else model.name_hash == name_hash(given)


def master_state(now: int, max_age: int = EXPIRE_SECONDS) -> peewee.Case:
    """Return the SQL expression for the state of a master at `now` (epoch seconds).

    Parameters:
        max_age: for how long a master is not stale after it checked in, in seconds.
    """
    return peewee.Case(
        None,
        [
            (Master.active == 0, INACTIVE),
            (Master.last_active == 0, EXPIRED),
            (Master.last_active < now - max_age, STALE),
        ],
        ACTIVE,
    )
