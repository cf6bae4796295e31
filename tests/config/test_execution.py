"""Configurations that the real Buildbot executes, where reading does not tell."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mastersctl.cli.context import Settings
from mastersctl.cli.messages import sanitized
from mastersctl.config.execution import Executed, execute_configuration
from mastersctl.errors import BasedirError
from tests.support.buildbots import make_basedir
from tests.support.commands import Result, at_most, mastersctl, process, wait_for
from tests.support.databases import SqliteFile
from tests.support.rows import add_master

URL = "postgresql://bb:s3cret@db/bb"
ENVIRON = {"PATH": os.environ["PATH"]}
PATIENCE = 60.0  # seconds; Buildbot takes two to start, and more on a machine that is busy
NOBODY = 65534
BEGINNING = """import os, sys, time
c = BuildmasterConfig = {}
"""
"""Of configurations that Buildbot refuses; they go on in line 3."""
WHOLE = f"""{BEGINNING}
from buildbot.plugins import secrets, util
c['multiMaster'] = True  # may have no workers
"""

in_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


@pytest.fixture
def basedir(public_directory: Path) -> Path:
    directory = public_directory / "bb"
    directory.mkdir()
    (directory / "buildbot.tac").write_text("configfile = 'master.cfg'\n")
    return directory


def execute(
    basedir: Path,
    config: str,
    *,
    python: str = sys.executable,
    timeout: float = PATIENCE,
    **environ: str,
) -> Executed:
    """Execute a configuration, which leaves the directory as it was."""
    (basedir / "master.cfg").write_text(config)
    before = {path: path.stat().st_mtime_ns for path in basedir.rglob("*")}
    try:
        return execute_configuration(python, str(basedir), "master.cfg", ENVIRON | environ, timeout)
    finally:
        assert {path: path.stat().st_mtime_ns for path in basedir.rglob("*")} == before


def refused(basedir: Path, config: str, **keywords: object) -> str:
    """Return why a configuration tells nothing: what a user sees."""
    with pytest.raises(BasedirError) as caught:
        execute(basedir, config, **keywords)  # type: ignore[arg-type]
    message = sanitized(str(caught.value))
    assert message.count("\n") == 0
    assert message.endswith(".")
    assert "s3cret" not in message
    return message


WRITES_ANYWHERE = """
import os
for fd in range(3, 99):
    try:
        os.write(fd, b'junk')
    except OSError:
        pass
