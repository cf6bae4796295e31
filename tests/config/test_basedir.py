"""Buildmasters' directories, read and never executed."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastersctl.config.basedir import read_configuration
from mastersctl.errors import BasedirError

URL = "postgresql://bb@db/bb"


@pytest.fixture
def basedir(tmp_path: Path) -> Path:
    (tmp_path / "buildbot.tac").write_text("configfile = 'master.cfg'\n")
    return tmp_path


def read(basedir: Path, config: str, **environ: str) -> str:
    (basedir / "master.cfg").write_text(config)
    return read_configuration(str(basedir), environ).db_url


UNDERSTOOD = {
    "db": f"c['db'] = {{'db_url': '{URL}'}}",
    "db_url": f"c['db_url'] = '{URL}'",
    "dict call": f"c['db'] = dict(db_url='{URL}')",
    "item of db": f"c['db'] = {{}}\nc['db']['db_url'] = '{URL}'",
    "the last one": f"c['db'] = {{'db_url': 'sqlite:///x'}}\nc['db'] = {{'db_url': '{URL}'}}",
    "db before db_url": f"c['db_url'] = 'sqlite:///x'\nc['db'] = {{'db_url': '{URL}'}}",
    "name": f"url = '{URL}'\nc['db_url'] = url",
    "name of a name": f"a = b = '{URL}'\nurl = a\nc['db'] = {{'db_url': url}}",
    "name of a dict": f"db = {{'db_url': '{URL}'}}\nc['db'] = db",
    "annotated": f"url: str = '{URL}'\nc['db_url'] = url",
    "adjacent literals": "c['db_url'] = ('postgresql://bb' '@db/bb')",
    "environ": "import os\nc['db_url'] = os.environ['DB']",
    "environ.get": "import os\nc['db_url'] = os.environ.get('DB')",
    "environ.get, default": f"import os\nc['db_url'] = os.environ.get('NONE', '{URL}')",
    "getenv": "import os\nc['db_url'] = os.getenv('DB', 'sqlite:///x')",
    "getenv, keyword": f"import os\nc['db_url'] = os.getenv('NONE', default='{URL}')",
    "name for a default": f"import os\nurl = '{URL}'\nc['db_url'] = os.getenv('NONE', url)",
    "os as": "import os as o\nc['db_url'] = o.environ['DB']",
    "from os": "from os import environ, path\nc['db_url'] = environ['DB']",
    "from os as": "from os import getenv as g\nc['db_url'] = g('DB')",
    "import os.path": "import os.path\nc['db_url'] = os.environ['DB']",
    "os.path as": "import os.path as p\nimport os\nc['db_url'] = os.environ['DB']",
    "other keys may be computed": f"c['db_url'] = '{URL}'\nc['www'] = f()\nc['a'].append(1)",
    "other branches": f"c['db_url'] = '{URL}'\nif f():\n    c['www'] = 1\n    x = 2",
    "reading it": f"c['db_url'] = '{URL}'\nx = c.get('www')\nif 'db' in c: print(c)",
    "functions of their own": f"url = '{URL}'\ndef f():\n    url = 1\nc['db_url'] = url",
}


@pytest.mark.parametrize("config", UNDERSTOOD.values(), ids=UNDERSTOOD.keys())
def test_a_url_that_stands_there_is_read(basedir: Path, config: str) -> None:
    program = f"from buildbot.plugins import *\nc = BuildmasterConfig = {{}}\n{config}\n"
    assert read(basedir, program, DB=URL) == URL


@pytest.mark.parametrize(
    "program",
    [
        f"BuildmasterConfig = {{'db': {{'db_url': '{URL}'}}, 'workers': f()}}",
        f"BuildmasterConfig = dict(db_url='{URL}', workers=[w() for w in x])",
        f"c = {{}}\nc['db_url'] = '{URL}'\nBuildmasterConfig = c",
    ],
)
def test_the_configuration_may_be_one_literal(basedir: Path, program: str) -> None:
    assert read(basedir, program) == URL


@pytest.mark.parametrize("config", ["", "c['db'] = {}", "c['db'] = {'engine_kwargs': {}}"])
def test_a_configuration_without_a_url_has_buildbots_default(basedir: Path, config: str) -> None:
    assert read(basedir, f"c = BuildmasterConfig = {{}}\n{config}") == "sqlite:///state.sqlite"


FOLLOWED = {
    "concatenation": ("c['db_url'] = 'sqlite:///' + 'x'", "sqlite:///x"),
    "percent": ("c['db_url'] = 'sqlite:///%s' % 1", "sqlite:///1"),
    "format": ("c['db_url'] = 'sqlite:///{}'.format(1)", "sqlite:///1"),
    "function": ("def f():\n  c['db_url'] = 'x'\nf()", "x"),
    "function, called later": ("def f():\n  c['db_url'] = 'x'\nc['db_url'] = 'y'\nf()", "x"),
    "augmented": ("c['db_url'] = 'sqlite:///x'\nc['db_url'] += 'y'", "sqlite:///xy"),
    "deleted": ("c['db_url'] = 'sqlite:///x'\ndel c['db_url']", "sqlite:///state.sqlite"),
    "global": ("url = 'x'\ndef f():\n  global url\n  url = 'y'\nf()\nc['db_url'] = url", "y"),
    "global, not called": ("url = 'x'\ndef f():\n  global url\n  url = 1\nc['db_url'] = url", "x"),
    "shadowed dict": ("def dict(**k): return {}\nc['db'] = dict(x=1)", "sqlite:///state.sqlite"),
}


@pytest.mark.parametrize(("config", "url"), FOLLOWED.values(), ids=FOLLOWED.keys())
def test_what_the_program_does_is_followed(basedir: Path, config: str, url: str) -> None:
    assert read(basedir, f"c = BuildmasterConfig = {{}}\n{config}\n") == url


COMPUTED = {
    "call": "c['db_url'] = get_url()",
    "f-string": "c['db_url'] = f'sqlite:///{x}'",
    "branch": "if x:\n  c['db_url'] = 'sqlite:///x'",
    "branch of a name": "url = 'sqlite:///x'\nif x: url = y\nc['db_url'] = url",
    "try": "try:\n  from secret import url\nexcept ImportError:\n  url = 'a'\nc['db_url'] = url",
    "imported": "from secret import url\nc['db_url'] = url",
    "loop": "for url in urls: c['db_url'] = url",
    "with": "with open('x') as f: url = f.read()\nc['db_url'] = url",
    "argument": "configure(c)",
    "keyword argument": "configure(config=c)",
    "argument of db": "c['db'] = {}\nconfigure(c['db'])",
    "method": "c.update(settings)",
    "in place": "c |= settings",
    "computed key": "c[key] = 'sqlite:///x'",
    "spread": "c['db'] = {**settings}",
    "spread call": "c['db'] = dict(**settings)",
    "not set": "import os\nc['db_url'] = os.environ['NONE']",
    "not set, no default": "import os\nc['db_url'] = os.environ.get('NONE')",
    "not the module": "import numpy as os\nc['db_url'] = os.environ['DB']",
    "walrus": "url = 'sqlite:///x'\nf(url := g())\nc['db_url'] = url",
    "tuple": "url, x = f()\nc['db_url'] = url",
    "renderable": "c['db_url'] = util.Interpolate('sqlite:///x')",
}


@pytest.mark.parametrize("config", COMPUTED.values(), ids=COMPUTED.keys())
def test_a_computed_url_is_an_error_with_file_and_line(basedir: Path, config: str) -> None:
    program = f"c = BuildmasterConfig = {{}}\n{config}\n"
    with pytest.raises(BasedirError, match=r"master\.cfg:\d+: .*--db-url") as raised:
        read(basedir, program, DB=URL)
    line = int(str(raised.value).split(":")[1])
    assert 2 <= line <= program.count("\n")


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("x = 1", "does not define 'BuildmasterConfig'"),
        ("BuildmasterConfig = None", ":1: 'BuildmasterConfig' is not a dictionary"),
        ("BuildmasterConfig = {'db_url': 5}", "not a string"),
        ("BuildmasterConfig = {'db': 'sqlite:///x'}", "not a dictionary"),
        ("BuildmasterConfig = (", "master.cfg:1: .* not valid Python"),
        ("BuildmasterConfig = '\0'", "null bytes"),
        ("print 'Python 2'", ":1: This is written for Python 2"),
        ("print 'Python 2'\nc = 1 <> 2", ":1: This is written for Python 2"),
        ("(" * 5000, "not valid Python|cannot be parsed"),
        ("x = " + "-" * 50000 + "1", "nested|parsed|define"),
        ("a" + ".b" * 50000, "nested|parsed|define"),
        ("x = " + "1+" * 50000 + "1", "nested|parsed|define"),
        ("a;" * 140_000, "too large, or nested too deeply,"),
        ("BuildmasterConfig = " + "9" * 10000, "not valid Python"),
        ("c = BuildmasterConfig = {}\nc['db'] = c\nc['db_url'] = c", "not a string"),
    ],
)
def test_a_file_that_is_no_configuration_is_an_error(
    basedir: Path, program: str, problem: str
) -> None:
    with pytest.raises(BasedirError, match=problem):
        read(basedir, program)


def test_nothing_is_executed(basedir: Path) -> None:
    trap = basedir / "trap"
    program = f"open({str(trap)!r}, 'w')\nc = BuildmasterConfig = {{'db_url': '{URL}'}}\n"
    (basedir / "buildbot.tac").write_text(program)
    assert read(basedir, program) == URL
    assert not trap.exists()


def test_the_tac_names_the_config_file(basedir: Path) -> None:
    (basedir / "buildbot.tac").write_text("name = 'other.cfg'\nconfigfile = name\n")
    (basedir / "other.cfg").write_text(f"BuildmasterConfig = {{'db_url': '{URL}'}}")
    assert read_configuration(str(basedir), {}).db_url == URL


def test_a_computed_name_of_the_config_file_is_an_error(basedir: Path) -> None:
    (basedir / "buildbot.tac").write_text("\nconfigfile = f()\n")
    with pytest.raises(BasedirError, match=r"buildbot\.tac:2"):
        read_configuration(str(basedir), {})


@pytest.mark.parametrize("missing", ["buildbot.tac", "master.cfg"])
def test_a_missing_file_is_named(basedir: Path, missing: str) -> None:
    (basedir / "master.cfg").touch()
    (basedir / missing).unlink()
    with pytest.raises(BasedirError, match=missing):
        read_configuration(str(basedir), {})


def test_a_fifo_is_refused_and_not_waited_for(basedir: Path) -> None:
    os.mkfifo(basedir / "master.cfg")
    with pytest.raises(BasedirError, match="not a regular file"):
        read_configuration(str(basedir), {})


def test_a_huge_file_is_refused(basedir: Path) -> None:
    with (basedir / "master.cfg").open("w") as file:
        file.truncate(2 * 2**20)
    with pytest.raises(BasedirError, match="larger than"):
        read_configuration(str(basedir), {})


@pytest.mark.skipif(not os.access("/proc/kallsyms", os.R_OK), reason="there is no /proc/kallsyms")
def test_a_file_that_is_larger_than_it_says_is_refused(basedir: Path) -> None:
    (basedir / "master.cfg").symlink_to("/proc/kallsyms")
    with pytest.raises(BasedirError, match="larger than"):
        read_configuration(str(basedir), {})


def test_a_variable_that_no_environment_can_hold_is_not_set(basedir: Path) -> None:
    config = "import os\nBuildmasterConfig = {'db_url': os.environ['\\ud800']}"
    (basedir / "master.cfg").write_text(config)
    with pytest.raises(BasedirError, match="not set; set it, or set"):
        read_configuration(str(basedir), os.environ)


def test_invalid_escapes_in_the_file_are_not_warned_of(basedir: Path) -> None:
    assert read(basedir, f"x = '\\d'\nBuildmasterConfig = {{'db_url': '{URL}'}}") == URL


WORDS = ["c", "BuildmasterConfig", "=", "{", "}", "[", "]", "(", ")", "'db'", "'db_url'", ":", ",",
         "\n", "os", ".", "environ", "get", "dict", "f", "**", "if ", "def f():", "lambda:",
         "del ", "for x in ", "import ", "from ", "as ", "+=", "1", "None", "  ",
         "global ", "*"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS)).map("".join) | st.text())
def test_no_program_is_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    basedir = tmp_path_factory.getbasetemp()
    (basedir / "buildbot.tac").touch()
    (basedir / "master.cfg").write_text(
        f"c = BuildmasterConfig = {{}}\n{text}", errors="surrogateescape"
    )
    try:
        assert isinstance(read_configuration(str(basedir), {}).db_url, str)
    except BasedirError as error:
        assert "--db-url" in str(error)


LOOK_UPS = {
    "item": "import os\nurl = os.environ['BB_DB']",
    "get": "import os\nurl = os.environ.get('BB_DB')",
    "get, default None": "import os\nurl = os.environ.get('BB_DB', None)",
    "get, default of another": "import os\nurl = os.environ.get('OTHER', os.environ['BB_DB'])",
    "getenv": "import os\nurl = os.getenv('BB_DB')",
    "getenv, keyword": "import os\nurl = os.getenv(key='BB_DB')",
    "named": "import os\nname = 'BB_DB'\nurl = os.environ[name]",
    "os as": "import os as o\nurl = o.environ['BB_DB']",
    "environ": "from os import environ\nurl = environ['BB_DB']",
    "environ as": "from os import environ as e\nurl = e.get('BB_DB')",
    "getenv of os": "from os import getenv\nurl = getenv('BB_DB')",
    "plus": "import os\nurl = 'sqlite:///' + os.environ['BB_DB']",
    "f-string": "import os\nurl = f'sqlite:///{os.environ[\"BB_DB\"]}'",
    "method": "import os\nurl = os.environ['BB_DB'].strip()",
    "tuple": "import os\nurl, x = os.environ['BB_DB'], 1",
    "unpacked": "import os\nx, url = os.environ['BB_DB'].split()",
    "name in a sum": "import os\nh = os.environ['BB_DB']\nurl = 'postgresql://' + h + '/x'",
    "name in an f-string": "import os\nh = os.getenv('BB_DB')\nurl = f'postgresql://{h}/x'",
    "name in a format": "import os\nh = os.getenv('BB_DB')\nurl = 'sqlite:///{}'.format(h)",
    "name in a percent": "import os\nh = os.getenv('BB_DB')\nurl = 'sqlite:///%s' % h",
    "format": "import os\nurl = 'sqlite:///{}'.format(os.environ['BB_DB'])",
    "percent": "import os\nurl = 'sqlite:///%s' % os.environ['BB_DB']",
    "percent of a tuple": "import os\nurl = '%s:///%s' % ('sqlite', os.environ['BB_DB'])",
    "keyword in a sum": "import os\nurl = 'x' + os.getenv(key='BB_DB')",
    "named in a sum": "import os\nN = 'BB_DB'\nurl = 'x' + os.environ[N]",
    "item of a name": "import os\nh = os.environ['BB_DB'].split()\nurl = h[0]",
    "name of a name": "import os\nh = os.environ['BB_DB']\ng = h + 'x'\nurl = g + 'y'",
    "name in a branch": "import os\nh = os.getenv('BB_DB')\nif h:\n  url = 'x' + h",
    "named in a branch": "import os\nN = 'BB_DB'\nif x:\n  url = 'x' + os.environ[N]",
    "name of a branch": "import os\nif x:\n  h = os.environ['BB_DB']\nurl = 'x' + h",
    "key from another": "import os\nurl = os.environ[os.environ['BB_DB']]",
    "function": "import os\ndef f():\n  return 'x' + os.environ['BB_DB']\nurl = f()",
    "lambda": "import os\nf = lambda: os.environ['BB_DB']\nurl = f()",
}
DEFAULTS = {
    "get": "url = os.environ.get('BB_DB', 'd')",
    "or": "url = os.environ.get('BB_DB') or 'd'",
    "or of a name": "url = os.environ.get('BB_DB')\nurl = url or 'd'",
    "ternary": "url = os.environ['BB_DB'] if 'BB_DB' in os.environ else 'd'",
    "not in": "url = 'd' if 'BB_DB' not in os.environ else os.environ['BB_DB']",
    "if": "if 'BB_DB' in os.environ:\n  url = os.environ['BB_DB']\nelse:\n  url = 'd'",
    "if of a name": "url = os.getenv('BB_DB')\nif not url:\n  url = 'd'",
    "if is None": "url = os.getenv('BB_DB')\nif url is None:\n  url = 'd'",
    "try": "try:\n  url = os.environ['BB_DB']\nexcept KeyError:\n  url = 'd'",
    "function": "def f(name):\n  return os.environ.get(name, 'd')\nurl = f('BB_DB')",
    "text": "host = os.environ.get('BB_DB', 'd')\nurl = '{}'.format(host)",
    "setdefault": "os.environ.setdefault('BB_DB', 'd')\nurl = os.environ['BB_DB']",
}
COMPUTED_FROM = [name for name in LOOK_UPS if re.search("name|sum|format|percent|function", name)]


def test_a_url_that_is_none_is_not_the_default(basedir: Path) -> None:
    for config in ("{'db_url': None}", "{'db': {'db_url': None}}"):
        with pytest.raises(BasedirError, match=r":1: The database URL is not a string; set"):
            read(basedir, f"BuildmasterConfig = {config}")


@pytest.mark.parametrize("name", COMPUTED_FROM)
def test_a_variable_that_is_set_is_not_reported_as_missing(basedir: Path, name: str) -> None:
    program = f"{LOOK_UPS[name]}\nBuildmasterConfig = {{'db_url': url}}"
    try:
        assert URL in read(basedir, program, BB_DB=URL)
    except BasedirError as error:
        assert re.search("The database URL (is|depends on) ", str(error))
        assert "not set" not in str(error)


@pytest.mark.parametrize(
    "program",
    [
        "h = os.environ['BB_DB']\nh = 'x'\nurl = h + f()",
        "N = 'BB_DB'\nN = 'SET'\nif x:\n  url = os.environ[N] + 'x'",
        "h = os.environ['BB_DB']\nh = g()\nif x:\n  url = h + 'x'",
        "if x:\n  os.environ['BB_DB'] = 'x'\nurl = 'x' + os.environ['BB_DB']",
    ],
)
def test_a_variable_that_does_not_matter_is_not_reported_as_missing(
    basedir: Path, program: str
) -> None:
    with pytest.raises(BasedirError, match=r"master\.cfg:\d: ") as raised:
        read(basedir, f"import os\n{program}\nBuildmasterConfig = {{'db_url': url}}", SET="x")
    assert "BB_DB" not in str(raised.value)


@pytest.mark.parametrize("program", LOOK_UPS.values(), ids=LOOK_UPS.keys())
@pytest.mark.parametrize(
    "config",
    [
        "c = BuildmasterConfig = {}\nc['db_url'] = url",
        "BuildmasterConfig = {'db': {'db_url': url}}",
        "BuildmasterConfig = dict(db=dict(db_url=url))",
    ],
)
def test_a_variable_that_is_not_set_is_named(basedir: Path, program: str, config: str) -> None:
    with pytest.raises(BasedirError, match=r"master\.cfg:\d: .*'BB_DB', which is not set; set it"):
        read(basedir, f"{program}\n{config}")


def test_a_look_up_that_stands_in_the_dictionary_names_its_variable(basedir: Path) -> None:
    with pytest.raises(BasedirError, match=r":2: .*'BB_DB', which is not set; set it"):
        read(basedir, "import os\nBuildmasterConfig = {'db_url': os.environ['BB_DB'], 'x': f()}")


@pytest.mark.parametrize("program", DEFAULTS.values(), ids=DEFAULTS.keys())
def test_a_default_is_taken_as_python_takes_it_and_noted(basedir: Path, program: str) -> None:
    config = f"import os\n{program}\nBuildmasterConfig = {{'db_url': url}}"
    (basedir / "master.cfg").write_text(config)
    found = read_configuration(str(basedir), {})
    assert found.db_url == "d"
    assert "'BB_DB', which is not set here" in " ".join(found.notes)
    assert read(basedir, config, BB_DB=URL) == URL
    assert read_configuration(str(basedir), {"BB_DB": URL}).notes == []


@pytest.mark.parametrize(
    ("program", "notes"),
    [
        ("url = os.environ.get('A', '{URL}')", [(2, "A")]),
        ("url = os.getenv('A', default='{URL}')", [(2, "A")]),
        ("url = os.environ.get('A',\n os.environ.get('B', '{URL}'))", [(2, "A"), (3, "B")]),
        ("x = os.environ.get('A', '1')\nurl = '{URL}'", []),
        ("url = os.environ.get('DB', 'x')", []),
    ],
)
def test_a_default_that_is_taken_is_noted(
    basedir: Path, program: str, notes: list[tuple[int, str]]
) -> None:
    config = program.replace("{URL}", URL)
    path = basedir / "master.cfg"
    path.write_text(f"import os\n{config}\nBuildmasterConfig = {{'db_url': url}}")
    found = read_configuration(str(basedir), {"DB": URL})
    assert found.db_url == URL
    assert [*found.notes] == [
        f"{path}:{line}: The database URL is the default for the environment variable "
        f"{variable!r}, which is not set here; set it, or pass --db-url."
        for line, variable in notes
    ]


def test_a_default_in_the_tac_is_noted(basedir: Path) -> None:
    (basedir / "buildbot.tac").write_text("import os\nconfigfile = os.getenv('CFG', 'master.cfg')")
    (basedir / "master.cfg").write_text("BuildmasterConfig = {}")
    (note,) = read_configuration(str(basedir), {}).notes
    assert note.startswith(f"{basedir}/buildbot.tac:2: The name 'configfile' is the default for")


def test_what_the_tac_does_to_the_environment_counts(basedir: Path) -> None:
    tac = basedir / "buildbot.tac"
    config = f"import os\nBuildmasterConfig = {{'db_url': os.environ.get('NONE', '{URL}')}}"
    tac.write_text("import os\nos.environ['NONE'] = 'sqlite:///x'")
    assert read(basedir, config) == "sqlite:///x"
    tac.write_text("from dotenv import load_dotenv\nload_dotenv()")
    with pytest.raises(BasedirError, match=rf"'NONE', which is not set here.* by {tac}:2; set it"):
        read(basedir, config)
    assert read(basedir, config, NONE=URL) == URL


def test_variables_that_a_file_may_set_are_named_with_the_line(basedir: Path) -> None:
    program = "import os\nfrom dotenv import load_dotenv\nload_dotenv()\n"
    config = f"BuildmasterConfig = {{'db_url': os.environ.get('NONE', '{URL}')}}"
    with pytest.raises(BasedirError, match=r":4: .*'NONE', which is not set here, .* by line 3;"):
        read(basedir, program + config)
