"""The one list of the rows that belong to a master, for showing, counting and deleting them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.schema.related import (
    Build,
    Builder,
    BuilderMaster,
    BuildRequest,
    BuildRequestClaim,
    ChangeSource,
    ChangeSourceMaster,
    ConfiguredWorker,
    ConnectedWorker,
    Scheduler,
    SchedulerMaster,
    Worker,
)

if TYPE_CHECKING:
    from mastersctl.database import Database

Model = type[peewee.Model]

UNFINISHED_BUILDS = "unfinished_builds"
CLAIMS = "claims"


class Relation(NamedTuple):
    """How the rows of a table belong to masters.

    Attributes:
        model: the table.
        masterid: the column with the ID of the master, in this table or in `through`.
        thing: the column with the ID of the linked thing, the build or the claimed build request.
        named: the table with the name of that.
        named_id: the column that refers to `named`.
        through: another table that decides which rows count; None if there is none.
        refers: the column that refers to `through`.
        unfinished: the condition for the rows that count, on `through` or else on this table; None
            if all rows count, because they are links.
        number: the column with the number of a build.
        since: the column with the time at which a build or a claim began.
        is_held: whether a master that is not active and has such rows needs housekeeping. False if
            a master leaves them when it stops, or never has them without others.
    """

    model: Model
    masterid: peewee.Field
    thing: peewee.Field
    named: Any
    named_id: peewee.Field
    through: Any = None
    refers: peewee.Field | None = None
    unfinished: peewee.Expression | None = None
    number: peewee.Field | None = None
    since: peewee.Field | None = None
    is_held: bool = True

    def select(self, *columns: peewee.ColumnBase) -> peewee.ModelSelect[Any]:
        """Return a query for columns of the rows that count, for all masters."""
        query = self.model.select(*columns)
        if self.through is not None:
            query = query.join(self.through, on=(self.through.id == self.refers))
        return query if self.unfinished is None else query.where(self.unfinished)

    def rows_of(self, masters: Sequence[int]) -> peewee.Expression:
        """Return the condition for the rows of `model` that count and belong to these masters."""
        conditions: dict[Model | None, list[peewee.Expression]] = {self.model: [], self.through: []}
        conditions[self.masterid.model].append(self.masterid.in_(masters))
        if self.unfinished is not None:
            conditions[self.through or self.model].append(self.unfinished)
        if self.refers is not None:
            query = self.through.select(self.through.id).where(*conditions[self.through])
            conditions[self.model].append(self.refers.in_(query))
        return reduce(operator.and_, conditions[self.model])

    @property
    def key(self) -> Any:
        """The column by which rows are found: their reference to `through`, or the primary key."""
        return self.model._meta.primary_key if self.refers is None else self.refers

    def models(self) -> list[Model]:
        """Return the tables that `select` and `rows_of` need."""
        return [self.model] if self.through is None else [self.model, self.through]

    def named_models(self) -> list[Model]:
        """Return the tables of `models`, and the table with the names."""
        return [*self.models(), self.named]


RELATIONS: dict[str, Relation] = {
    "schedulers": Relation(
        SchedulerMaster, SchedulerMaster.masterid, SchedulerMaster.schedulerid,
        Scheduler, SchedulerMaster.schedulerid,
    ),
    "change_sources": Relation(
        ChangeSourceMaster, ChangeSourceMaster.masterid, ChangeSourceMaster.changesourceid,
        ChangeSource, ChangeSourceMaster.changesourceid,
    ),
    "builders": Relation(
        BuilderMaster, BuilderMaster.masterid, BuilderMaster.builderid,
        Builder, BuilderMaster.builderid,
    ),
    "configured_workers": Relation(
        ConfiguredWorker, BuilderMaster.masterid, ConfiguredWorker.workerid,
        Worker, ConfiguredWorker.workerid,
        through=BuilderMaster, refers=ConfiguredWorker.buildermasterid, is_held=False,
    ),
    "connected_workers": Relation(
        ConnectedWorker, ConnectedWorker.masterid, ConnectedWorker.workerid,
        Worker, ConnectedWorker.workerid, is_held=False,
    ),
    UNFINISHED_BUILDS: Relation(
        Build, Build.masterid, Build.id,
        Builder, Build.builderid,
        unfinished=Build.complete_at.is_null(), number=Build.number, since=Build.started_at,
    ),
    CLAIMS: Relation(
        BuildRequestClaim, BuildRequestClaim.masterid, BuildRequestClaim.brid,
        Builder, BuildRequest.builderid,
        through=BuildRequest, refers=BuildRequestClaim.brid,
        unfinished=BuildRequest.complete == 0, since=BuildRequestClaim.claimed_at,
    ),
}  # fmt: skip
"""The relations, by their names in commands and output, in the order in which they are shown.

Rows of a relation may refer to rows of an earlier one, so they are deleted in reverse order.
"""
LINKS = [kind for kind, relation in RELATIONS.items() if relation.unfinished is None]

HELD = [kind for kind, relation in RELATIONS.items() if relation.is_held]
"""The kinds of rows that a stopped master does not have; see `mastersctl.query.needs`."""


def table(model: Model) -> str:
    """Return the name of a model's table."""
    name: str = model._meta.table_name
    return name


def existing(
    database: Database,
    kinds: Iterable[str] = RELATIONS,
    models: Callable[[Relation], list[Model]] = Relation.models,
) -> dict[str, Relation]:
    """Return those of the relations whose tables exist; a database may lack some.

    Parameters:
        models: returns the tables that a relation needs.
    """
    needed = {kind: {table(model) for model in models(RELATIONS[kind])} for kind in kinds}
    found = database.existing_tables(sorted(set().union(*needed.values())))
    return {kind: RELATIONS[kind] for kind, tables in needed.items() if tables <= found}