"""
UNDERSTOOD = {
    "an object's attribute": f"class S:\n url = {URL!r}\ns = S()\nc['db'] = {{'db_url': s.url}}",
    "YAML": "import yaml\nc['db_url'] = yaml.safe_load(open('db.yaml'))['url']",
    "a module beside it": "import ours\nc['db_url'] = ours.url()",
    "a string of another class": f"class S(str):\n pass\nc['db_url'] = S({URL!r})",
    "a dictionary of another class": f"class D(dict):\n pass\n"
    f"BuildmasterConfig = c = D(c)\nc['db_url'] = {URL!r}",
    "the environment": "c['db_url'] = os.environ['DB']",
    "by basedir and __file__": f"assert __file__ == os.path.join(basedir, 'master.cfg')\n"
    f"assert os.getcwd() == basedir\nassert os.getsid(0) == os.getpid()\nc['db_url'] = {URL!r}",
    "a configurator": "from buildbot.configurators import ConfiguratorBase\n"
    "class C(ConfiguratorBase):\n"
    " def configure(self, config_dict):\n"
    f"  config_dict['db_url'] = {URL!r}\n"
    "c['configurators'] = [C()]",
    "a renderable": f"c['db_url'] = util.Interpolate({URL.replace('s3cret', '%(kw:p)s')!r}, "
    "p='s3cret')",
    "a secret in a file": "c['secretsProviders'] = [secrets.SecretInAFile(os.environ['SECRETS'])]\n"
    f"c['db'] = {{'db_url': util.Interpolate({URL.replace('s3cret', '%(secret:pw)s')!r})}}",
    "a secret of a provider of its own": "from buildbot.secrets.providers.base import "
    "SecretProviderBase\n"
    "from twisted.internet import defer, reactor\n"
    "class P(SecretProviderBase):\n"
    " name = 'P'\n"
    " def get(self, entry):\n"
    "  d = defer.Deferred()\n"
    "  reactor.callLater(0.1, d.callback, 's3cret')\n"
    "  return d\n"
    "c['secretsProviders'] = [P()]\n"
    f"c['db_url'] = util.Interpolate({URL.replace('s3cret', '%(secret:pw)s')!r})",
    "what prints, and reads": "print('x' * 10**6)\nprint('y', file=sys.stderr)\n"
    f"os.system('echo z; echo z >&2')\nassert sys.stdin.read() == ''\nc['db_url'] = {URL!r}",
    "what starts others, which write anywhere": f"import subprocess\nwrite = {WRITES_ANYWHERE!r}\n"
    "subprocess.run([sys.executable, '-c', write], close_fds=False, check=True)\n"
    f"c['db_url'] = {URL!r}",
    "what forks": f"child = os.fork()\nif child == 0:\n c['db_url'] = 'sqlite:///wrong'\n"
    f"else:\n os.waitpid(child, 0)\n c['db_url'] = {URL!r}",
    "a child that keeps the pipes": f"if os.fork() == 0:\n time.sleep(99)\nc['db_url'] = {URL!r}",
    "a daemon": "if os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n  time.sleep(20)\n"
    f" os._exit(0)\nos.wait()\nc['db_url'] = {URL!r}",
    "a thread that never ends": "import threading\n"
    f"threading.Thread(target=time.sleep, args=(99,)).start()\nc['db_url'] = {URL!r}",
}


@pytest.mark.parametrize("form", UNDERSTOOD)
def test_what_buildbot_understands_is_known(basedir: Path, tmp_path: Path, form: str) -> None:
    (basedir / "db.yaml").write_text(f"url: {URL}\n")
    (basedir / "ours.py").write_text(f"def url():\n    return {URL!r}\n")
    secret = tmp_path / "pw"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    with at_most(40):
        found = execute(basedir, WHOLE + UNDERSTOOD[form], DB=URL, SECRETS=str(tmp_path))
    assert found == Executed(URL, None)


def test_a_configuration_without_a_database_has_buildbots_default(basedir: Path) -> None:
    assert execute(basedir, WHOLE) == Executed("sqlite:///state.sqlite", None)


def test_engine_kwargs_come_as_they_are_or_say_that_they_do_not(basedir: Path) -> None:
    config = """
