"""The table of masters, and the state and the name hash that are derived from it."""

import hashlib
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from mastersctl._peewee import peewee
from mastersctl.clock import TOLERANCE
from mastersctl.states import ACTIVE, EXPIRE_SECONDS, EXPIRED, INACTIVE, STALE

T = TypeVar("T")


class Number(peewee.IntegerField):
    """An integer that is compared as read: SQLite holds any value, and 1.5 must not become 1."""

    def adapt(self, value: T) -> T:
        return value


class Key(peewee.AutoField):
    """The ID of a row, compared as read; see `Number`."""

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
    """A master: Buildbot's master dictionary, and the state.

    Attributes:
        last_active: the last check-in, UTC; None if the database holds no valid time.
        state: one of `mastersctl.states.STATES`.
    """

    id: int
    name: str
    active: bool
    last_active: datetime | None
    state: str

    def is_in_future(self, now: float) -> bool:
        """Return whether the master is active because its last check-in is in the future.

        Parameters:
            now: epoch seconds.
        """
        when = self.last_active
        return self.state == ACTIVE and (when is None or when.timestamp() > now + TOLERANCE)


def name_hash(name: str) -> str:
    """Return the SHA-1 of a name in UTF-8, as the name_hash of masters and builders has it."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


class Named(Protocol):
    """A model with a name hash: of masters or of builders."""

    id: Key
    name_hash: peewee.CharField


def is_called(model: Named, given: int | str) -> peewee.Expression:
    """Return the SQL condition for the master or the builder with this ID or name."""
    return model.id == given if isinstance(given, int) else model.name_hash == name_hash(given)


def master_state(now: int, max_age: int = EXPIRE_SECONDS) -> peewee.Case:
    """Return the SQL expression for the state of a master at `now` (epoch seconds).

    Parameters:
        max_age: a master is stale when its last check-in is older than this, in seconds.
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
