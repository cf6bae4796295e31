"""Files that are replaced at once: under attack, killed, and by several processes."""

import hashlib
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mastersctl.errors import MastersctlError
from mastersctl.output.replacing import replace

NOBODY = 65534
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, whom others could mislead")

WRITE = """
import itertools, sys
from mastersctl.output.replacing import replace
for number in itertools.count() if sys.argv[2] == "for ever" else range(int(sys.argv[2])):
    replace(sys.argv[1], f"{number % 10}" * 100_000)
"""


def writer(path: Path, times: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITE, path, times], stderr=subprocess.PIPE)


@pytest.fixture
def theirs(public_directory: Path) -> Path:
    """A directory of another user."""
    directory = public_directory / "theirs"
    directory.mkdir()
    os.chown(directory, NOBODY, NOBODY)
    return directory


@root_only
@pytest.mark.parametrize(("owner", "mode"), [(NOBODY, 0o755), (0, 0o775), (0, 0o777), (0, 0o1777)])
@pytest.mark.parametrize("place", ["link.prom", "links/victim"])
def test_root_follows_no_link_in_a_directory_that_others_may_write(
    theirs: Path, tmp_path: Path, owner: int, mode: int, place: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("old")
    os.chown(theirs, owner, owner)
    theirs.chmod(mode)
    (theirs / "link.prom").symlink_to(victim)
    (theirs / "links").symlink_to(tmp_path)
    with pytest.raises(MastersctlError, match="through a link"):
        replace(str(theirs / place), "new")
    assert victim.read_text() == "old"
    replace(str(theirs / "file.prom"), "new")
    assert (theirs / "file.prom").read_text() == "new"


def test_links_in_a_directory_of_ones_own_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "link").symlink_to(tmp_path / "a/up/a/b/../b/file")
    monkeypatch.chdir(tmp_path)
    replace(".//link", "one")
    assert (tmp_path / "a/b/file").read_text() == "one"
    (tmp_path / "link").rename(tmp_path / "a/round")
    (tmp_path / "loop").symlink_to("loop")
    for path in ("loop", "loop/file", "", "/", "a", "a/..", "a/b/file/x"):
        with pytest.raises(MastersctlError):
            replace(path, "two")


def attack(directory: Path, victim: Path) -> None:
    """Take whatever is new in the directory away, and put a link in its place, for ever."""
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    os.chdir(directory)
    while True:
        for name in os.listdir():
            if name != "x.prom":
                with suppress(OSError):
                    os.rename(name, "taken")
                    os.symlink(victim, name)


def met(taken: Path, times: int, deadline: float) -> Iterator[None]:
    """Yield so often, and until the two have met."""
    while times > 0 or not taken.exists():
        assert time.monotonic() < deadline
        times -= 1
        yield


@root_only
def test_another_user_cannot_make_root_touch_a_file_of_root(theirs: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("old")
    victim.chmod(0o600)
    (theirs / "x.prom").touch()
    os.chown(theirs / "x.prom", NOBODY, NOBODY)
    attacker = os.fork()
    if not attacker:
        try:
            attack(theirs, victim)
        finally:
            os._exit(1)
    try:
        deadline = time.monotonic() + 30
        for _ in met(theirs / "taken", 300, deadline):
            with suppress(MastersctlError):  # they may well keep root from writing there
                replace(str(theirs / "x.prom"), "new")
    finally:
        os.kill(attacker, signal.SIGKILL)
        os.waitpid(attacker, 0)
    assert (theirs / "taken").exists()
    status = victim.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o600)
    assert victim.read_text() == "old"


def test_a_process_that_is_killed_leaves_a_whole_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    for _ in range(15):
        path.unlink(missing_ok=True)
        child = writer(path, "for ever")
        while not path.exists():
            assert child.poll() is None
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.02))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert len(set(path.read_text())) == 1
        assert path.stat().st_size == 100_000
        assert len(list(tmp_path.iterdir())) <= 2
        replace(str(path), "new")
        assert [file.name for file in tmp_path.iterdir()] == ["x.prom"]


def test_what_a_killed_process_left_of_this_file_is_removed(tmp_path: Path) -> None:
    for name in ("x.prom", "y.prom"):
        left = f".mastersctl-{hashlib.sha1(name.encode()).hexdigest()}-0123"
        (tmp_path / left).write_text(f"left of {name}")
    replace(str(tmp_path / "x.prom"), "new")
    assert {file.read_text() for file in tmp_path.iterdir()} == {"new", "left of y.prom"}