import collections, sqlalchemy.pool
loop = {}
loop['loop'] = loop
c['db'] = {'db_url': 'postgresql://db/bb', 'engine_kwargs': {
    'connect_args': {
        'user': util.Interpolate('%(kw:u)s', u='bb'), 'port': 5433, 'ssl': None, 'x': 0.5,
        'l': ['a', True], 'd': collections.OrderedDict(a=1), 't': (1, 2),
    },
    'poolclass': sqlalchemy.pool.NullPool, 'creator': lambda: 1, 'keys': {1: 2},
}}
"""
    found = execute(basedir, WHOLE + config).engine_kwargs
    assert found == {
        "connect_args": {
            "user": "bb", "port": 5433, "ssl": None, "x": 0.5, "l": ["a", True], "d": {"a": 1},
            "t": {"__computed__": "tuple"},
        },
        "poolclass": {"__computed__": "type"},
        "creator": {"__computed__": "function"},
        "keys": {"__computed__": "dict"},
    }  # fmt: skip


REFUSED = {
    "raises": ("{}['db']", "master.cfg:3: The configuration fails (KeyError: 'db') when it is"),
    "raises far away": ("import ours\nours.url()", ".cfg:4: The configuration fails (ZeroDivision"),
    "raises in lines": ("raise ValueError('a\\nb')", " (ValueError: a b) "),
    "exits": ("sys.exit('no DB')", "master.cfg:3: The configuration ends the process "
              "(SystemExit: no DB) when it is executed"),
    "exits at once": ("print('no DB', flush=True)\nos._exit(3)", "the process ended with exit code "
                      "3 before it reported the database (its last output: no DB)"),
    "is killed": ("os.kill(os.getpid(), 9)", "the process ended with signal 9 before it reported"),
    "is no Python": ("print 'x'", "master.cfg:3: Buildbot refuses the configuration (SyntaxError:"),
    "has no configuration": ("del BuildmasterConfig", "does not define 'BuildmasterConfig')"),
    "is no dictionary": ("BuildmasterConfig = []", " fails (AttributeError: 'list' object has no "),
    "has an unknown key": ("c['wrong'] = 1", "(Unknown BuildmasterConfig key wrong and 2 more)"),
    "has a secret that nobody knows": (
        "c['db_url'] = util.Interpolate('%(secret:pw)s')",
        "Buildbot cannot render the database URL (KeyError: 'secret key pw is not found",
    ),
    "has a number for a URL": (
        "c['db_url'] = 7", "The database URL is not a string when it is executed (int); correct it"
    ),
    "says a password": (
        "print('s3cret')\nsys.exit('It is s3cret!')", "the process (SystemExit: It is ***!) when"
    ),
    "says a URL": ("raise ValueError(os.environ['DB'])", "ValueError: postgresql://bb:***@db/bb)"),
    "says a part of a URL": (
        f"url = {URL!r}\nint(url[16:22])", "invalid literal for int() with base 10: '***')"
    ),
    "would write to a terminal": ("sys.exit('\\x1b]0;x\\x07')", r"SystemExit: \x1b]0;x\x07)"),
}  # fmt: skip


@pytest.mark.parametrize("form", REFUSED)
def test_what_tells_nothing_is_an_error_that_leads_on(basedir: Path, form: str) -> None:
    (basedir / "ours.py").write_text("def url():\n    return 1 / 0\n")
    code, expected = REFUSED[form]
    beginning = WHOLE if "c['db_url']" in code else BEGINNING
    message = refused(basedir, beginning + code, DB_PASSWORD="s3cret", DB=URL)
    assert expected in message
    assert "correct it, set MASTERSCTL_DB_URL, or pass --db-url." in message


def test_the_last_line_of_an_endless_one_is_reported_when_it_is_stopped(basedir: Path) -> None:
    config = "print('Waiting for s3cret...', flush=True)\ntime.sleep(99)"
    message = refused(basedir, BEGINNING + config, timeout=4, DB_PASSWORD="s3cret")
    assert "for 4 s without an end, and stopped (its last output: Waiting for ***...)" in message
    assert "allow more time with --timeout" in message


ENDLESS = {
    "prints": "while True:\n print('x' * 1000)",
    "sleeps in two processes": "os.fork()\ntime.sleep(99)",
    "waits for one that keeps the pipes": "if os.fork():\n os.wait()\ntime.sleep(99)",
    "is rendered for ever": "from buildbot.interfaces import IRenderable\n"
    "from twisted.internet.defer import Deferred\n"
    "from zope.interface import implementer\n"
    "@implementer(IRenderable)\n"
    "class Never:\n"
    " def getRenderingFor(self, props):\n"
    "  return Deferred()\n"
    "c['db_url'] = Never()",
}


@pytest.mark.parametrize("form", ENDLESS)
def test_what_never_ends_is_stopped_with_its_children(basedir: Path, form: str) -> None:
    beginning = WHOLE if "Never" in ENDLESS[form] else BEGINNING
    with at_most(20):
        assert "without an end" in refused(basedir, beginning + ENDLESS[form], timeout=4)
    wait_for(lambda: str(basedir) not in _running(), 10)


def _running() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_a_file_that_is_not_a_python_is_reported(basedir: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    missing = refused(basedir, WHOLE, python=str(tmp_path / "none"))
    assert f"The Python '{tmp_path}/none' does not exist; name the one" in missing
    assert "does not exist" in refused(basedir, WHOLE, python="python-of-nobody")
    assert "is a directory" in refused(basedir, WHOLE, python=str(tmp_path))
    assert "is not executable" in refused(basedir, WHOLE, python=str(tmp_path / "file"))
    (tmp_path / "file").chmod(0o755)
    (tmp_path / "file").write_bytes(b"\x7fELF")
    assert "cannot be started in" in refused(basedir, WHOLE, python=str(tmp_path / "file"))
    assert "exit code 1 before" in refused(basedir, WHOLE, python="false")
    assert "before it reported the database" in refused(basedir, WHOLE, python="echo")


def test_a_python_without_buildbot_is_reported(basedir: Path, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True
    )
    message = refused(basedir, WHOLE, python=str(python))
    assert f"{python} cannot import Buildbot (ModuleNotFoundError: No module named " in message
    assert "name the one that Buildbot is installed for" in message


def test_a_relative_python_is_that_of_the_caller(
    basedir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    message = refused(basedir, WHOLE, python="./python")  # has no packages, where the link is
    assert str(tmp_path / "python") in message
    monkeypatch.chdir(Path(sys.executable).parent)
    assert execute(basedir, WHOLE, python="./python3").db_url == "sqlite:///state.sqlite"


def test_a_file_that_the_configuration_opens_is_not_taken_for_the_pipe(
    basedir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    opened = f"[os.open({str(file)!r}, os.O_RDWR | os.O_CREAT) for _ in range(50)]"
    message = refused(basedir, f"{WHOLE}os.closerange(3, 99)\n{opened}\nc['db_url'] = {URL!r}")
    assert "before it reported the database" in message
    assert file.read_bytes() == b""


def test_a_pipe_without_a_writer_does_not_block(basedir: Path, tmp_path: Path) -> None:
    os.mkfifo(basedir / "pipe.cfg")
    python = executable(tmp_path / "python", "echo Reading...; exec sleep 99")
    with (
        at_most(20),
        pytest.raises(BasedirError, match=r"stopped \(its last output: Reading\.\.\.\)"),
    ):
        execute_configuration(str(python), str(basedir), "pipe.cfg", ENVIRON, 2)


def executable(path: Path, script: str) -> Path:
    """Make a program that does not take as long to start as Buildbot does."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@in_root
