"""What is built and published: the sdist and the wheel, checked, installed and used."""

import email.message
import email.parser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

import mastersctl as package
from mastersctl.cli.group import cli
from tests.support.programs import require
from tests.support.sources import ROOT, copy_sources, is_clone, python_m, run

VERSION = package.__version__
PAGES = sorted((ROOT / "man").glob("*.[1-9]"))
CHANGES = (ROOT / "CHANGELOG.rst").read_text()

pytestmark = pytest.mark.xdist_group("packaging")  # of which one process builds, for all tests


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, without what was built there before."""
    return copy_sources(tmp_path_factory.mktemp("sources") / "tree")


@pytest.fixture(scope="session")
def built(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an sdist, and of the wheel that was built from it."""
    directory = tmp_path_factory.mktemp("built")
    python_m("build", "--outdir", directory, tree)
    return directory


@pytest.fixture(scope="session")
def sdist(built: Path) -> Path:
    return built / f"mastersctl-{VERSION}.tar.gz"


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    return built / f"mastersctl-{VERSION}-py3-none-any.whl"


@pytest.fixture(scope="session")
def wheelhouse(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all the wheels that an installation needs."""
    directory = tmp_path_factory.mktemp("wheelhouse")
    python_m("pip", "wheel", "--quiet", "--wheel-dir", directory, wheel)
    return directory


@pytest.fixture(scope="session")
def offline() -> list[str]:
    """What comes before a command that is to see no network, where this machine can do that."""
    for unshare in (["unshare", "--net"], ["unshare", "--net", "--map-root-user"]):
        if shutil.which("unshare") and not subprocess.call(
            [*unshare, "true"], stderr=subprocess.DEVNULL
        ):
            return unshare
    return []


@pytest.fixture(scope="session")
def installed(
    wheelhouse: Path, offline: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A new virtual environment into which the wheel was installed without a network."""
    environment = tmp_path_factory.mktemp("installed")
    venv.create(environment)
    pip = (sys.executable, "-m", "pip", "--python", environment)
    from_wheels = ("--no-index", "--find-links", wheelhouse)
    run(*offline, *pip, "install", *from_wheels, "mastersctl", PIP_CONFIG_FILE=os.devnull)
    return environment


def contents(wheel: Path) -> dict[str, bytes]:
    """Return the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def paths(files: Iterable[Path], below: Path) -> set[str]:
    return {str(file.relative_to(below)) for file in files if file.is_file()}


def metadata(wheel: Path) -> email.message.Message:
    (text,) = (data for name, data in contents(wheel).items() if name.endswith("/METADATA"))
    return email.parser.BytesParser().parsebytes(text)


def test_twine_has_no_complaint(sdist: Path, wheel: Path) -> None:
    assert python_m("twine", "check", "--strict", sdist, wheel).count("PASSED") == 2


def test_the_sdist_holds_every_file_of_the_repository(sdist: Path) -> None:
    if not is_clone():
        pytest.skip("this is no clone of the repository")
    with tarfile.open(sdist) as archive:
        packed = {
            member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()
        }
    tracked = run("git", "-C", ROOT, "ls-files").splitlines()
    assert {name for name in tracked if (ROOT / name).exists()} <= packed


def test_the_wheel_is_the_same_built_from_the_sdist_or_the_repository(
    tree: Path, wheel: Path, tmp_path: Path
) -> None:
    python_m("build", "--wheel", "--outdir", tmp_path, tree)
    assert contents(tmp_path / wheel.name) == contents(wheel)


def test_the_wheel_holds_the_package_and_what_is_installed_beside_it(wheel: Path) -> None:
    names = set(contents(wheel))
    data = f"mastersctl-{VERSION}.data/data/"
    completions = [*(ROOT / "mastersctl" / "cli" / "completions").iterdir()]
    modules = [*(ROOT / "mastersctl").rglob("*.py"), ROOT / "mastersctl" / "py.typed"]
    inside = {name for name in names if "-" not in name.partition("/")[0]}
    assert inside == paths([*modules, *completions], ROOT)
    assert PAGES
    assert {name for name in names if name.startswith(f"{data}share/man/")} == {
        f"{data}share/man/man{page.suffix[1:]}/{page.name}" for page in PAGES
    }
    beside = {name.rpartition("/")[2] for name in names if name.startswith(data)}
    assert beside == {path.name for path in (*PAGES, *completions)}


def test_the_version_is_that_of_the_package_everywhere(wheel: Path, installed: Path) -> None:
    assert metadata(wheel)["Version"] == VERSION
    command = installed / "bin" / "mastersctl"
    assert run(command, "--version") == f"mastersctl {VERSION}\n"
    for page in PAGES:
        assert f'"mastersctl {VERSION}"' in page.read_text().splitlines()[1], page


def test_the_metadata_name_the_authors_the_licence_and_what_is_needed(wheel: Path) -> None:
    found = metadata(wheel)
    assert found["Author"] == "The mastersctl developers"
    assert "Development Status :: 5 - Production/Stable" in found.get_all("Classifier", [])
    assert found["License-Expression"] == "MIT"
    assert found["License-File"] == "LICENSE"
    needed = [line for line in found.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert {re.split(r"[<>=]", line)[0] for line in needed} == {
        "click", "durationpy", "humanize", "peewee", "rich",
    }  # fmt: skip


def test_it_works_where_it_was_installed_without_a_network(
    installed: Path, offline: list[str], tmp_path: Path
) -> None:
    script = "mastersctl init && mastersctl find build1:/srv/bb 2>/dev/null && mastersctl list"
    search = f"{installed / 'bin'}:{os.environ['PATH']}"
    out = run(*offline, "sh", "-c", script, cwd=tmp_path, PATH=search)
    assert out.startswith("created\n")
    assert "\n1\nID  NAME" in out
    assert re.search(r"^ 1  build1:/srv/bb  inactive  ", out, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_man_finds_the_page_of_the_command_on_the_path(installed: Path, page: Path) -> None:
    require("man")
    search = f"{installed / 'bin'}:{os.environ['PATH']}"
    found = Path(run("man", "-w", page.stem, PATH=search, MANPATH="").strip())
    assert found == installed / "share" / "man" / f"man{page.suffix[1:]}" / page.name


def test_pipx_installs_it(wheel: Path, tmp_path: Path) -> None:
    environment = {
        "PIPX_HOME": str(tmp_path / "home"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
        "PIPX_COMPLETION_DIR": str(tmp_path / "completion"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    run(sys.executable, "-m", "pipx", "install", wheel, cwd=None, **environment)
    assert run(tmp_path / "bin" / "mastersctl", "--version") == f"mastersctl {VERSION}\n"
    assert paths((tmp_path / "man").rglob("*"), tmp_path / "man") == {
        f"man{page.suffix[1:]}/{page.name}" for page in PAGES
    }


def headings(underline: str) -> list[str]:
    return re.findall(rf"^(.+)\n{re.escape(underline)}+$", CHANGES, re.MULTILINE)


def test_the_changelog_is_kept() -> None:
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(headings("~")) <= kinds
    unreleased, *releases = headings("-")
    assert unreleased == "Unreleased"
    for release in releases:
        assert re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", release)
    if releases:
        assert releases[0].startswith(f"{VERSION} - ")


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_the_changelog_names_every_command(command: str) -> None:
    assert re.search(rf"``{command}\b", CHANGES)
