"""Damage that hand-written SQL, copies of databases and interrupted upgrades leave behind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mastersctl.errors import DatabaseUnavailableError, InterruptedUpgradeError
from mastersctl.operations.dangling import (
    Dangling,
    find_dangling,
    find_missing_masters,
    refers_to_masters,
)
from mastersctl.operations.lookup import Lookup
from mastersctl.operations.missing import how_to_put_back
from mastersctl.operations.misstated import find_misstated
from mastersctl.operations.needs import Needing, find_needing
from mastersctl.operations.waiting import Waiting, find_kept, find_unbuildable
from mastersctl.schema.master import MasterRow
from mastersctl.schema.references import TABLES
from mastersctl.states import EXPIRE_SECONDS
from mastersctl.text import counted

MISSING_MASTERS = "missing_masters"
NAME_HASHES = "name_hashes"
FUTURE = "last_active_in_future"
SEQUENCES = "sequences_behind"
HOUSEKEEPING = "needs_housekeeping"

PENDING_SECONDS = 60 * 60
_MAX_EXAMPLES = 5


class Problem(NamedTuple):
    """Damage of one kind.

    Attributes:
        number: how many rows, masters, sequences or build requests are damaged.
        examples: the first of them.
        effect: the consequence for Buildbot.
        remedy: how to repair the damage.
        fixable: whether `mastersctl.operations.repair` can repair at least some of it.
    """

    kind: str
    number: int
    examples: list[str]
    effect: str
    remedy: str
    fixable: bool = False


def find_problems(lookup: Lookup, pending_age: float = PENDING_SECONDS) -> list[Problem]:
    """Return the damage in a database; change nothing.

    Parameters:
        pending_age: report only build requests without a master that are older, in seconds.

    Raises:
        ClockError: this host's clock and the database server's differ.
        ReplicationLagError: the database is a standby that is behind.
        MastersctlError, peewee.PeeweeException: this user may not read all of the tables.
    """
    try:
        lookup.database.check_upgrade()
        tables = lookup.database.existing_tables(TABLES)
    except InterruptedUpgradeError as error:
        return [_interrupted(error)]
    misstated = find_misstated(lookup)
    dangling = sorted(find_dangling(lookup.database, tables), key=lambda one: one.key)
    return [
        *_missing_masters(lookup, dangling),
        *_name_hashes([master for master, _ in misstated.misnamed]),
        *_namesakes(misstated.namesakes),
        *_future(misstated.ahead),
        *_sequences(lookup, tables),
        *_housekeeping(lookup),
        *_dangling(dangling),
        *_unbuildable(find_unbuildable(lookup, pending_age, tables)),
        *_kept(find_kept(lookup, tables)),
    ]


def find_dead(lookup: Lookup) -> tuple[Needing, list[int]]:
    """Return the masters that need housekeeping, and the IDs of the dead ones among them.

    Raises:
        DatabaseUnavailableError: this user may not read all of the tables.
    """
    needing = find_needing(lookup)
    if needing.unknown:
        raise DatabaseUnavailableError(needing.unknown)
    deadline = deadline_of(lookup)
    return needing, [
        row.id
        for row in needing.masters
        if row.last_active is not None and row.last_active.timestamp() < deadline
    ]


def deadline_of(lookup: Lookup) -> int:
    """Return the earliest last check-in of a master that is not dead, in epoch seconds."""
    return math.floor(lookup.clock() - EXPIRE_SECONDS)


def _interrupted(error: InterruptedUpgradeError) -> Problem:
    return Problem(
        "interrupted_upgrade",
        1,
        [str(error)],
        "Masters do not start, and the next upgrade may lose rows. No other problem was checked.",
        "Restore the backup, or finish the upgrade.",
    )


def _missing_masters(lookup: Lookup, dangling: list[Dangling]) -> Iterator[Problem]:
    keys = [one.key for one in dangling if refers_to_masters(one.key)]
    missing = find_missing_masters(lookup.database, keys)
    examples = [
        f"master {id_!r} ({', '.join(f'{table}: {rows}' for table, rows in tables.items())})"
        for id_, tables in missing.items()
    ]
    if missing:
        fixable, remedy = how_to_put_back(lookup, missing)
        yield Problem(
            MISSING_MASTERS,
            len(missing),
            examples[:_MAX_EXAMPLES],
            "Rows refer to masters that do not exist. A master with a scheduler that is linked to "
            "a missing master does not start. An upgrade or 'buildbot copy-db' may fail.",
            remedy,
            fixable,
        )


def _name_hashes(masters: list[MasterRow]) -> Iterator[Problem]:
    if masters:
        yield Problem(
            NAME_HASHES,
            len(masters),
            _named(masters),
            "Buildbot finds a master by its name_hash. When such a master starts, Buildbot adds it "
            "again, under another ID.",
            "'mastersctl doctor --fix' sets the name_hash to that of the name.",
            fixable=True,
        )


def _namesakes(namesakes: list[tuple[MasterRow, int]]) -> Iterator[Problem]:
    if namesakes:
        commands = [
            f"'mastersctl remove {master.id} --reassign-to {owner}'" for master, owner in namesakes
        ]
        yield Problem(
            "namesakes",
            len(namesakes),
            _named(master for master, _ in namesakes),
            "Buildbot never finds such a master: another one has the same name, and its name_hash.",
            f"Reassign the builds to the other master: {', '.join(commands[:_MAX_EXAMPLES])}.",
        )


def _future(masters: list[MasterRow]) -> Iterator[Problem]:
    if masters:
        yield Problem(
            FUTURE,
            len(masters),
            _named(masters),
            "Such a master looks active until its last check-in has passed, even if it is dead. "
            "Until then, its builds stay unfinished.",
            "Set the clocks of the hosts; 'mastersctl doctor --fix' sets last_active to now.",
            fixable=True,
        )


def _sequences(lookup: Lookup, tables: set[str]) -> Iterator[Problem]:
    late = lookup.database.late_sequences(sorted(tables))
    if late:
        yield Problem(
            SEQUENCES,
            len(late),
            [f"{one.table}.{one.column}" for one in late[:_MAX_EXAMPLES]],
            "Buildbot cannot add rows to these tables: new rows get IDs that other rows have.",
            f"'mastersctl doctor --fix' sets the sequences, as does \"{late[0].mend}\".",
            fixable=True,
        )


def _housekeeping(lookup: Lookup) -> Iterator[Problem]:
    needing, dead = find_dead(lookup)
    young = len(needing.masters) - len(dead)
    remedy = (
        "Wait while a master is starting: a starting master looks dead. Then run 'mastersctl "
        "doctor --fix' or 'mastersctl housekeep'."
    )
    if young:
        remedy += (
            f" {counted(young, 'master')} checked in within the last ten minutes: wait, or run "
            "'mastersctl housekeep MASTER --force' for masters that you know to be dead."
        )
    if needing.masters:
        yield Problem(
            HOUSEKEEPING,
            len(needing.masters),
            _named(needing.masters),
            "Build requests that dead masters claimed are never built, and builds of dead masters "
            "never end.",
            remedy,
            fixable=bool(dead),
        )


def _dangling(dangling: list[Dangling]) -> Iterator[Problem]:
    for key, rows, example in dangling:
        if not refers_to_masters(key):
            yield Problem(
                "dangling_rows",
                rows,
                [f"{key.table}.{key.column} = {example!r}"],
                f"Rows of {key.table} refer to {key.parent} that do not exist: an upgrade or "
                "'buildbot copy-db' may fail, and web pages may be broken.",
                f"Restore the rows of {key.parent} from a backup, or correct the rows of "
                f"{key.table} by hand.",
            )


def _unbuildable(waiting: list[Waiting]) -> Iterator[Problem]:
    if waiting:
        yield Problem(
            "requests_without_master",
            sum(one.requests for one in waiting),
            [f"builder {_thing(one)}: {one.requests}" for one in waiting[:_MAX_EXAMPLES]],
            "These build requests wait for ever: no active master has their builders.",
            "Start a master that has the builder, or cancel the build requests.",
        )


def _kept(waiting: list[Waiting]) -> Iterator[Problem]:
    if waiting:
        yield Problem(
            "requests_of_inactive_masters",
            sum(one.requests for one in waiting),
            [
                f"master {_thing(one)}, {one.state or 'missing'}: {one.requests}"
                for one in waiting[:_MAX_EXAMPLES]
            ],
            "These build requests wait for ever: masters that are not active have claimed them.",
            "Start the masters, or release the claims with 'mastersctl housekeep'. Add "
            "missing masters first, with 'mastersctl doctor --fix'.",
        )


def _thing(waiting: Waiting) -> str:
    return f"{waiting.id!r}" if waiting.name is None else f"{waiting.id!r} {waiting.name!r}"


def _named(masters: Iterable[MasterRow]) -> list[str]:
    return [f"master {master.id!r} {master.name!r}" for master in masters][:_MAX_EXAMPLES]