@pytest.mark.parametrize("theirs", ["bb", "bb/master.cfg"])
def test_root_executes_nothing_of_another_user(basedir: Path, theirs: str) -> None:
    (basedir / "master.cfg").write_text("open('executed', 'w')")
    os.chown(basedir.parent / theirs, NOBODY, NOBODY)
    with pytest.raises(BasedirError, match=r"belongs to the user 'nobody'.* as that user"):
        execute_configuration(sys.executable, str(basedir), "master.cfg", ENVIRON, PATIENCE)
    assert not (basedir / "executed").exists()


@in_root
@pytest.mark.parametrize("everybodys", ["bb", "bb/master.cfg"])
def test_root_executes_nothing_that_everybody_may_write(basedir: Path, everybodys: str) -> None:
    (basedir / "master.cfg").write_text("open('executed', 'w')")
    (basedir.parent / everybodys).chmod(0o777)
    with pytest.raises(BasedirError, match="may be written by every user"):
        execute_configuration(sys.executable, str(basedir), "master.cfg", ENVIRON, PATIENCE)
    assert not (basedir / "executed").exists()


def test_the_path_of_imports_is_that_of_a_master_that_starts(basedir: Path) -> None:
    (basedir / "colorsys.py").write_text(f"URL = {URL!r}\n")  # a name of the standard library
    assert execute(basedir, f"{WHOLE}import colorsys\nc['db_url'] = colorsys.URL").db_url == URL