@pytest.fixture(params=["nameless", "named"])
def kind_of_file(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both kinds of new files: some file systems have none without a name."""
    kind: str = request.param
    if kind == "named":
        monkeypatch.delattr(os, "O_TMPFILE")
    return kind


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind_of_file: str
) -> None:
    path = tmp_path / "x.prom"
    path.write_text("old")
    synced: list[tuple[int, int, str, int]] = []

    def fsync(file: int) -> None:
        status = os.fstat(file)
        files = len(os.listdir(tmp_path))
        synced.append((status.st_ino, status.st_size, path.read_text(), files))

    monkeypatch.setattr(os, "fsync", fsync)
    replace(str(path), "newer")
    assert synced == [(path.stat().st_ino, 5, "old", 1 if kind_of_file == "nameless" else 2)]


@pytest.mark.usefixtures("kind_of_file")
def test_a_file_is_whole_however_little_is_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:2]))
    replace(str(tmp_path / "x.prom"), "newer")
    assert (tmp_path / "x.prom").read_text() == "newer"


def test_as_many_links_are_followed_as_by_the_system_and_nothing_stays_open(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link40").symlink_to("a/x.prom")
    for number in range(40):
        (tmp_path / f"link{number}").symlink_to(f"link{number + 1}")
    open_files = os.listdir("/proc/self/fd")
    replace(str(tmp_path / "link1"), "new")
    assert (tmp_path / "a/x.prom").read_text() == "new"
    for path in ("link0", "a", "none/x.prom"):
        with pytest.raises(MastersctlError):
            replace(str(tmp_path / path), "new")
    assert os.listdir("/proc/self/fd") == open_files


@pytest.mark.usefixtures("kind_of_file")
def test_a_new_file_can_be_read_by_all_and_is_alone(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        replace(str(tmp_path / "x.prom"), "new")
    finally:
        os.umask(mask)
    (file,) = tmp_path.iterdir()
    assert (file.name, file.read_text()) == ("x.prom", "new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@pytest.mark.usefixtures("kind_of_file")
def test_what_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.prom"
    path.write_text("old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    open_files = len(os.listdir("/proc/self/fd"))
    for function in ("fsync", "replace"):
        with monkeypatch.context() as patch, pytest.raises(MastersctlError, match="Input/output"):
            patch.setattr(os, function, fail)
            replace(str(path), "new")
        assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]
    assert len(os.listdir("/proc/self/fd")) == open_files


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, beside another user")
def test_root_publishes_nothing_that_another_user_puts_beside_it(public_directory: Path) -> None:
    public_directory.chmod(0o1777)  # where no user may remove what is another's
    prefix = f".mastersctl-{hashlib.sha1(b'x.prom').hexdigest()}-"
    attacker = os.fork()
    if not attacker:
        try:
            os.setuid(NOBODY)
            while True:
                for name in ["", *(name for name in os.listdir(public_directory))]:
                    if name.startswith(prefix) or not name:
                        with suppress(OSError):
                            (public_directory / (name or prefix)).write_text("theirs")
        finally:
            os._exit(1)
    try:
        for _ in range(200):
            replace(str(public_directory / "x.prom"), "ours")
            assert (public_directory / "x.prom").read_text() == "ours"
    finally:
        os.kill(attacker, signal.SIGKILL)
        os.waitpid(attacker, 0)


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_what_a_process_has_open_is_not_replaced(path: str) -> None:
    with pytest.raises(MastersctlError, match="redirect the output to it"):
        replace(path, "new")


@pytest.mark.parametrize("end", ["/", "/.", "/.."])
def test_a_path_that_names_a_directory_makes_no_file(tmp_path: Path, end: str) -> None:
    with pytest.raises(MastersctlError, match="not that of a file"):
        replace(f"{tmp_path}/nope{end}", "new")
    assert not (tmp_path / "nope").exists()


def test_several_processes_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    children = [writer(tmp_path / "x.prom", "100") for _ in range(3)]
    for child in children:
        assert child.communicate()[1] == b""
        assert child.returncode == 0
    assert [file.name for file in tmp_path.iterdir()] == ["x.prom"]
    assert len(set((tmp_path / "x.prom").read_text())) == 1


def test_no_file_keeps_a_mode_that_runs_it_as_its_owner(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)  # there is room for no longer name
    path.touch()
    path.chmod(0o4751)
    replace(str(path), "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o751
