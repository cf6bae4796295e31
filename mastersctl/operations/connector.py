"""The operations on masters, after Buildbot's ``MastersConnectorComponent``.

What only few of them need is imported where it is: each process pays for what it imports.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mastersctl._peewee import peewee
from mastersctl.clock import TOLERANCE, check_clock, check_lag
from mastersctl.errors import (
    InvalidValueError,
    NoSuchBuilderError,
    NoSuchMasterError,
    NotBuildbotDatabaseError,
    RefusedError,
    misnamed,
)
from mastersctl.schema.master import Master, MasterRow, master_state, name_hash
from mastersctl.schema.stored import moment, text
from mastersctl.states import ACTIVE, EXPIRE_SECONDS, EXPIRED, STALE, STATES

if TYPE_CHECKING:
    from mastersctl.database import Database
    from mastersctl.operations.belongings import Belongings
    from mastersctl.operations.housekeeping import DeadMaster, Housekept
    from mastersctl.operations.removal import Removal
    from mastersctl.query.resultspec import ResultSpec

T = TypeVar("T")


class Found(NamedTuple):
    """What `find_master_id` found; `id` is what Buildbot's findMasterId returns."""

    id: int
    created: bool


class StateChange(NamedTuple):
    """What `set_master_state` did; `changed` is what Buildbot's setMasterState returns."""

    id: int
    name: str
    changed: bool
    previous: str
    """The state before, one of `mastersctl.states.STATES`."""
    in_future: bool
    """Whether that was so by a last check-in that is yet to come."""
    links: int = 0
    """How many links were deleted, or would have been."""
    builds: int = 0
    """How many unfinished builds an inactive master leaves behind."""
    claims: int = 0
    """How many claims on unfinished build requests it leaves behind."""


class Expiry(NamedTuple):
    """What `set_all_masters_active_long_time_ago` did, or would have done."""

    expired: int
    alive: list[str]
    """The names of the masters that were `active` before."""
    refused: bool


class Renaming(NamedTuple):
    """What `rename_master` did."""

    id: int
    name: str
    """The name before."""
    changed: bool
    previous: str
    """The state, one of `mastersctl.states.STATES`."""


class Health(NamedTuple):
    """How the masters are, as `check` found them.

    Attributes:
        counts: how many masters are in each of `mastersctl.states.STATES`.
        unhealthy: those that should be active and are not: all that are stale or expired, where
            nobody said which should be.
        in_future: those that are active by a last check-in that is yet to come.
        missing: those of which there is no row.
        misnamed: why some of these are missing although their names are there, a sentence each.
    """

    counts: dict[str, int]
    unhealthy: list[MasterRow]
    in_future: list[MasterRow]
    missing: list[int | str]
    misnamed: list[str]
    ids: list[int] | None
    """The IDs of those that were asked for and are there; None where all were."""