class Master:
    """A buildmaster's directory with a database, which only executing its configuration finds."""

    def __init__(self, directory: Path) -> None:
        self.basedir = make_basedir(directory)
        self.log = directory.parent / "executed"
        add_master(SqliteFile(self.basedir / "state.sqlite"), "m")
        with (self.basedir / "master.cfg").open("a") as config:
            config.write(
                f"print('s3cret', file=open({str(self.log)!r}, 'a'))\n"
                "class S:\n url = 'sqlite:///state.sqlite'\n"
                "c['db'] = {'db_url': S().url}\n"
            )

    def run(self, *arguments: object, here: bool = True) -> Result:
        where = ["--basedir", self.basedir] if here else []
        return mastersctl(*where, *arguments)

    @property
    def executions(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


@pytest.fixture
def master(public_directory: Path) -> Master:
    return Master(public_directory / "bb")


def test_the_option_is_accepted_before_and_after_the_command(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = ["--config-python", sys.executable, "--timeout", "60"]
    found = Result(0, "1\n", "")
    assert master.run(*option, "find", "m") == found
    assert mastersctl("find", "m", "--basedir", master.basedir, *option) == found
    monkeypatch.setenv("MASTERSCTL_CONFIG_PYTHON", sys.executable)
    monkeypatch.setenv("MASTERSCTL_BASEDIR", str(master.basedir))
    assert mastersctl("find", "m", "--timeout", "60") == found
    assert master.executions == 3
    verbose = mastersctl("find", "m", "-v", "--timeout", "60").err.splitlines()[0]
    assert verbose.endswith(f"(from {master.basedir}/master.cfg, which was executed)")


def test_the_option_wins_over_the_variable(master: Master, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTERSCTL_CONFIG_PYTHON", "/nowhere/python")
    assert "The Python '/nowhere/python' does not exist" in master.run("find", "m").err
    option = ["--config-python", sys.executable, "--timeout", "60"]
    assert master.run("find", "m", *option).out == "1\n"
    assert master.run(*option, "find", "m").out == "1\n"


def test_nothing_is_executed_unless_asked_for(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = master.run("list")
    assert (result.code, result.out) == (1, "")
    monkeypatch.setenv("MASTERSCTL_CONFIG_PYTHON", "")  # as good as not set
    assert master.run("list") == result
    assert master.executions == 0


def test_nothing_is_executed_where_reading_tells(master: Master) -> None:
    with (master.basedir / "master.cfg").open("a") as config:
        config.write("BuildmasterConfig = {'db_url': 'sqlite:///state.sqlite'}\n")
    assert master.run("find", "m", "--config-python", sys.executable).out == "1\n"
    url = f"sqlite:///{master.basedir}/state.sqlite"
    assert master.run("--config-python", sys.executable, "--db-url", url, "find", "m").code == 0
    assert master.executions == 0


def test_a_command_that_executes_nothing_does_not_import_what_would(master: Master) -> None:
    config = master.basedir / "master.cfg"
    config.write_text("BuildmasterConfig = {'db_url': 'sqlite:///state.sqlite'}\n")
    call = ["--basedir", str(master.basedir), "--config-python", sys.executable, "find", "m"]
    program = f"import sys; from mastersctl.cli import run; run({call!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    id_, *modules = done.stdout.decode().split()
    assert id_ == "1"
    assert "mastersctl.config.location" in modules
    assert "mastersctl.config.execution" not in modules


def test_whoever_presses_a_key_executes_nothing(
    master: Master, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = executable(tmp_path / "python", f"echo executed > {master.log}")
    assert master.run("--config-python", python, "list").code == 1
    assert master.executions == 1
    master.log.unlink()
    monkeypatch.setenv("MASTERSCTL_CONFIG_PYTHON", str(python))
    line = f"mastersctl --basedir {master.basedir} --config-python {python} show "
    asking = {"COMP_LINE": line, "_MASTERSCTL_COMPLETE": "zsh_complete"}
    assert process(environment=asking) == Result(0, "plain\n", "")
    assert master.executions == 0


def test_a_command_executes_a_configuration_once(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings()
    settings.basedir, settings.config_python = str(master.basedir), sys.executable
    settings.timeout = PATIENCE
    for _ in range(2):
        with settings.connect("read") as connector:
            assert sum(1 for _ in connector.get_masters()) == 1
    assert master.executions == 1


def test_a_configuration_that_calls_mastersctl_is_not_executed_in_it_again(
    master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASTERSCTL_CONFIG_PYTHON", sys.executable)
    config = master.basedir / "master.cfg"
    call = [sys.executable, "-m", "mastersctl", "--basedir", str(master.basedir), "list"]
    config.write_text(f"{config.read_text()}import subprocess\nsubprocess.run({call!r})\n")
    assert master.run("find", "m", "--timeout", "60").out == "1\n"
    assert master.executions == 1


def test_no_output_shows_the_password(basedir: Path) -> None:
    url = "postgresql://bb:s3cret@127.0.0.1:1/bb"
    config = f"print({url!r}, 's3cret')\nclass S:\n url = {url!r}\nc['db_url'] = S().url\n"
    (basedir / "master.cfg").write_text(WHOLE + config)
    where = ["--basedir", basedir, "--config-python", sys.executable]
    result = mastersctl(*where, "--timeout", "60", "-v", "list")
    assert result.code == 4
    assert "postgresql://bb:***@127.0.0.1:1/bb" in result.err
    assert "s3cret" not in result.out + result.err
    (basedir / "master.cfg").write_text(f"{WHOLE}{config}sys.exit({url!r})")
    result = mastersctl(*where, "--timeout", "60", "-v", "list")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert "(SystemExit: postgresql://bb:***@127.0.0.1:1/bb)" in result.err
    assert "s3cret" not in result.out + result.err


def test_what_nobody_is_left_to_stop_stops_itself(basedir: Path) -> None:
    arguments = ["--basedir", str(basedir), "--config-python", sys.executable, "--timeout", "4"]
    (basedir / "master.cfg").write_text(
        "import os, time\nos.kill(os.getppid(), 9)\nos.fork()\ntime.sleep(99)"
    )
    assert process(*arguments, "list").code == -signal.SIGKILL
    wait_for(lambda: str(basedir) not in _running(), 30)
