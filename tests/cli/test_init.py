"""``mastersctl init``"""

import pytest
import sqlalchemy

from tests.support.commands import mastersctl
from tests.support.databases import MADE_BY_BUILDBOT, RealDatabase, SqliteFile
from tests.support.rows import add_cluster, add_master, contents, masters


def test_it_creates_the_table_and_a_second_run_changes_nothing(
    empty_database: RealDatabase,
) -> None:
    assert empty_database.run("init") == (0, "created\n", "")
    add_master(empty_database, "m")
    assert empty_database.run("init") == (0, "unchanged\n", "")
    assert empty_database.run("init", "-o", "json").json == {"created": False}
    assert len(masters(empty_database)) == 1


def test_json_says_that_it_was_created(empty_database: RealDatabase) -> None:
    result = empty_database.run("init", "-o", "json")
    assert result.json == {"created": True}


def test_it_creates_the_file() -> None:
    assert mastersctl("init").out == "created\n"
    assert mastersctl("list", "-o", "json").json == []


def test_a_database_that_buildbot_made_stays_as_it_is(buildbot_database: RealDatabase) -> None:
    add_cluster(buildbot_database)
    before = contents(buildbot_database), structure(buildbot_database.url)
    assert buildbot_database.run("init") == (0, "unchanged\n", "")
    assert (contents(buildbot_database), structure(buildbot_database.url)) == before


def test_the_table_is_the_one_that_buildbot_creates(
    database: RealDatabase, request: pytest.FixtureRequest
) -> None:
    if isinstance(database, SqliteFile):
        buildbots = f"sqlite:///{request.getfixturevalue('template_sqlite')}"
    else:
        buildbots = database.server.url(MADE_BY_BUILDBOT)
    assert structure(database.url) == structure(buildbots)


def structure(url: str) -> object:
    """Return the table of masters as SQLAlchemy, which Buildbot uses, sees it."""
    url = url.replace("postgresql:", "postgresql+psycopg:").partition("?")[0]
    engine = sqlalchemy.create_engine(url)
    inspector = sqlalchemy.inspect(engine)
    described = (
        [{**column, "type": str(column["type"])} for column in inspector.get_columns("masters")],
        inspector.get_indexes("masters"),
        inspector.get_pk_constraint("masters"),
    )
    engine.dispose()
    return described


def test_a_table_of_masters_that_is_not_buildbots_is_an_error(empty_database: RealDatabase) -> None:
    empty_database.execute("CREATE TABLE masters (id INTEGER, grade TEXT)")
    result = empty_database.run("init")
    assert (result.code, result.out) == (5, "")
    assert "not a Buildbot database" in result.err
