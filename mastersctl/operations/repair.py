"""Repair: fix the damage that can be fixed without loss, each kind in its own transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

from mastersctl.operations.dangling import (
    find_dangling,
    find_missing_masters,
    refers_to_masters,
)
from mastersctl.operations.dead import Dead
from mastersctl.operations.doctor import (
    FUTURE,
    HOUSEKEEPING,
    MISSING_MASTERS,
    NAME_HASHES,
    SEQUENCES,
    deadline_of,
    find_dead,
)
from mastersctl.operations.housekeeping import housekeep
from mastersctl.operations.lookup import Lookup
from mastersctl.operations.missing import is_id, name_of_missing
from mastersctl.operations.misstated import find_misstated
from mastersctl.schema.master import Master, name_hash
from mastersctl.schema.references import TABLES
from mastersctl.schema.relations import table

if TYPE_CHECKING:
    from mastersctl.database import Database

_MASTERS = table(Master)


class Repaired(NamedTuple):
    """Damage of one kind that was repaired.

    Attributes:
        kind: as of `mastersctl.operations.doctor.Problem`.
        number: how many rows, masters or sequences were repaired.
    """

    kind: str
    number: int


def repair(lookup: Lookup, kinds: Collection[str]) -> Iterator[Repaired]:
    """Repair damage, each kind in its own transaction; yield each kind once it is repaired.

    Masters that are put back need housekeeping, so this also does the housekeeping.

    Parameters:
        kinds: the kinds of `mastersctl.operations.doctor.Problem` to repair; others are skipped.

    Raises:
        MastersctlError, peewee.PeeweeException: as for
            `mastersctl.operations.doctor.find_problems`.
    """
    more = {HOUSEKEEPING, SEQUENCES} if MISSING_MASTERS in kinds else set()
    for kind, mend in _MENDING.items():
        if kind in kinds or kind in more:
            number = mend(lookup)
            if number:
                yield Repaired(kind, number)


def _put_back(lookup: Lookup) -> int:
    """Add a row for each missing master that rows refer to; change no other row."""
    database = lookup.database
    dangling = find_dangling(database, database.existing_tables(TABLES))
    keys = [one.key for one in dangling if refers_to_masters(one.key)]

    def change() -> int:
        names = {
            id_: name_of_missing(id_) for id_ in find_missing_masters(database, keys) if is_id(id_)
        }
        free = _free(database, {id_: name_hash(name) for id_, name in names.items()})
        for id_, digest in free.items():
            row = {"id": id_, "name": names[id_], "name_hash": digest}
            Master.insert(row | {"active": 0, "last_active": 0}).execute(database)
        return len(free)

    return database.transact(change, lock_table=_MASTERS)


def _set_name_hashes(lookup: Lookup) -> int:
    def change() -> int:
        misnamed = find_misstated(lookup).misnamed
        free = _free(lookup.database, {master.id: right for master, right in misnamed})
        # First set random hashes: two masters may have each other's, and the index is unique.
        digests = [(id_, secrets.token_hex(20)) for id_ in free] + [*free.items()]
        for id_, digest in digests:
            update = Master.update({"name_hash": digest}).where(Master.id == id_)
            update.execute(lookup.database)
        return len(free)

    return lookup.database.transact(change, lock_table=_MASTERS)


def _free(database: Database, digests: dict[int, str]) -> dict[int, str]:
    """Return the hashes that can be set, by master ID: those that no other master keeps."""
    stored = list(database.rows(Master.select(Master.id, Master.name_hash)))
    free = digests
    while True:
        kept = {digest for id_, digest in stored if id_ not in free}
        left = {id_: digest for id_, digest in free.items() if digest not in kept}
        if len(left) == len(free):
            return free
        free = left


def _set_last_active(lookup: Lookup) -> int:
    def change() -> int:
        found = find_misstated(lookup)
        for master in found.ahead:
            update = Master.update({"last_active": found.now}).where(Master.id == master.id)
            update.execute(lookup.database)
        return len(found.ahead)

    return lookup.database.transact(change, lock_table=_MASTERS)


def _set_sequences(lookup: Lookup) -> int:
    """Set the sequences that are behind, with their tables locked against new rows."""
    database = lookup.database
    late = database.late_sequences(sorted(database.existing_tables(TABLES)))

    def change() -> int:
        for sequence in late:
            database.execute_sql(sequence.mend)  # type: ignore[no-untyped-call]
        return len(late)

    if not late:
        return 0
    names = dict.fromkeys(sequence.table for sequence in late)
    return database.transact(change, lock_table=", ".join(names))


def _do_housekeeping(lookup: Lookup) -> int:
    """Do the housekeeping for the dead masters that need it."""
    _, ids = find_dead(lookup)
    dead = Dead(ids, deadline_of(lookup))
    return sum(1 for batch in dead.batches() for _ in housekeep(lookup, batch))


_MENDING: dict[str, Callable[[Lookup], int]] = {
    NAME_HASHES: _set_name_hashes,
    MISSING_MASTERS: _put_back,
    FUTURE: _set_last_active,
    SEQUENCES: _set_sequences,
    HOUSEKEEPING: _do_housekeeping,
}
"""The repair of each kind, in order: masters that are put back may need the repairs around it."""
