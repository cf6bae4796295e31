"""Peewee models of the tables that are touched, as Buildbot defines them.

They are bound to no database: a query is given the one that it runs on. References are plain
integers, because links are deleted by ID and never followed.
"""

import hashlib
from datetime import datetime
from typing import Any, NamedTuple

from mastersctl._peewee import peewee
from mastersctl.state import ACTIVE, EXPIRE_SECONDS, EXPIRED, INACTIVE, STALE


class Master(peewee.Model):
    """A master, and when it last checked in (epoch seconds, UTC)."""

    id = peewee.AutoField()
    name = peewee.TextField()
    name_hash = peewee.CharField(max_length=40)
    active = peewee.IntegerField()
    last_active = peewee.IntegerField()

    class Meta:
        table_name = "masters"


Master.add_index(Master.index(Master.name_hash, unique=True, name="master_name_hashes"))


class MasterRow(NamedTuple):
    """A master. Buildbot's master dictionary has all of it but the state.

    Attributes:
        last_active: when it last checked in, UTC; None where the database holds no possible time.
        state: one of `mastersctl.state.STATES`.
    """

    id: int
    name: str
    active: bool
    last_active: datetime | None
    state: str


class Scheduler(peewee.Model):
    id = peewee.AutoField()
    name = peewee.TextField()

    class Meta:
        table_name = "schedulers"


class SchedulerMaster(peewee.Model):
    schedulerid = peewee.IntegerField(primary_key=True)
    masterid = peewee.IntegerField()

    class Meta:
        table_name = "scheduler_masters"


class ChangeSource(peewee.Model):
    id = peewee.AutoField()
    name = peewee.TextField()

    class Meta:
        table_name = "changesources"


class ChangeSourceMaster(peewee.Model):
    changesourceid = peewee.IntegerField(primary_key=True)
    masterid = peewee.IntegerField()

    class Meta:
        table_name = "changesource_masters"


class Builder(peewee.Model):
    id = peewee.AutoField()
    name = peewee.TextField()
    name_hash = peewee.CharField(max_length=40)

    class Meta:
        table_name = "builders"


class BuilderMaster(peewee.Model):
    id = peewee.AutoField()
    builderid = peewee.IntegerField()
    masterid = peewee.IntegerField()

    class Meta:
        table_name = "builder_masters"


class Worker(peewee.Model):
    id = peewee.AutoField()
    name = peewee.TextField()

    class Meta:
        table_name = "workers"


class ConfiguredWorker(peewee.Model):
    """A worker that a builder of a master may use; it refers to `BuilderMaster`."""

    id = peewee.AutoField()
    buildermasterid = peewee.IntegerField()
    workerid = peewee.IntegerField()

    class Meta:
        table_name = "configured_workers"


class ConnectedWorker(peewee.Model):
    id = peewee.AutoField()
    masterid = peewee.IntegerField()
    workerid = peewee.IntegerField()

    class Meta:
        table_name = "connected_workers"


class Build(peewee.Model):
    """A build; unfinished while ``complete_at`` is NULL."""

    id = peewee.AutoField()
    number = peewee.IntegerField()
    builderid = peewee.IntegerField()
    masterid = peewee.IntegerField()
    started_at = peewee.IntegerField()
    complete_at = peewee.IntegerField(null=True)
    results = peewee.IntegerField(null=True)

    class Meta:
        table_name = "builds"


class Step(peewee.Model):
    """A step of a build; unfinished while ``results`` is NULL."""

    id = peewee.AutoField()
    buildid = peewee.IntegerField()
    complete_at = peewee.IntegerField(null=True)
    results = peewee.IntegerField(null=True)
    hidden = peewee.IntegerField()

    class Meta:
        table_name = "steps"


class Log(peewee.Model):
    """A log of a step; open while ``complete`` is 0."""

    id = peewee.AutoField()
    stepid = peewee.IntegerField()
    complete = peewee.IntegerField()

    class Meta:
        table_name = "logs"


class BuildRequest(peewee.Model):
    id = peewee.AutoField()
    builderid = peewee.IntegerField()
    complete = peewee.IntegerField()

    class Meta:
        table_name = "buildrequests"


class BuildRequestClaim(peewee.Model):
    """The claim of a master on a build request, which no other master then builds."""

    brid = peewee.IntegerField()
    masterid = peewee.IntegerField()
    claimed_at = peewee.IntegerField()

    class Meta:
        table_name = "buildrequest_claims"
        primary_key = False


def unfinished_request() -> Any:
    """Return a query for the build request of a claim, correlated with it, if it is unfinished.

    A claim on a request that is complete is history.
    """
    return BuildRequest.select(BuildRequest.id).where(
        BuildRequest.id == BuildRequestClaim.brid, BuildRequest.complete == 0
    )


def name_hash(name: str) -> str:
    """Return what the unique indexes over names of masters and builders hold: a SHA-1 of UTF-8."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def master_state(now: int, max_age: int = EXPIRE_SECONDS) -> peewee.Case:
    """Return the SQL expression for the state of a master at `now` (epoch seconds).

    Parameters:
        max_age: for how long a master is not stale after it checked in, in seconds.
    """
    return peewee.Case(
        None,
        [
            (Master.active == 0, INACTIVE),
            (Master.last_active == 0, EXPIRED),
            (Master.last_active < now - max_age, STALE),
        ],
        ACTIVE,
    )
