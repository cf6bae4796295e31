"""The five operations of Buildbot's ``MastersConnectorComponent``, in its order and names.

What only one of them needs is imported where it is: each process pays for what it imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.errors import RefusedError, misnamed
from mastersctl.operations.lookup import COLUMNS, Lookup
from mastersctl.query.fields import NEEDS_HOUSEKEEPING, TROUBLE
from mastersctl.schema.master import Master, MasterRow, name_hash
from mastersctl.schema.stored import text
from mastersctl.states import ACTIVE, EXPIRE_SECONDS

if TYPE_CHECKING:
    from mastersctl.database import Row
    from mastersctl.query.resultspec import ResultSpec

_ROWS = peewee.fn.COUNT(peewee.SQL("*"))
_MAX_NEEDING = 1000  # IDs in a statement, which may have them in several places


class Found(NamedTuple):
    """What `find_master_id` found; `id` is what Buildbot's findMasterId returns.

    It is None where a dry run adds no master.
    """

    id: int | None
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


class MastersConnector(Lookup):
    """The operations of Buildbot's component, on the masters in one database."""

    def find_master_id(self, name: str, *, create: bool = True, dry_run: bool = False) -> Found:
        """Return the ID of the master called `name`, adding it (inactive) when there is none.

        Mirrors findMasterId: processes that add the same name at the same time get the same ID.

        Parameters:
            create: add it.
            dry_run: change nothing.

        Raises:
            NoSuchMasterError: there is none, and `create` is false.
        """
        digest = name_hash(name)
        query = Master.select(Master.id).where(Master.name_hash == digest)
        for (found,) in list(self.database.rows(query)):
            return Found(found, created=False)
        if not create:
            raise self.no_such_master(name)
        called = self.called(name)
        if called is not None:
            raise RefusedError(f"{misnamed(name, called)} Until then, none is added.")
        if dry_run:
            return Found(None, created=True)
        row = {"name": name, "name_hash": digest, "active": 0, "last_active": self.now()}
        id_ = self.database.insert_new(Master, row, Master.name_hash)
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
            row = self.first(master, lock=not dry_run)
            if row is None:
                raise self.no_such_master(master)
            in_future = row.is_in_future(self.clock())
            planned = StateChange(row.id, row.name, row.active != active, row.state, in_future)
            if not active:
                from mastersctl.operations.belongings import count_unfinished, delete_links

                links = delete_links(self.database, planned.id, dry_run=dry_run)
                builds, claims = count_unfinished(self.database, planned.id)
                planned = planned._replace(links=links, builds=builds, claims=claims)
            if not dry_run:
                values = {"active": 1, "last_active": self.now()} if active else {"active": 0}
                Master.update(values).where(Master.id == planned.id).execute(self.database)
            return planned

        return self.transact(change, dry_run=dry_run)

    def get_master(self, master: int | str) -> MasterRow | None:
        """Return the master, or None when there is no such one. Mirrors getMaster."""
        return self.first(master)

    def get_masters(
        self,
        spec: ResultSpec | None = None,
        *,
        linked: Mapping[str, int | str] | None = None,
        needing: Sequence[int] | None = None,
        max_age: float = EXPIRE_SECONDS,
    ) -> Iterator[Row]:
        """Return the masters that `spec` asks for (all, by ID), each as a tuple of its fields.

        Mirrors getMasters, in one statement whose rows are read as they are consumed. The values
        are those that the database holds: `active` is 0 for false, `last_active` epoch seconds, and
        not even the types are certain on SQLite (see `mastersctl.schema.stored`).

        Parameters:
            linked: only those which these, each an ID or a name by a key of
                `mastersctl.query.linked.LINKED`, are linked to, as Buildbot's
                ``/builders/n:builderid/masters``.
            needing: the IDs of those that need housekeeping, from
                `mastersctl.operations.needs.find_needing`, where they are known already.
            max_age: for how long a master is not stale after it checked in, in seconds.

        Raises:
            NoSuchLinkedError: one of these is not there.
        """
        return self.database.rows(self._matching(spec, linked, needing, max_age))

    def count_masters(
        self,
        spec: ResultSpec | None = None,
        *,
        linked: Mapping[str, int | str] | None = None,
        needing: Sequence[int] | None = None,
    ) -> int:
        """Return how many masters match; the parameters are those of `get_masters`.

        The limit and the offset of `spec` do not count.
        """
        if spec is not None:
            spec = spec._replace(fields=("id",), order=(), limit=None, offset=None)
        matching = self._matching(spec, linked, needing).alias("matching")
        ((number,),) = self.database.rows(peewee.Select([matching], [_ROWS]))
        return int(number)

    def _matching(
        self,
        spec: ResultSpec | None,
        linked: Mapping[str, int | str] | None,
        needing: Sequence[int] | None,
        max_age: float = EXPIRE_SECONDS,
    ) -> peewee.ModelSelect[Master]:
        """Return the query of `get_masters`."""
        from mastersctl.query.columns import compared, selected, trouble
        from mastersctl.query.resultspec import ResultSpec, apply

        spec = spec or ResultSpec()
        query = Master.select()
        columns = compared(self.database, self.state(max_age))
        if spec.counts():
            from mastersctl.query.counts import with_counts

            query, counts = with_counts(self.database, query, spec.counts())
            columns |= counts
        if {NEEDS_HOUSEKEEPING, TROUBLE} & spec.named():
            columns[NEEDS_HOUSEKEEPING] = self._needs_housekeeping(needing, max_age)
            columns[TROUBLE] = trouble(columns, self.now())
        query = query.select(*selected(spec.fields, columns))
        if linked:
            from mastersctl.query.linked import masters_of

            for kind, given in linked.items():
                query = query.where(Master.id.in_(masters_of(self.database, kind, given)))
        return apply(spec, query, columns, self.database.contains)

    def _needs_housekeeping(self, needing: Sequence[int] | None, max_age: float) -> peewee.Case:
        """Return the SQL expression for whether a master needs housekeeping."""
        from mastersctl.query.needs import needs_housekeeping
        from mastersctl.schema.relations import HELD, existing

        if needing is not None and len(needing) <= _MAX_NEEDING:
            return peewee.Case(None, [(Master.id.in_(needing), 1)], 0)
        return needs_housekeeping(self.state(max_age), existing(self.database, HELD))

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
            ((total,),) = self.database.rows(Master.select(peewee.fn.count(Master.id)))
            return Expiry(total, alive, refused=unless_alive and bool(alive))

        def expire() -> Expiry:
            alive = self._alive()
            if unless_alive and alive:
                return Expiry(0, alive, refused=True)
            expired = self.database.update_all(Master, {"active": 1, "last_active": 0})
            return Expiry(expired, alive, refused=False)

        # Nobody checks in, or is added, between the look and the change.
        return self.database.transact(expire, lock_table=Master._meta.table_name)

    def _alive(self) -> list[str]:
        """Return the names of the active masters."""
        query = Master.select(*COLUMNS).where(self.state() == ACTIVE)
        rows = self.database.rows(query.order_by(Master.id))
        return [text(name) for _, name, *_ in rows]
