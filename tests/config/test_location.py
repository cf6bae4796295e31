"""The six places that say where the database is."""

from pathlib import Path

import pytest

from mastersctl.config.location import locate
from mastersctl.errors import InvalidValueError, MastersctlError


def make_basedir(directory: Path, url: str) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "buildbot.tac").write_text("configfile = 'master.cfg'")
    (directory / "master.cfg").write_text(f"BuildmasterConfig = {{'db_url': {url!r}}}")
    return directory


def test_the_first_of_six_places_wins(tmp_path: Path) -> None:
    option = str(make_basedir(tmp_path / "option", "postgresql://h/option"))
    variable = str(make_basedir(tmp_path / "variable", "postgresql://h/variable"))
    make_basedir(tmp_path, "postgresql://h/here")
    environ = {"MASTERSCTL_DB_URL": "postgresql://h/url", "MASTERSCTL_BASEDIR": variable}

    def database(db_url: str | None, basedir: str | None) -> str:
        return locate(db_url, basedir, environ).url.database

    assert database("postgresql://h/first", option) == "first"
    assert database(None, option) == "option"
    assert database(None, None) == "url"
    environ["MASTERSCTL_DB_URL"] = ""  # as good as not set
    assert database(None, None) == "variable"
    del environ["MASTERSCTL_BASEDIR"]
    assert database(None, None) == "here"
    environ["MASTERSCTL_BASEDIR"] = ""
    assert database(None, None) == "here"
    (tmp_path / "buildbot.tac").unlink()
    assert database(None, None) == str(tmp_path / "state.sqlite")


@pytest.mark.parametrize(
    ("db_url", "basedir", "environ", "path"),
    [
        ("sqlite:///x", None, {}, "x"),
        ("sqlite:///x", "bb", {}, "bb/x"),
        ("sqlite:///x", None, {"MASTERSCTL_BASEDIR": "bb"}, "bb/x"),
        (None, None, {"MASTERSCTL_DB_URL": "sqlite:///x", "MASTERSCTL_BASEDIR": "bb"}, "bb/x"),
        (None, "bb", {}, "bb/state"),
        (None, None, {"MASTERSCTL_BASEDIR": "bb"}, "bb/state"),
        ("sqlite:///%(basedir)s/x", "bb", {}, "bb/x"),
        ("sqlite:///%(basedir)s/x", None, {}, "x"),
    ],
)
def test_a_relative_path_starts_at_the_basedir_if_any(
    tmp_path: Path, db_url: str | None, basedir: str | None, environ: dict[str, str], path: str
) -> None:
    make_basedir(tmp_path / "bb", "sqlite:///state")
    assert locate(db_url, basedir, environ).url.database == str(tmp_path / path)


def test_an_error_says_where_the_url_comes_from() -> None:
    with pytest.raises(InvalidValueError, match=r"\$MASTERSCTL_DB_URL"):
        locate(None, None, {"MASTERSCTL_DB_URL": "nonsense"})


@pytest.mark.parametrize("basedir", ["missing", "."])
def test_a_directory_that_is_no_buildmasters_is_an_error(basedir: str) -> None:
    with pytest.raises(MastersctlError, match=r"buildbot\.tac does not exist"):
        locate(None, basedir, {})


@pytest.mark.parametrize("place", ["option", "variable", "here"])
def test_the_source_is_the_file_and_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    directory = make_basedir(tmp_path / "bb", "")
    config = directory / "master.cfg"
    config.write_text("c = BuildmasterConfig = {}\n\nc['db'] = {'db_url':\n 'postgresql://h/d'}\n")
    if place == "here":
        monkeypatch.chdir(directory)
    environ = {"MASTERSCTL_BASEDIR": "bb"} if place == "variable" else {}
    location = locate(None, "bb" if place == "option" else None, environ)
    assert location.source == f"{config}:4"


def test_the_source_of_the_default_says_what_it_is_the_default_of(tmp_path: Path) -> None:
    assert locate(None, None, {}).source == "Buildbot's default, in the current directory"
    config = make_basedir(tmp_path, "") / "master.cfg"
    config.write_text("BuildmasterConfig = {}")
    assert locate(None, None, {}).source == f"Buildbot's default, as {config} names no other"
    assert locate("postgresql://h/d", None, {}).source == "--db-url"


def test_a_configuration_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = make_basedir(tmp_path / "bb", "postgresql://h/named-in-tac")
    other = directory / "other.cfg"
    other.write_text("BuildmasterConfig = {'db_url': 'postgresql://h/other'}")
    for config in ("other.cfg", str(other)):
        assert locate(None, "bb", {}, config).url.database == "other"
    assert locate(None, None, {"MASTERSCTL_BASEDIR": "bb"}, "other.cfg").url.database == "other"
    assert locate("postgresql://h/url", None, {}, "other.cfg").url.database == "url"
    monkeypatch.chdir(directory)
    location = locate(None, None, {}, "other.cfg")
    assert (location.url.database, location.source) == ("other", f"{other}:1")


@pytest.mark.parametrize("environ", [{}, {"MASTERSCTL_DB_URL": "sqlite:///state.sqlite"}])
def test_a_configuration_of_no_directory_is_an_error(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidValueError, match=r"--config 'x\.cfg' needs a buildmaster's"):
        locate(None, None, environ, "x.cfg")


def test_an_empty_option_is_an_error() -> None:
    with pytest.raises(InvalidValueError, match="--config is empty; name a file"):
        locate(None, ".", {}, "")
    with pytest.raises(InvalidValueError, match="--config-python is empty; name a Python"):
        locate(None, ".", {}, None, "")
