"""Housekeeping: delete the links, end the builds and release the claims of dead masters.

This mirrors Buildbot's ``expireMasters`` with ``forceHouseKeeping``. It also cleans up what
Buildbot 4.3.0 forgets: the links to connected workers, and the claims.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.errors import RefusedError
from mastersctl.operations.dead import Dead, models
from mastersctl.operations.lookup import COLUMNS, Lookup
from mastersctl.query.union import union_all
from mastersctl.schema.master import Master
from mastersctl.schema.related import Build, Log, Step
from mastersctl.schema.relations import (
    CLAIMS,
    LINKS,
    RELATIONS,
    UNFINISHED_BUILDS,
    Relation,
    existing,
)
from mastersctl.schema.stored import text
from mastersctl.text import counted

if TYPE_CHECKING:
    from mastersctl.database import Database

RETRY = 5  # Buildbot's result for a build that did not finish and must be built again
STEPS, LOGS = "steps", "logs"
MAX_KEYS = 10_000  # in one statement; SQLite takes 32,766 parameters


class Cleaned(NamedTuple):
    """The rows that housekeeping changed for one master, without the master's own row.

    Attributes:
        links: how many links to schedulers, change sources, builders and workers were deleted.
        builds, steps, logs: how many of each were ended.
        claims: how many claims were released.
    """

    links: int
    builds: int
    steps: int
    logs: int
    claims: int


class Housekept(NamedTuple):
    """The changes that housekeeping made for one master, or would make; see `Cleaned`.

    Attributes:
        deactivated: whether the master became inactive; false if it was inactive already.
    """

    id: int
    name: str
    deactivated: bool
    links: int
    builds: int
    steps: int
    logs: int
    claims: int


class _ChangedMeanwhileError(Exception):
    """Another process changed rows of one of several masters between the count and the change."""


def housekeep(lookup: Lookup, dead: Dead, *, dry_run: bool = False) -> Iterator[Housekept]:
    """Mark dead masters inactive, and do the housekeeping for them, in one transaction.

    Mirrors what expireMasters(forceHouseKeeping=True) does for each of them. If another process
    changes their rows meanwhile, the transaction is rolled back. Each master then gets a
    transaction of its own.

    Returns:
        the changes for each master, once they are committed. A master without changes is left out:
        it has checked in again, or another process was faster.

    Raises:
        RefusedError: a named master checked in, or was removed, at this moment.
    """
    try:
        yield from lookup.transact(lambda: _housekeep(lookup, dead, dry_run), dry_run=dry_run)
    except _ChangedMeanwhileError:
        for id_ in dead.ids:
            yield from housekeep(lookup, dead._replace(ids=[id_]))


def _housekeep(lookup: Lookup, dead: Dead, dry_run: bool) -> list[Housekept]:
    query = Master.select(*COLUMNS).where(dead.condition())
    query = query.order_by(Master.id)  # the same order in each process: locks cannot deadlock
    rows = lookup.database.rows(query if dry_run else lookup.locking(query))
    masters = {id_: (text(name), bool(active)) for id_, name, _, active, _ in rows}
    if dead.named and len(masters) < len(dead.ids):
        raise RefusedError(
            f"Nothing was changed for {counted(len(dead.ids), 'master')}, because one checked in "
            "or "
            "was removed at this moment; run the command again."
        )
    cleaned = clean(lookup.database, [*masters], lookup.now(), dry_run=dry_run)
    active = [id_ for id_, (_, is_active) in masters.items() if is_active]
    if active and not dry_run:
        Master.update({"active": 0}).where(Master.id.in_(active)).execute(lookup.database)
    return [
        Housekept(id_, name, is_active, *cleaned[id_])
        for id_, (name, is_active) in masters.items()
        if is_active or any(cleaned[id_])
    ]


def clean(
    database: Database, ids: list[int], now: int, *, dry_run: bool = False, exact: bool = True
) -> dict[int, Cleaned]:
    """Do the housekeeping for masters, in the caller's transaction; return the changes.

    Parameters:
        now: the time at which their builds and steps end, in epoch seconds.
        dry_run: only count the changes.
        exact: raise an error if the counts of each master are not certain.
    """
    done = _Cleaning(database, ids, dry_run, exact).run(now) if ids else {}
    nothing: Counter[int] = Counter()
    kinds = (UNFINISHED_BUILDS, STEPS, LOGS, CLAIMS)
    return {
        id_: Cleaned(
            sum(done.get(kind, nothing)[id_] for kind in LINKS),
            *(done.get(kind, nothing)[id_] for kind in kinds),
        )
        for id_ in ids
    }


class _Cleaning:
    """The housekeeping for some masters, in one statement for each relation.

    It finds the rows first, then changes them by key. So no database can choose to read and lock
    a whole table for a few rows. Each change checks its condition again.
    """

    def __init__(self, database: Database, ids: list[int], dry_run: bool, exact: bool) -> None:
        self._database = database
        self._ids = ids
        self._dry_run = dry_run
        self._exact = exact

    def run(self, now: int) -> dict[str, Counter[int]]:
        """Do the housekeeping; return the number of changed rows, by kind and master."""
        relations = existing(self._database, models=models)
        found = self._found(relations)
        builds = {key: masterid for masterid, key in found.pop(UNFINISHED_BUILDS, ())}
        done = self._end(builds, now)
        keys = {relations[kind].model: [key for _, key in rows] for kind, rows in found.items()}
        for kind, rows in reversed(found.items()):
            relation = relations[kind]
            # Rows that refer to rows deleted later must all go, also those added since the search.
            through = keys.get(relation.through, [key for _, key in rows])
            counted = Counter(masterid for masterid, _ in rows)
            done[kind] = self._delete(relation, list(dict.fromkeys(through)), counted)
        return done

    def _found(self, relations: dict[str, Relation]) -> dict[str, list[tuple[int, int]]]:
        """Return the rows of the masters, by kind: the master and the key of each."""
        chosen = Master.select(Master.id).where(Master.id.in_(self._ids)).distinct().cte("chosen")
        queries = [
            relation.select(peewee.Value(kind), relation.masterid, relation.key).join_from(
                relation.model, chosen, on=(chosen.c.id == relation.masterid)
            )
            for kind, relation in relations.items()
        ]
        found: dict[str, list[tuple[int, int]]] = {kind: [] for kind in relations}
        if queries:
            for kind, masterid, key in self._database.rows(union_all(queries).with_cte(chosen)):
                found[kind].append((masterid, key))
        return found

    def _delete(self, relation: Relation, keys: list[int], counted: Counter[int]) -> Counter[int]:
        """Delete rows by their keys; return how many rows each master had."""
        if self._dry_run:
            return counted
        rows = 0
        for chunk in _chunks(keys):
            condition = relation.key.in_(chunk) & relation.rows_of(self._ids)
            rows += relation.model.delete().where(condition).execute(self._database)
        return self._checked(rows, counted)

    def _end(self, builds: dict[int, int], now: int) -> dict[str, Counter[int]]:
        """End unfinished builds and their steps with RETRY, and close the logs of those steps."""
        unfinished = RELATIONS[UNFINISHED_BUILDS].rows_of(self._ids)
        running = Step.results.is_null()
        steps = self._below(builds, Step, Step.buildid, running)
        logs = self._below(steps, Log, Log.stepid, Log.complete == 0)
        end = {"complete_at": now, "results": RETRY}
        return {
            LOGS: self._update(Log, logs, Log.complete == 0, {"complete": 1}),
            STEPS: self._update(Step, steps, running, end | {"hidden": 0}),
            UNFINISHED_BUILDS: self._update(Build, builds, unfinished, end),
        }

    def _below(
        self, owners: dict[int, int], model: Any, reference: Any, condition: Any
    ) -> dict[int, int]:
        """Return the master of each row of `model` that refers to a row of `owners`, by row."""
        found: dict[int, int] = {}
        for ids in _chunks([*owners]):
            query = model.select(model.id, reference).where(reference.in_(ids), condition)
            found |= {id_: owners[above] for id_, above in self._database.rows(query)}
        return found

    def _update(
        self, model: Any, owners: dict[int, int], condition: Any, values: dict[str, int]
    ) -> Counter[int]:
        """Set values in the rows of `owners` for which the condition still holds."""
        counted = Counter(owners.values())
        if self._dry_run:
            return counted
        rows = 0
        for ids in _chunks([*owners]):
            query: Any = model.update(values).where(model.id.in_(ids), condition)
            rows += query.execute(self._database)
        return self._checked(rows, counted)

    def _checked(self, rows: int, counted: Counter[int]) -> Counter[int]:
        """Return the number of changed rows, by master.

        Parameters:
            rows: how many rows were changed.
            counted: how many rows there were just before, by master.

        Raises:
            _ChangedMeanwhileError: the two differ, and it is unknown which master's rows changed.
        """
        if rows == counted.total() or not self._exact:
            return counted
        if len(self._ids) > 1:
            raise _ChangedMeanwhileError
        return Counter({self._ids[0]: rows})


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + MAX_KEYS] for start in range(0, len(ids), MAX_KEYS))
