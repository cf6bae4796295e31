"""An ID or a name into a master's row: the one way, with its lock, and the check of the clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from mastersctl.clock import check_clock, check_lag
from mastersctl.errors import InvalidValueError, NoSuchMasterError
from mastersctl.schema.master import Master, MasterRow, is_called, master_state, name_hash
from mastersctl.schema.stored import moment, text
from mastersctl.states import EXPIRE_SECONDS

if TYPE_CHECKING:
    from mastersctl._peewee import peewee
    from mastersctl.database import Database

T = TypeVar("T")

MAX_MASTERS = 30_000  # at a time; a statement of SQLite has room for 32,766 parameters
# What every look at one master, and at all before a change, names: who lacks one is not Buildbot's.
COLUMNS = (Master.id, Master.name, Master.name_hash, Master.active, Master.last_active)


class Lookup:
    """Finds masters in one database.

    A master is given by its ID (an int) or its exact name (a str). Errors of the database are
    raised as Peewee's or the driver's; `mastersctl.database.opened` makes them this package's.

    Parameters:
        database: an open one, from `mastersctl.database.opened`.
        clock: returns the time, in epoch seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self.database = database
        self.clock = clock

    def now(self) -> int:
        """Return the time in whole epoch seconds."""
        return int(self.clock())

    def state(self, max_age: float = EXPIRE_SECONDS) -> peewee.Case:
        """Return the SQL expression for the state of a master now; see `master_state`."""
        return master_state(self.now(), math.floor(max_age))

    def transact(self, change: Callable[[], T], *, dry_run: bool = False) -> T:
        """Return what `change` returns, which locks rows of masters unless it is a dry run."""
        if dry_run:
            return change()
        return self.database.transact(change, lock_table=Master._meta.table_name, shared=True)

    def locking(self, query: peewee.ModelSelect[Master]) -> peewee.ModelSelect[Master]:
        """Return the query, which locks the rows that it finds, if one can: SQLite locks all."""
        return query.for_update() if self.database.for_update else query

    def rows(self, query: peewee.BaseQuery) -> list[MasterRow]:
        """Return the masters that a query for `COLUMNS` and the state finds."""
        return [row_of(*values) for values in self.database.rows(query)]

    def first(self, master: int | str, *, lock: bool = False) -> MasterRow | None:
        """Return the master, or None when there is no such one."""
        query = Master.select(*COLUMNS, self.state()).where(is_called(Master, master))
        rows = self.rows(self.locking(query) if lock else query)
        return rows[0] if rows else None

    def several(
        self,
        masters: Sequence[int | str],
        *,
        lock: bool = False,
        check: bool = True,
        max_age: float = EXPIRE_SECONDS,
    ) -> dict[int | str, MasterRow]:
        """Return those of the masters that are there, by `key`.

        Parameters:
            lock: their rows, in the transaction of the caller.
            check: the clock, and whether rows may be missing; see `check_times`.
            max_age: for how long a master is not stale after it checked in, in seconds.

        Raises:
            InvalidValueError: they are more than a statement has room for.
            ClockError, ReplicationLagError: as `check_times`.
        """
        if len(masters) > MAX_MASTERS:
            raise InvalidValueError(
                f"There are {len(masters)} masters to look for, and at most {MAX_MASTERS} can be "
                "at a time; use 'xargs'."
            )
        ids = [master for master in masters if isinstance(master, int)]
        hashes = [name_hash(master) for master in masters if isinstance(master, str)]
        now = self.clock()
        query = (
            Master.select(*COLUMNS, self.state(max_age), self.database.server_time)
            .where(Master.id.in_(ids) | Master.name_hash.in_(hashes))
            .order_by(Master.id)  # so that two who lock several wait for each other only once
        )
        found: dict[int | str, MasterRow] = {}
        rows = list(self.database.rows(self.locking(query) if lock else query))
        if check and rows:
            self.check_times(now, rows[0][-1])
        for *values, _ in rows:
            id_, _name, digest, *_ = values
            found[id_] = found[digest] = row_of(*values)
        return found

    def pick(self, found: dict[int | str, MasterRow], master: int | str) -> MasterRow:
        """Return the master of those that `several` found, or raise NoSuchMasterError."""
        row = found.get(key(master))
        if row is None:
            raise self.no_such_master(master)
        return row

    def check_times(self, host_time: float, server_time: int | None) -> None:
        """Raise an error if nobody can tell how old a check-in is, or whether rows are missing.

        Parameters:
            host_time, server_time: what the clocks of this host and of the server said, in epoch
                seconds.

        Raises:
            ClockError: they differ.
            ReplicationLagError: the database is a standby that is behind.
            InterruptedUpgradeError: an upgrade was interrupted.
        """
        self.database.check_upgrade()
        check_clock(host_time, server_time)
        check_lag(self.database.replication_lag())

    def no_such_master(self, master: int | str) -> NoSuchMasterError:
        """Return the error for a master that is not there.

        Of a name, it says who is called so, or who was probably meant.
        """
        self.database.check_upgrade()
        if isinstance(master, int):
            return NoSuchMasterError(master)
        called = self.called(master)
        if called is not None:
            return NoSuchMasterError(master, called)
        from mastersctl.query.nearest import nearest  # late: only a mistake needs it

        return NoSuchMasterError(master, meant=nearest(self.database, Master, master))

    def called(self, name: str) -> int | None:
        """Return the ID of a master that is called `name` and has another name_hash, or None."""
        exactly = self.database.by_code_point(Master.name) == name
        query = Master.select(Master.id).where(exactly, Master.name_hash != name_hash(name))
        ids: list[int] = [id_ for (id_,) in self.database.rows(query.limit(1))]
        return ids[0] if ids else None


def row_of(
    id_: int, name: object, _digest: str, active: object, last_active: object, state: str
) -> MasterRow:
    """Return the master whose `COLUMNS` and state these are."""
    return MasterRow(id_, text(name), bool(active), moment(last_active), state)


def key(master: int | str) -> int | str:
    """Return what `Lookup.several` finds a master by: its ID, or the hash of its name."""
    return master if isinstance(master, int) else name_hash(master)