class MastersConnector:
    """The operations on the masters in one database.

    Parameters:
        database: an open one, from `mastersctl.database.opened`.
        clock: returns the time, in epoch seconds.

    A master is given by its ID (an int) or its exact name (a str). Errors of the database are
    raised as Peewee's or the driver's; `mastersctl.database.opened` makes them this package's.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def create_table(self) -> bool:
        """Create the table of masters as Buildbot creates it; return whether it was missing.

        Raises:
            NotBuildbotDatabaseError: the table of that name lacks Buildbot's index.
            peewee.DatabaseError: it lacks a column.
        """
        if self._has_table():
            return False
        try:
            self._database.create(Master)
        except peewee.DatabaseError:
            if self._has_table():  # by now: another process was faster
                return False
            raise
        return True

    def find_master_id(self, name: str, *, create: bool = True) -> Found:
        """Return the ID of the master called `name`, adding it (inactive) when there is none.

        Mirrors findMasterId: processes that add the same name at the same time get the same ID.

        Raises:
            NoSuchMasterError: there is none, and `create` is false.
        """
        digest = name_hash(name)
        query = Master.select(Master.id).where(Master.name_hash == digest)
        for (found,) in list(self._database.rows(query)):
            return Found(found, created=False)
        if not create:
            raise self.no_such_master(name)
        called = self._called(name)
        if called is not None:
            raise RefusedError(f"{misnamed(name, called)} Until then, none is added.")
        row = {"name": name, "name_hash": digest, "active": 0, "last_active": self._now()}
        id_ = self._database.insert_new(Master, row, Master.name_hash)
        if id_ is None:  # another process was faster
            return self.find_master_id(name)
        return Found(id_, created=True)

    def set_master_state(
        self, master: int | str, active: bool, *, dry_run: bool = False
    ) -> StateChange:
        """Check the master in (`active`), or mark it inactive and delete its links.

        Mirrors setMasterState. The old state is read and the new one written under one lock, so
        that of several processes that make the same change one is told that it changed something.
        What the master leaves unfinished stays, for `housekeep`: Buildbot's masters do that for
        none but those that they mark inactive themselves.

        Parameters:
            dry_run: change nothing.

        Raises:
            NoSuchMasterError: there is no such master. (Buildbot returns False.)
        """

        def change() -> StateChange:
            planned = self._planned_change(master, active, lock=not dry_run)
            if not active:
                from mastersctl.operations.housekeeping import count_unfinished, delete_links

                links = delete_links(self._database, planned.id, dry_run=dry_run)
                builds, claims = count_unfinished(self._database, planned.id)
                planned = planned._replace(links=links, builds=builds, claims=claims)
            if not dry_run:
                values = {"active": 1, "last_active": self._now()} if active else {"active": 0}
                Master.update(values).where(Master.id == planned.id).execute(self._database)
            return planned

        return self._transact(change, dry_run=dry_run)

    def _planned_change(self, master: int | str, active: bool, *, lock: bool) -> StateChange:
        query = self._select_master(master)
        row = self._first(self._locking(query) if lock else query)
        if row is None:
            raise self.no_such_master(master)
        in_future = row.is_in_future(self._clock())
        return StateChange(row.id, row.name, row.active != active, row.state, in_future)

    def get_master(self, master: int | str) -> MasterRow | None:
        """Return the master, or None when there is no such one. Mirrors getMaster."""
        return self._first(self._select_master(master))

    def get_belongings(self, masterid: int) -> Belongings:
        """Return the links, the unfinished builds and the claims of the master, by kind."""
        from mastersctl.operations.belongings import belongings

        return belongings(self._database, masterid)

    def get_masters(
        self,
        spec: ResultSpec | None = None,
        *,
        builder: int | str | None = None,
        max_age: float = EXPIRE_SECONDS,
    ) -> Iterator[tuple[Any, ...]]:
        """Return the masters that `spec` asks for (all, by ID), each as a tuple of its fields.

        Mirrors getMasters, in one statement whose rows are read as they are consumed. The values
        are those that the database holds: `active` is 0 for false, `last_active` epoch seconds, and
        not even the types are certain on SQLite (see `mastersctl.schema.stored`).

        Parameters:
            builder: only those which this builder, an ID or a name, is linked to, as Buildbot's
                ``/builders/n:builderid/masters``.
            max_age: for how long a master is not stale after it checked in, in seconds.

        Raises:
            NoSuchBuilderError: there is no such builder.
        """
        from mastersctl.query.resultspec import ResultSpec, apply

        spec = spec or ResultSpec()
        query = Master.select()
        columns = self._columns(max_age)
        if spec.counts():
            from mastersctl.query.counts import with_counts

            query, counts = with_counts(self._database, query, spec.counts())
            columns |= counts
        query = query.select(*(_STORED.get(field, columns.get(field)) for field in spec.fields))
        if builder is not None:
            query = query.where(Master.id.in_(self._masters_of(builder)))
        query = apply(spec, query, columns, self._database.contains)
        return self._database.rows(query)

    def set_all_masters_active_long_time_ago(
        self, *, unless_alive: bool = False, dry_run: bool = False
    ) -> Expiry:
        """Set every master active and last active at the epoch, so that housekeeping is due.

        Mirrors setAllMastersActiveLongTimeAgo, which Buildbot 4.3.0 calls at the end of
        ``upgrade-master`` but never commits. The next master that starts then does housekeeping
        for all that have not checked in again.

        Parameters:
            unless_alive: change nothing when a master is `active` (see `mastersctl.states`).
            dry_run: change nothing at all.
        """
        if dry_run:
            alive = self._alive()
            ((total,),) = self._database.rows(Master.select(peewee.fn.count(Master.id)))
            return Expiry(total, alive, refused=unless_alive and bool(alive))

        def expire() -> Expiry:
            alive = self._alive()
            if unless_alive and alive:
                return Expiry(0, alive, refused=True)
            expired = self._database.update_all(Master, {"active": 1, "last_active": 0})
            return Expiry(expired, alive, refused=False)

        # Nobody checks in, or is added, between the look and the change.
        return self._database.transact(expire, lock_table=Master._meta.table_name)

    def find_dead_masters(self, older_than: float = EXPIRE_SECONDS) -> list[DeadMaster]:
        """Return the masters that are dead, and have left something to do for `housekeep`.

        Parameters:
            older_than: how long a dead master has not checked in, in seconds.

        Raises:
            ClockError: this host's clock and the database server's differ.
        """
        from mastersctl.operations.housekeeping import DeadMaster, survey

        now = self._clock()
        deadline = math.floor(now - older_than)
        masters, server_time = survey(self._database, Master.last_active < deadline)
        self._check_times(now, server_time)
        return [DeadMaster(id_, deadline, leftovers) for id_, leftovers in masters.items()]

    def housekeep(self, dead: DeadMaster, *, dry_run: bool = False) -> Housekept | None:
        """Mark a dead master inactive, and do the housekeeping for it, in one transaction.

        Mirrors what expireMasters(forceHouseKeeping=True) does for one master; see
        `mastersctl.operations.housekeeping` for the differences.

        Returns:
            what was done; None if it was nothing, because the master has checked in again or
            another process was faster.
        """
        from mastersctl.operations.housekeeping import Housekept, clean

        query = Master.select(*_BUILDBOTS_COLUMNS).where(
            Master.id == dead.id, Master.last_active < dead.deadline
        )
        query = query if dry_run else self._locking(query)

        def change() -> Housekept | None:
            for id_, name, _, active, _ in list(self._database.rows(query)):
                cleaned = clean(self._database, id_, dead.leftovers, self._now(), dry_run=dry_run)
                if active and not dry_run:
                    update = Master.update({"active": 0}).where(Master.id == id_)
                    update.execute(self._database)
                if active or any(cleaned):
                    return Housekept(id_, text(name), bool(active), *cleaned)
            return None

        return self._transact(change, dry_run=dry_run)

    def rename_master(self, master: int | str, name: str, *, force: bool = False) -> Renaming:
        """Give the master another name; it keeps its ID, and all that refers to it.

        Parameters:
            force: rename it even if it is `active`.

        Raises:
            NoSuchMasterError: there is no such master.
            RefusedError: it is `active`, or another master has the name.
            ClockError: this host's clock and the database server's differ, and `force` is false.
        """

        def change() -> Renaming:
            found = self._look_up([master, name], lock=True, check=not force)
            row = self._pick(found, master)
            _check_owner(found.get(_key(name), row), row, name)
            if row.name == name and _key(name) in found:
                return Renaming(row.id, row.name, changed=False, previous=row.state)
            called = self._called(name)
            if called not in (None, row.id):
                raise RefusedError(misnamed(name, called))
            if row.state == ACTIVE and not force:
                raise RefusedError(
                    f"The master {row.name!r} is active, and would register itself under that "
                    "name again when it is restarted; stop it first, or pass --force if it died."
                )
            values = {"name": name, "name_hash": name_hash(name)}
            Master.update(values).where(Master.id == row.id).execute(self._database)
            return Renaming(row.id, row.name, changed=True, previous=row.state)

        try:
            return self._transact(change)
        except peewee.IntegrityError:
            found = self._look_up([master, name], lock=False, check=False)
            if _key(name) in found:  # by a master that was added meanwhile
                _check_owner(found[_key(name)], self._pick(found, master), name)
            raise

    def remove_masters(
        self,
        masters: Sequence[int | str],
        *,
        reassign_to: int | str | None = None,
        skip_used: bool = False,
        dry_run: bool = False,
    ) -> Removal:
        """Remove masters, after housekeeping for them: all of them, or none.

        No build is ever deleted, and nothing is left to a cascade of foreign keys.

        Parameters:
            reassign_to: the master that inherits their builds, and their claims on finished build
                requests.
            skip_used: leave those that something refers to, instead of removing none.

        Raises:
            NoSuchMasterError: one of them is not there.
            RefusedError: one of them is `active`, or something refers to it that nobody inherits.
            ClockError: this host's clock and the database server's differ.
            InvalidValueError: they are more than a statement has room for.
        """
        from mastersctl.operations.removal import plan, remove

        def change() -> Removal:
            found = self._look_up(masters, lock=not dry_run)
            rows = {row.id: row for row in (self._pick(found, master) for master in masters)}
            heir = None
            if reassign_to is not None:  # it is not locked: it may be alive, and must check in
                heir = self._pick(self._look_up([reassign_to], lock=False), reassign_to)
            now = self._now()
            removal = plan(self._database, [*rows.values()], heir, now, skip_used=skip_used)
            if not dry_run:
                remove(self._database, removal, now)
            return removal

        return self._transact(change, dry_run=dry_run)

    def _transact(self, change: Callable[[], T], *, dry_run: bool = False) -> T:
        """Return what `change` returns, which locks rows of masters unless it is a dry run."""
        if dry_run:
            return change()
        return self._database.transact(change, lock_table=Master._meta.table_name, shared=True)

    def _locking(self, query: Any) -> Any:
        """Return the query, which locks the rows that it finds, if one can: SQLite locks all."""
        return query.for_update() if self._database.for_update else query

    def _look_up(
        self,
        masters: Sequence[int | str],
        *,
        lock: bool,
        check: bool = True,
        max_age: float = EXPIRE_SECONDS,
    ) -> dict[int | str, MasterRow]:
        """Return those of the masters that are there, by `_key`; check the clock, too."""
        if len(masters) > _MAX_MASTERS:
            raise InvalidValueError(
                f"There are {len(masters)} masters to look for, and at most {_MAX_MASTERS} can be "
                "at a time; use 'xargs'."
            )
        ids = [master for master in masters if isinstance(master, int)]
        hashes = [name_hash(master) for master in masters if isinstance(master, str)]
        now = self._clock()
        state = master_state(int(now), math.floor(max_age))
        query = (
            Master.select(*_BUILDBOTS_COLUMNS, state, self._database.server_time)
            .where(Master.id.in_(ids) | Master.name_hash.in_(hashes))
            .order_by(Master.id)  # so that two who lock several wait for each other only once
        )
        query = self._locking(query) if lock else query
        found: dict[int | str, MasterRow] = {}
        rows = list(self._database.rows(query))
        if check and rows:
            self._check_times(now, rows[0][-1])
        for id_, name, digest, active, last_active, state, _ in rows:
            row = MasterRow(id_, text(name), bool(active), moment(last_active), state)
            found[id_] = found[digest] = row
        return found

    def check(self, masters: Sequence[int | str] = (), max_age: float = EXPIRE_SECONDS) -> Health:
        """Return how many masters are in each state, and which of them are not as they should be.

        Parameters:
            masters: only these, which should be active; without any, all that there are.
            max_age: for how long a master is not stale after it checked in, in seconds.

        Raises:
            ClockError: this host's clock and the database server's differ.
            ReplicationLagError: the database is a standby that is behind.
        """
        now = self._clock()
        if masters:
            return self._check_named(masters, now, max_age)
        counts, some_in_future, server_time = self._count_states(max_age)
        self._check_times(now, server_time)
        unhealthy: list[MasterRow] = []
        if counts[STALE] or counts[EXPIRED] or some_in_future:
            state = master_state(int(now), math.floor(max_age))
            in_future = Master.last_active > int(now) + TOLERANCE
            query = Master.select(*_BUILDBOTS_COLUMNS, state).where(
                state.in_((STALE, EXPIRED)) | ((state == ACTIVE) & in_future)
            )
            unhealthy = self._rows(query.order_by(Master.id))
        ahead = [row for row in unhealthy if row.state == ACTIVE]
        return Health(
            counts, [row for row in unhealthy if row.state != ACTIVE], ahead, [], [], None
        )

    def _check_named(self, masters: Sequence[int | str], now: float, max_age: float) -> Health:
        found = self._look_up(masters, lock=False, max_age=max_age)
        rows = {row.id: row for row in found.values()}
        counts = dict.fromkeys(STATES, 0)
        for row in rows.values():
            counts[row.state] += 1
        missing = [master for master in masters if _key(master) not in found]
        errors = [self.no_such_master(master) for master in missing[:_MAX_EXPLAINED]]
        return Health(
            counts,
            [row for row in rows.values() if row.state != ACTIVE],
            [row for row in rows.values() if row.is_in_future(now)],
            missing,
            [str(error) for error in errors if error.is_misnamed],
            [*rows],
        )

    def count_states(self) -> dict[str, int]:
        """Return how many masters are in each of `mastersctl.states.STATES`."""
        counts, _, _ = self._count_states(EXPIRE_SECONDS)
        return counts

    def replication_lag(self) -> float:
        """Return how far behind its primary the database is, in seconds; 0 if it is no standby."""
        return self._database.replication_lag()

    def _count_states(self, max_age: float) -> tuple[dict[str, int], bool, int | None]:
        """Return the counts; whether one that is active was last active in the future; and what the
        server's clock said (None where there is none)."""
        state = master_state(self._now(), math.floor(max_age)).alias("state")
        in_future = peewee.Case(None, [(Master.last_active > self._now() + TOLERANCE, 1)], 0)
        columns = (peewee.fn.COUNT(Master.id), peewee.fn.MAX(in_future), self._database.server_time)
        query = Master.select(state, *columns).group_by(peewee.SQL("state"))
        found = {name: values for name, *values in self._database.rows(query)}
        counts = {name: found[name][0] if name in found else 0 for name in STATES}
        server_time = next((values[2] for values in found.values()), None)
        return counts, ACTIVE in found and bool(found[ACTIVE][1]), server_time

    def begin_with(
        self, start: str, limit: int, *, builders: bool = False
    ) -> list[tuple[int, str]]:
        """Return IDs and names of masters, by ID, whose ID or name begins with `start`.

        Digits are those that an ID begins with, and lack three at the most: so no table is read
        for them. Any other text begins a name.

        Parameters:
            limit: how many masters to return at the most.
            builders: return builders instead.
        """
        from mastersctl.schema.related import Builder

        model: Any = Builder if builders else Master
        query = model.select(model.id, model.name).order_by(model.id).limit(limit)
        if start.isascii() and start.isdigit():
            number = int(start)
            ids = chain.from_iterable(
                range(number * 10**missing, (number + 1) * 10**missing) for missing in range(4)
            )
            query = query.where(model.id.in_([*ids]))
        elif start:
            query = query.where(peewee.fn.substr(model.name, 1, len(start)) == start)
        return [(id_, text(name)) for id_, name in self._database.rows(query)]

    def _masters_of(self, builder: int | str) -> Any:
        """Return a query for the IDs of the masters that the builder is linked to."""
        from mastersctl.schema.related import Builder, BuilderMaster

        conditions = [_is(Builder, builder)]
        if isinstance(builder, str):  # whose name_hash may be wrong, after an UPDATE by hand
            conditions.append(self._database.by_code_point(Builder.name) == builder)
        for condition in conditions:
            query = Builder.select(Builder.id).where(condition)
            ids = [id_ for (id_,) in self._database.rows(query)]
            if ids:
                break
        else:
            raise NoSuchBuilderError(builder)
        return BuilderMaster.select(BuilderMaster.masterid).where(BuilderMaster.builderid.in_(ids))

    def _alive(self) -> list[str]:
        """Return the names of the active masters."""
        query = Master.select(*_BUILDBOTS_COLUMNS).where(master_state(self._now()) == ACTIVE)
        rows = self._database.rows(query.order_by(Master.id))
        return [text(name) for _, name, *_ in rows]

    def _now(self) -> int:
        return int(self._clock())

    def _columns(self, max_age: float) -> dict[str, peewee.ColumnBase]:
        """Return the expression for each field that filters and orders compare."""
        return {
            "id": Master.id,
            "name": self._database.by_code_point(Master.name),
            "active": peewee.Case(None, [(Master.active == 0, 0)], 1),
            "last_active": Master.last_active,
            "state": master_state(self._now(), math.floor(max_age)),
        }

    def no_such_master(self, master: int | str) -> NoSuchMasterError:
        """Return the error for a master that is not there; of a name, it says who is called so."""
        self._database.check_upgrade()
        called = self._called(master) if isinstance(master, str) else None
        return NoSuchMasterError(master, called)

    def _called(self, name: str) -> int | None:
        """Return the ID of a master that is called `name` and has another name_hash, or None."""
        exactly = self._database.by_code_point(Master.name) == name
        query = Master.select(Master.id).where(exactly, Master.name_hash != name_hash(name))
        ids: list[int] = [id_ for (id_,) in self._database.rows(query.limit(1))]
        return ids[0] if ids else None

    def _pick(self, found: dict[int | str, MasterRow], master: int | str) -> MasterRow:
        row = found.get(_key(master))
        if row is None:
            raise self.no_such_master(master)
        return row

    def _check_times(self, here: float, server: int | None) -> None:
        """Raise an error if nobody can tell how old a check-in is, or whether rows are missing."""
        self._database.check_upgrade()
        check_clock(here, server)
        check_lag(self._database.replication_lag())

    def _select_master(self, master: int | str) -> Any:
        query = Master.select(*_BUILDBOTS_COLUMNS, master_state(self._now()))
        return query.where(_is(Master, master))

    def _first(self, query: Any) -> MasterRow | None:
        rows = self._rows(query)
        return rows[0] if rows else None

    def _rows(self, query: Any) -> list[MasterRow]:
        return [
            MasterRow(id_, text(name), bool(active), moment(last_active), state)
            for id_, name, _, active, last_active, state in self._database.rows(query)
        ]

    def _has_table(self) -> bool:
        table = Master._meta.table_name
        if not self._database.existing_tables([table]):
            return False
        list(self._database.rows(Master.select().limit(0)))  # fails where a column is missing
        if not self._database.has_unique_index(table, "name_hash"):
            raise NotBuildbotDatabaseError(
                "The table of masters has no unique index over name_hash, so it is not Buildbot's."
            )
        return True


def _is(model: Any, one: int | str) -> Any:
    """Return the condition for the master or the builder that has the ID or the name."""
    return model.id == one if isinstance(one, int) else model.name_hash == name_hash(one)


def _key(master: int | str) -> int | str:
    """Return what `_look_up` finds a master by: its ID, or the hash of its name."""
    return master if isinstance(master, int) else name_hash(master)


def _check_owner(owner: MasterRow, row: MasterRow, name: str) -> None:
    if owner.id != row.id:
        raise RefusedError(
            f"The name {name!r} is that of master {owner.id}; 'mastersctl remove {row.id} "
            f"--reassign-to {owner.id}' gives it the builds of master {row.id}, and removes that."
        )


_MAX_EXPLAINED = 10  # missing masters that are looked for by name, which reads the whole table
_MAX_MASTERS = 30_000  # at a time; a statement of SQLite has room for 32,766 parameters
_STORED = {"id": Master.id, "name": Master.name, "active": Master.active,
           "last_active": Master.last_active}  # fmt: skip
# What every look at one master, and at all before a change, names: who lacks one is not Buildbot's.
_BUILDBOTS_COLUMNS = (
    Master.id,
    Master.name,
    Master.name_hash,
    Master.active,
    Master.last_active,
)
