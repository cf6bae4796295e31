"""The tables that refer to masters, and the tables that these refer to."""

from mastersctl._peewee import peewee
from mastersctl.schema.master import Key, Number


class Scheduler(peewee.Model):
    id = Key()
    name = peewee.TextField()

    class Meta:
        table_name = "schedulers"


class SchedulerMaster(peewee.Model):
    schedulerid = Number(primary_key=True)
    masterid = Number()

    class Meta:
        table_name = "scheduler_masters"


class ChangeSource(peewee.Model):
    id = Key()
    name = peewee.TextField()

    class Meta:
        table_name = "changesources"


class ChangeSourceMaster(peewee.Model):
    changesourceid = Number(primary_key=True)
    masterid = Number()

    class Meta:
        table_name = "changesource_masters"


class Builder(peewee.Model):
    id = Key()
    name = peewee.TextField()
    name_hash = peewee.CharField(max_length=40)

    class Meta:
        table_name = "builders"


class BuilderMaster(peewee.Model):
    id = Key()
    builderid = Number()
    masterid = Number()

    class Meta:
        table_name = "builder_masters"


class Worker(peewee.Model):
    id = Key()
    name = peewee.TextField()

    class Meta:
        table_name = "workers"


class ConfiguredWorker(peewee.Model):
    """A worker that a builder of a master may use; it refers to `BuilderMaster`."""

    id = Key()
    buildermasterid = Number()
    workerid = Number()

    class Meta:
        table_name = "configured_workers"


class ConnectedWorker(peewee.Model):
    id = Key()
    masterid = Number()
    workerid = Number()

    class Meta:
        table_name = "connected_workers"


class Build(peewee.Model):
    """A build; unfinished while ``complete_at`` is NULL."""

    id = Key()
    number = Number()
    builderid = Number()
    masterid = Number()
    started_at = Number()
    complete_at = Number(null=True)
    results = Number(null=True)

    class Meta:
        table_name = "builds"


class Step(peewee.Model):
    """A step of a build; unfinished while ``results`` is NULL."""

    id = Key()
    buildid = Number()
    complete_at = Number(null=True)
    results = Number(null=True)
    hidden = Number()

    class Meta:
        table_name = "steps"


class Log(peewee.Model):
    """A log of a step; open while ``complete`` is 0."""

    id = Key()
    stepid = Number()
    complete = Number()

    class Meta:
        table_name = "logs"


class BuildRequest(peewee.Model):
    id = Key()
    builderid = Number()
    complete = Number()
    submitted_at = Number()

    class Meta:
        table_name = "buildrequests"


class BuildRequestClaim(peewee.Model):
    """The claim of a master on a build request: no other master builds it."""

    brid = Number()
    masterid = Number()
    claimed_at = Number()

    class Meta:
        table_name = "buildrequest_claims"
        primary_key = False
