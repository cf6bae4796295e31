"""The one way from an ID or a name to a master's row, its lock, and the check of the clocks."""

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

MAX_MASTERS = 30_000  # in one statement; SQLite takes 32,766 parameters
# Queries name all of these columns: a table of masters that lacks one is not Buildbot's.
COLUMNS = (Master.id, Master.name, Master.name_hash, Master.active, Master.last_active)


class Lookup:
    """Finds masters in one database.

    A master is given by its ID (an int) or its exact name (a str). Errors of the database are
    raised as Peewee's or the driver's; `mastersctl.database.opened` translates them.

    Parameters:
        database: an open database, from `mastersctl.database.opened`.
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
        """Return the result of `change`, called in a transaction unless it is a dry run."""
        if dry_run:
            return change()
        return self.database.transact(change, lock_table=Master._meta.table_name, shared=True)

    def locking(self, query: peewee.ModelSelect[Master]) -> peewee.ModelSelect[Master]:
        """Return the query with a lock on the rows that it finds; SQLite locks the whole file."""
        return query.for_update() if self.database.for_update else query

    def rows(self, query: peewee.BaseQuery) -> list[MasterRow]:
        """Return the masters that a query for `COLUMNS` and the state finds."""
        return [row_of(*values) for values in self.database.rows(query)]

    def first(self, master: int | str, *, lock: bool = False) -> MasterRow | None:
        """Return the master, or None if there is no such master."""
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
        """Return those of the masters that exist, by `key`.

        Parameters:
            lock: lock their rows, in the caller's transaction.
            check: check the clocks, and whether rows may be missing; see `check_times`.
            max_age: a master is stale when its last check-in is older than this, in seconds.

        Raises:
            InvalidValueError: there are more masters than one statement takes.
            ClockError, ReplicationLagError: as for `check_times`.
        """
        if len(masters) > MAX_MASTERS:
            raise InvalidValueError(
                f"There are {len(masters)} masters to find, but one command takes at most "
                f"{MAX_MASTERS}; use 'xargs'."
            )
        ids = [master for master in masters if isinstance(master, int)]
        hashes = [name_hash(master) for master in masters if isinstance(master, str)]
        now = self.clock()
        query = (
            Master.select(*COLUMNS, self.state(max_age), self.database.server_time)
            .where(Master.id.in_(ids) | Master.name_hash.in_(hashes))
            .order_by(Master.id)  # the same order in each process: locks cannot deadlock
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
        """Return a master from the result of `several`; raise NoSuchMasterError if it lacks it."""
        row = found.get(key(master))
        if row is None:
            raise self.no_such_master(master)
        return row

    def check_times(self, host_time: float, server_time: int | None) -> None:
        """Raise an error if the ages of check-ins are uncertain, or rows may be missing.

        Parameters:
            host_time: the time on this host, in epoch seconds.
            server_time: the server's time at that moment; None without a server.

        Raises:
            ClockError: the clocks differ.
            ReplicationLagError: the database is a standby that is behind.
            InterruptedUpgradeError: an upgrade was interrupted.
        """
        self.database.check_upgrade()
        check_clock(host_time, server_time)
        check_lag(self.database.replication_lag())

    def no_such_master(self, master: int | str) -> NoSuchMasterError:
        """Return the error for a master that does not exist.

        For a name, it also names the master with a wrong name_hash, or the one probably meant.
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
        """Return the ID of a master with this name and the name_hash of another one, or None."""
        exactly = self.database.by_code_point(Master.name) == name
        query = Master.select(Master.id).where(exactly, Master.name_hash != name_hash(name))
        ids: list[int] = [id_ for (id_,) in self.database.rows(query.limit(1))]
        return ids[0] if ids else None


def row_of(
    id_: int, name: object, _digest: str, active: object, last_active: object, state: str
) -> MasterRow:
    """Return the master with these values of `COLUMNS`, and this state."""
    return MasterRow(id_, text(name), bool(active), moment(last_active), state)


def key(master: int | str) -> int | str:
    """Return the key of a master in `Lookup.several`: its ID, or the hash of its name."""
    return master if isinstance(master, int) else name_hash(master)
