"""The five operations of Buildbot's ``MastersConnectorComponent``, in its order and names.

An import that only one operation needs stands inside it: each process pays for its imports.
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
_MAX_NEEDING = 1000  # IDs; a statement may repeat them in several places


class Found(NamedTuple):
    """The result of `find_master_id`.

    Attributes:
        id: as Buildbot's findMasterId returns it; None if a dry run found no master.
        created: whether the master was added, or would be.
    """

    id: int | None
    created: bool


class StateChange(NamedTuple):
    """The result of `set_master_state`.

    Attributes:
        changed: whether the state changed, or would change; Buildbot's setMasterState returns this.
        previous: the state before, one of `mastersctl.states.STATES`.
        in_future: whether the master was active because its last check-in is in the future.
        links: how many links were deleted, or would be.
        builds: how many unfinished builds an inactive master leaves behind.
        claims: how many claims on unfinished build requests an inactive master leaves behind.
    """

    id: int
    name: str
    changed: bool
    previous: str
    in_future: bool
    links: int = 0
    builds: int = 0
    claims: int = 0


class Expiry(NamedTuple):
    """The result of `set_all_masters_active_long_time_ago`.

    Attributes:
        expired: how many masters were changed, or would be.
        alive: the names of the masters that were `active` before.
        refused: whether the operation was refused, or would be, because masters are `active`.
    """

    expired: int
    alive: list[str]
    refused: bool


class MastersConnector(Lookup):
    """The operations of Buildbot's component, on the masters in one database."""

    def find_master_id(self, name: str, *, create: bool = True, dry_run: bool = False) -> Found:
        """Return the ID of the master called `name`; add an inactive one if there is none.

        Mirrors findMasterId: processes that add the same name at the same time get the same ID.

        Parameters:
            create: add the master if there is none.
            dry_run: change nothing.

        Raises:
            NoSuchMasterError: there is no such master, and `create` is false.
            RefusedError: a master has this name, but the name_hash of another name.
        """
        digest = name_hash(name)
        query = Master.select(Master.id).where(Master.name_hash == digest)
        for (found,) in list(self.database.rows(query)):
            return Found(found, created=False)
        if not create:
            raise self.no_such_master(name)
        called = self.called(name)
        if called is not None:
            raise RefusedError(f"{misnamed(name, called)} Until then, no master is added.")
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

        Mirrors setMasterState. One lock covers the read of the old state and the write of the new
        one. So if several processes make the same change, only one of them reports a change.
        Unfinished builds and claims stay for `housekeep`: Buildbot's masters do housekeeping only
        for masters that they mark inactive themselves.

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
        """Return the master, or None if there is no such master. Mirrors getMaster."""
        return self.first(master)

    def get_masters(
        self,
        spec: ResultSpec | None = None,
        *,
        linked: Mapping[str, int | str] | None = None,
        needing: Sequence[int] | None = None,
        max_age: float = EXPIRE_SECONDS,
    ) -> Iterator[Row]:
        """Return the masters that `spec` selects, each as a tuple of its fields.

        Mirrors getMasters, in one statement; its rows are read as they are consumed. The default
        is all masters, by ID. Values are as the database holds them: `active` is 0 for false, and
        `last_active` is in epoch seconds. On SQLite, not even their types are certain (see
        `mastersctl.schema.stored`).

        Parameters:
            linked: return only the masters that all of these are linked to, as Buildbot's
                ``/builders/n:builderid/masters`` does. The keys are those of
                `mastersctl.query.linked.LINKED`, the values are IDs or names.
            needing: the IDs of the masters that need housekeeping, if
                `mastersctl.operations.needs.find_needing` has returned them already.
            max_age: a master is stale when its last check-in is older than this, in seconds.

        Raises:
            NoSuchLinkedError: something in `linked` does not exist.
        """
        return self.database.rows(self._matching(spec, linked, needing, max_age))

    def count_masters(
        self,
        spec: ResultSpec | None = None,
        *,
        linked: Mapping[str, int | str] | None = None,
        needing: Sequence[int] | None = None,
    ) -> int:
        """Return the number of masters that match; the parameters are those of `get_masters`.

        The limit and the offset of `spec` are ignored.
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
        for all masters that have not checked in again.

        Parameters:
            unless_alive: change nothing if a master is `active` (see `mastersctl.states`).
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

        # The lock keeps masters from checking in, or being added, between the check and the change.
        return self.database.transact(expire, lock_table=Master._meta.table_name)

    def _alive(self) -> list[str]:
        """Return the names of the active masters."""
        query = Master.select(*COLUMNS).where(self.state() == ACTIVE)
        rows = self.database.rows(query.order_by(Master.id))
        return [text(name) for _, name, *_ in rows]
