"""Removal: what else refers to a master, and who inherits it, before its row is deleted.

Buildbot never removes a master. On SQLite it leaves foreign keys off, so that a row deleted by hand
leaves orphans; on PostgreSQL each of them cascades, so that it takes its builds with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.errors import NoSuchMasterError, RefusedError, joined, listed
from mastersctl.operations.housekeeping import clean
from mastersctl.operations.lookup import Lookup
from mastersctl.operations.uses import REASSIGNED, Uses, find_references, find_uses
from mastersctl.schema.master import Master, MasterRow
from mastersctl.schema.relations import table
from mastersctl.states import ACTIVE

if TYPE_CHECKING:
    from mastersctl.database import Database

# PostgreSQL looks for rows to cascade to in each table that refers to masters, once for each of
# them, and not all have an index for that: few in a statement, so that it ends within --timeout.
MAX_MASTERS_AT_ONCE = 100


class Removal(NamedTuple):
    """Which masters are removed, and what becomes of what refers to them.

    Attributes:
        skipped: those that are left, because something refers to them.
        reassigned_to: the master that what refers to the others is reassigned to, if there is one.
        builds, claims: how many builds and claims on finished build requests it gets.
    """

    masters: list[MasterRow]
    skipped: list[MasterRow]
    reassigned_to: MasterRow | None
    builds: int
    claims: int


def remove_masters(
    lookup: Lookup,
    masters: Sequence[int | str],
    *,
    reassign_to: int | str | None = None,
    skip_used: bool = False,
    dry_run: bool = False,
) -> Removal:
    """Remove masters, after housekeeping for them: all of them, or none.

    No build is ever deleted, and nothing is left to a cascade of foreign keys.

    Parameters:
        reassign_to: the master that gets their builds, and their claims on finished build requests.
        skip_used: leave those that something refers to, instead of removing none.

    Raises:
        NoSuchMasterError: one of them is not there.
        RefusedError: one of them is `active`, or something refers to it that is not reassigned.
        ClockError: this host's clock and the database server's differ.
        InvalidValueError: they are more than a statement has room for.
    """

    def change() -> Removal:
        found = lookup.several(masters, lock=not dry_run)
        rows = {row.id: row for row in (lookup.pick(found, master) for master in masters)}
        target = None
        if reassign_to is not None:  # it is not locked: it may be alive, and must check in
            target = lookup.pick(lookup.several([reassign_to]), reassign_to)
        now = lookup.now()
        removal = plan(lookup.database, [*rows.values()], target, now, skip_used=skip_used)
        if not dry_run:
            carry_out(lookup.database, removal, now)
        return removal

    return lookup.transact(change, dry_run=dry_run)


def plan(
    database: Database,
    masters: Sequence[MasterRow],
    target: MasterRow | None,
    now: int,
    *,
    skip_used: bool,
) -> Removal:
    """Return how the masters can be removed.

    Parameters:
        now: epoch seconds.

    Raises:
        RefusedError: one is active, or is the target; or something refers to one that is not
            reassigned, and it may not be skipped.
    """
    if target is not None and target.id in {master.id for master in masters}:
        raise RefusedError(f"The master {target.name!r} cannot get its own builds; name another.")
    active = [master for master in masters if master.state == ACTIVE]
    if active:
        remedy = "stop them, or, if they died, wait until ten minutes after their last check-in"
        if any(master.is_in_future(now) for master in active):
            remedy = (
                "the last check-in of one is in the future, and 'mastersctl set-state MASTER "
                "active' makes it now"
            )
        raise RefusedError(
            "Nothing was removed, because these masters are active: "
            f"{listed([master.name for master in active])}; {remedy}."
        )
    database.check_upgrade()
    used = find_uses(database, [master.id for master in masters])
    blocking = {id_: _blocking(uses, target) for id_, uses in used.items()}
    skipped = [master for master in masters if blocking.get(master.id)]
    if skipped and not skip_used:
        raise RefusedError(_why([(master.name, blocking[master.id]) for master in skipped]))
    removed = [master for master in masters if not blocking.get(master.id)]
    reassigned = [used.get(master.id, {}) for master in removed]
    builds, claims = (sum(uses.get(kind, 0) for uses in reassigned) for kind in REASSIGNED)
    return Removal(removed, skipped, target, builds, claims)


def carry_out(database: Database, removal: Removal, now: int) -> None:
    """Do the housekeeping for the masters, reassign what refers to them, and delete them.

    In the transaction of the caller, in which the plan was made. That nothing refers to them any
    more is asked once more before they are deleted, so that no cascade ever finds anything.

    Parameters:
        now: when unfinished builds and steps end, in epoch seconds.

    Raises:
        RefusedError: something refers to one of them all the same.
        NoSuchMasterError: the target was removed meanwhile.
    """
    ids = [master.id for master in removal.masters]
    if not ids:
        return
    batches = [
        ids[start : start + MAX_MASTERS_AT_ONCE]
        for start in range(0, len(ids), MAX_MASTERS_AT_ONCE)
    ]
    for batch in batches:
        clean(database, batch, now, exact=False)
    if removal.reassigned_to:
        _reassign(database, ids, removal.reassigned_to)
    _check_unused(database, removal.masters)
    for batch in batches:
        database.delete_unreferenced(Master, batch)


def _reassign(database: Database, ids: list[int], target: MasterRow) -> None:
    tables = database.existing_tables([table(relation.model) for relation in REASSIGNED.values()])
    try:
        for relation in REASSIGNED.values():
            if table(relation.model) in tables:
                update = relation.model.update({"masterid": target.id})
                update.where(relation.masterid.in_(ids)).execute(database)
    except peewee.IntegrityError:  # of a foreign key: the target is not locked, so that it can work
        raise NoSuchMasterError(target.name) from None


def _blocking(uses: Uses, target: MasterRow | None) -> Uses:
    return {kind: rows for kind, rows in uses.items() if not target or kind not in REASSIGNED}


def _why(blocked: list[tuple[str, Uses]]) -> str:
    reasons = [
        f"{name!r} ("
        + ", ".join(
            f"{kind}: {rows}" if kind in REASSIGNED else f"rows by their {kind!r}: {rows}"
            for kind, rows in uses.items()
        )
        + ")"
        for name, uses in blocked
    ]
    reassigned = all(kind in REASSIGNED for _, uses in blocked for kind in uses)
    remedy = "say with --reassign-to who inherits that"
    if not reassigned:
        remedy = "nothing here knows what these rows are, so look at them first"
    return (
        f"Nothing was removed, because something refers to {joined(reasons)}; {remedy}, or leave "
        "such masters with --skip-used."
    )


def _check_unused(database: Database, masters: list[MasterRow]) -> None:
    """Raise RefusedError if anything at all refers to one of the masters."""
    used = find_references(database, [master.id for master in masters])
    if used:
        blocked = [(master.name, used[master.id]) for master in masters if master.id in used]
        raise RefusedError(_why(blocked))
