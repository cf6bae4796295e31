"""Removal: delete or reassign the rows that refer to a master, then delete its own row.

Buildbot never removes a master. On SQLite it leaves foreign keys off, so a row deleted by hand
leaves orphans. On PostgreSQL each foreign key cascades, so a deleted master takes its builds along.
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
from mastersctl.text import counted

if TYPE_CHECKING:
    from mastersctl.database import Database

# For each deleted master, PostgreSQL searches each table that refers to masters. Not all of them
# have an index for that. With few masters in a statement, it ends within --timeout.
MAX_MASTERS_AT_ONCE = 100


class Removal(NamedTuple):
    """The plan or the result of a removal.

    Attributes:
        masters: the masters that are removed.
        skipped: the masters that are skipped, because rows still refer to them.
        reassigned_to: the master that inherits builds and claims; None if nothing is reassigned.
        builds, claims: how many builds and claims on finished build requests it inherits.
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

    No build is deleted, and no foreign key ever cascades.

    Parameters:
        reassign_to: the master that inherits their builds and claims on finished build requests.
        skip_used: skip masters that rows still refer to, instead of removing none.
        dry_run: change nothing.

    Raises:
        NoSuchMasterError: one of the masters does not exist.
        RefusedError: a master is `active`, or rows refer to it that are not reassigned.
        ClockError: this host's clock and the database server's differ.
        InvalidValueError: there are more masters than one statement takes.
    """

    def change() -> Removal:
        found = lookup.several(masters, lock=not dry_run)
        rows = {row.id: row for row in (lookup.pick(found, master) for master in masters)}
        target = None
        if reassign_to is not None:  # not locked: an active master must be able to check in
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
    """Return the plan for the removal of masters; change nothing.

    Parameters:
        target: the master that inherits their builds and claims; None to reassign nothing.
        now: epoch seconds.
        skip_used: as for `remove_masters`.

    Raises:
        RefusedError: a master is active, or is the target; or rows refer to it that are not
            reassigned, and `skip_used` is false.
    """
    if target is not None and target.id in {master.id for master in masters}:
        raise RefusedError(
            f"The master {target.name!r} cannot inherit its own builds; name another one."
        )
    active = [master for master in masters if master.state == ACTIVE]
    if active:
        remedy = "stop them, or, if they died, wait until ten minutes after their last check-in"
        if any(master.is_in_future(now) for master in active):
            remedy = (
                "the last check-in of one is in the future, and 'mastersctl set-state MASTER "
                "active' sets it to now"
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
    """Do the housekeeping for the masters, reassign their builds and claims, and delete them.

    The caller's transaction must be the one in which the plan was made. Before the deletion, a
    last check makes sure that no row refers to the masters, so that no foreign key cascades.

    Parameters:
        now: the time at which unfinished builds and steps end, in epoch seconds.

    Raises:
        RefusedError: a row still refers to one of the masters.
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
    except peewee.IntegrityError:  # of a foreign key: the target is not locked, and is gone
        raise NoSuchMasterError(target.name) from None


def _blocking(uses: Uses, target: MasterRow | None) -> Uses:
    return {kind: rows for kind, rows in uses.items() if not target or kind not in REASSIGNED}


def _why(blocked: list[tuple[str, Uses]]) -> str:
    reasons = [
        f"{name!r} (" + ", ".join(_counted(kind, rows) for kind, rows in uses.items()) + ")"
        for name, uses in blocked
    ]
    reassigned = all(kind in REASSIGNED for _, uses in blocked for kind in uses)
    remedy = "name the master that inherits them with --reassign-to"
    if not reassigned:
        remedy = "check these rows, which mastersctl does not know"
    return (
        f"Nothing was removed, because rows still refer to {joined(reasons)}; {remedy}, or skip "
        "such masters with --skip-used."
    )


def _counted(kind: str, rows: int) -> str:
    """Return how many rows refer to a master, such as ``1 claim on finished build requests``."""
    if kind not in REASSIGNED:
        return f"{counted(rows, 'row')} in {kind!r}"
    noun, *rest = kind.split(" ", 1)
    return " ".join([counted(rows, noun.removesuffix("s")), *rest])


def _check_unused(database: Database, masters: list[MasterRow]) -> None:
    """Raise RefusedError if any row refers to one of the masters."""
    used = find_references(database, [master.id for master in masters])
    if used:
        blocked = [(master.name, used[master.id]) for master in masters if master.id in used]
        raise RefusedError(_why(blocked))
