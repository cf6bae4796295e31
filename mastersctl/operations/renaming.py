"""Renaming: a master gets another name and keeps its ID. Buildbot never renames a master."""

from __future__ import annotations

from typing import NamedTuple

from mastersctl._peewee import peewee
from mastersctl.errors import RefusedError, misnamed
from mastersctl.operations.lookup import Lookup, key
from mastersctl.schema.master import Master, MasterRow, name_hash
from mastersctl.states import ACTIVE


class Renaming(NamedTuple):
    """The result of `rename_master`.

    Attributes:
        name: the name before.
        changed: whether the name changed, or would change.
        previous: the state, one of `mastersctl.states.STATES`.
    """

    id: int
    name: str
    changed: bool
    previous: str


def rename_master(
    lookup: Lookup, master: int | str, name: str, *, force: bool = False, dry_run: bool = False
) -> Renaming:
    """Give the master another name; it keeps its ID, so all references to it stay valid.

    Parameters:
        force: rename the master even if it is `active`.
        dry_run: change nothing.

    Raises:
        NoSuchMasterError: there is no such master.
        RefusedError: it is `active`, and `force` is false; or another master has the name.
        ClockError: this host's clock and the database server's differ, and `force` is false.
    """

    def change() -> Renaming:
        found = lookup.several([master, name], lock=not dry_run, check=not force)
        row = lookup.pick(found, master)
        _check_owner(found.get(key(name), row), row, name)
        if row.name == name and key(name) in found:
            return Renaming(row.id, row.name, changed=False, previous=row.state)
        called = lookup.called(name)
        if called not in (None, row.id):
            raise RefusedError(misnamed(name, called))
        if row.state == ACTIVE and not force:
            raise RefusedError(
                f"The master {row.name!r} is active, and would register itself under that name "
                "again when it restarts; stop it first, or pass --force if it died."
            )
        if not dry_run:
            values = {"name": name, "name_hash": name_hash(name)}
            Master.update(values).where(Master.id == row.id).execute(lookup.database)
        return Renaming(row.id, row.name, changed=True, previous=row.state)

    try:
        return lookup.transact(change, dry_run=dry_run)
    except peewee.IntegrityError:
        found = lookup.several([master, name], check=False)
        if key(name) in found:  # another process has added such a master
            _check_owner(found[key(name)], lookup.pick(found, master), name)
        raise


def _check_owner(owner: MasterRow, row: MasterRow, name: str) -> None:
    if owner.id != row.id:
        raise RefusedError(
            f"The name {name!r} is that of master {owner.id}; 'mastersctl remove {row.id} "
            f"--reassign-to {owner.id}' gives the builds of master {row.id} to it, and removes "
            f"master {row.id}."
        )
