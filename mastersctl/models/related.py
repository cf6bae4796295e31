"""The tables that refer to masters, and those that these refer to."""

from typing import Any

from mastersctl._peewee import peewee


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
