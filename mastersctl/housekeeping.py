"""Housekeeping: the removal of what masters leave behind."""

from typing import TYPE_CHECKING

from mastersctl.belongings import of_master
from mastersctl.models import (
    BuilderMaster,
    ChangeSourceMaster,
    ConfiguredWorker,
    ConnectedWorker,
    SchedulerMaster,
)

if TYPE_CHECKING:
    from mastersctl.database import Database


def delete_links(database: "Database", masterid: int) -> None:
    """Delete the links of the master, in the transaction of the caller.

    Buildbot's setMasterState deletes those to schedulers, and its housekeeping the others but for
    the connected workers, which it leaves behind.
    """
    models = (ConfiguredWorker, BuilderMaster, SchedulerMaster, ChangeSourceMaster, ConnectedWorker)
    there = database.existing_tables([model._meta.table_name for model in models])
    for model in models:
        if model._meta.table_name in there:
            model.delete().where(of_master(model, masterid)).execute(database)
