"""Damages databases as hand-written SQL and restored copies do."""

from tests.support.databases import PostgresDatabase, RealDatabase, SqliteFile
from tests.support.rows import add_belongings, add_master


def add_sound_cluster(database: RealDatabase) -> None:
    """Add two active masters with builds, of IDs 1 and 2, and a stopped one."""
    for name in ("a", "b"):
        add_belongings(database, add_master(database, name, active=1))
    add_master(database, "stopped")
    catch_up(database)


def catch_up(database: RealDatabase) -> None:
    """Advance the sequences past the rows that were added with IDs."""
    if not isinstance(database, PostgresDatabase):
        return
    found = database.execute(
        "SELECT table_name FROM information_schema.columns "
        "WHERE column_name = 'id' AND column_default LIKE ? AND table_schema = 'public'",
        ["nextval(%"],
    )
    for (table,) in found:
        database.execute(f"SELECT setval('{table}_id_seq', max(id)) FROM {table}")


def damage(database: RealDatabase, *statements: str) -> None:
    """Run statements without foreign key checks, as the restore of a dump does."""
    if isinstance(database, SqliteFile):  # Buildbot leaves foreign keys off
        for statement in statements:
            database.execute(statement)
        return
    off, on = "foreign_key_checks = 0", "foreign_key_checks = 1"
    if isinstance(database, PostgresDatabase):
        off, on = (f"session_replication_role = {role}" for role in ("replica", "origin"))
    with database.transaction() as execute:
        for statement in (f"SET {off}", *statements, f"SET {on}"):
            execute(statement)
