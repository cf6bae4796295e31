"""The forms in which configurations compute their database URL, over several files."""

import os
import pwd
import re
from pathlib import Path

import pytest

from mastersctl.config.basedir import read_configuration
from mastersctl.errors import BasedirError

START = "import os\nc = BuildmasterConfig = {}\n"
TAC = """import os
basedir = '.'
if basedir == '.':
    basedir = os.path.abspath(os.path.dirname(__file__))
configfile = 'master.cfg'
"""
ENVIRON = {"N": "x", "V": "sqlite:///{N}.sqlite", "HOME": "/home/bb"}


def read(directory: Path, program: str, files: dict[str, str] | None = None, **environ: str) -> str:
    """Return the URL of a configuration, with other files beside it."""
    for name, text in {"buildbot.tac": TAC, "master.cfg": START + program, **(files or {})}.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    return read_configuration(str(directory), {**ENVIRON, **environ}).db_url


EXPRESSIONS = {
    "container example": "os.environ.get('V', 'sqlite://').format(**os.environ)",
    "format_map": "os.environ['V'].format_map(os.environ)",
    "plus": "'sqlite:///' + os.environ['N'] + '.sqlite'",
    "percent": "'sqlite:///%s.sqlite' % os.environ['N']",
    "percent of a tuple": "'%s:///%s.sqlite' % ('sqlite', os.environ['N'])",
    "percent of names": "'sqlite:///%(N)s.sqlite' % os.environ",
    "f-string": "f\"sqlite:///{os.environ['N']}.sqlite\"",
    "f-string with a format": "f\"sqlite:///{os.environ['N']:s}.sqlite\"",
    "format": "'sqlite:///{}.sqlite'.format(os.environ['N'])",
    "format of a keyword": "'sqlite:///{n}.sqlite'.format(n=os.getenv('N'))",
    "join": "':///'.join(['sqlite', os.environ['N'] + '.sqlite'])",
    "or": "os.environ.get('NONE') or 'sqlite:///x.sqlite'",
    "and": "os.environ.get('N') and 'sqlite:///x.sqlite'",
    "if else": "'sqlite:///x.sqlite' if 'N' in os.environ else 'wrong'",
    "strip": "' sqlite:///x.sqlite\\n'.strip()",
    "replace": "'sqlite:///NAME.sqlite'.replace('NAME', os.environ['N'])",
    "item of a list": "['wrong', 'sqlite:///x.sqlite'][1]",
    "item of a dictionary": "{'a': {'b': 'sqlite:///x.sqlite'}}['a']['b']",
    "split": "'wrong sqlite:///x.sqlite'.split()[1]",
    "str": "str('sqlite:///x.sqlite')",
    "lambda": "(lambda n: 'sqlite:///' + n + '.sqlite')(os.environ['N'])",
    "walrus": "(url := 'sqlite:///x.sqlite')",
    "path": "'sqlite:///' + os.path.basename(os.path.join('/a', 'x.sqlite'))",
    "quoted": "'sqlite:///' + __import__('os').sep if False else 'sqlite:///x.sqlite'",
}


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_an_expression_of_known_things_is_known(tmp_path: Path, expression: str) -> None:
    assert read(tmp_path, f"c['db'] = {{'db_url': {expression}}}") == "sqlite:///x.sqlite"
    assert read(tmp_path, f"u = {expression}\nc['db_url'] = u") == "sqlite:///x.sqlite"


IMPORTS = {
    "module": "import settings\nc['db_url'] = settings.URL",
    "module as": "import settings as s\nc['db'] = {'db_url': s.URL}",
    "name": "from settings import URL\nc['db_url'] = URL",
    "name as": "from settings import URL as U\nc['db_url'] = U",
    "all": "from settings import *\nc['db_url'] = URL",
    "try": "try:\n    from settings import URL\nexcept ImportError:\n    URL = 'w'\n"
    "c['db_url'] = URL",
    "function": "import settings\nc['db_url'] = settings.url()",
    "class": "from settings import Settings\nc['db_url'] = Settings.URL",
    "subclass": "from settings import Production\nc['db_url'] = Production.URL",
    "dictionary": "from settings import DB\nc['db'] = DB",
    "path": "import sys\nsys.path.insert(0, os.path.dirname(__file__))\n"
    "import settings\nc['db_url'] = settings.URL",
    "reloaded": "import importlib, settings\nimportlib.reload(settings)\n"
    "c['db_url'] = settings.URL",
    "package": "from package import inner\nc['db_url'] = inner.URL",
    "package, dotted": "import package.inner\nc['db_url'] = package.inner.URL",
    "package, relative": "from package import URL\nc['db_url'] = URL",
    "getattr": "import settings\nc['db_url'] = getattr(settings, 'URL')",
    "unused in a function": "import settings\n@util.renderer\ndef f(props):\n"
    "    return settings.OTHER\nc['db_url'] = settings.URL",
}
MODULES = {
    "settings.py": """import os
URL = 'sqlite:///' + os.environ['N'] + '.sqlite'
OTHER = 1
DB = dict(db_url=URL)
def url():
    return URL
class Settings:
    URL = URL
class Production(Settings):
    OTHER = 2
""",
    "package/__init__.py": "from .inner import URL\n",
    "package/inner.py": "from settings import URL\n",
}


@pytest.mark.parametrize("program", IMPORTS.values(), ids=IMPORTS.keys())
def test_modules_beside_the_configuration_are_read(tmp_path: Path, program: str) -> None:
    assert read(tmp_path, program, MODULES) == "sqlite:///x.sqlite"


READS = {
    "with": "with open('db_url') as f: url = f.read().strip()\nc['db_url'] = url",
    "without with": "c['db_url'] = open('db_url').read().strip()",
    "readline": "c['db_url'] = open('db_url', encoding='utf-8').readline().rstrip()",
    "beside": "c['db_url'] = open(os.path.join(basedir, 'db_url')).read().strip()",
    "pathlib": "import pathlib\n"
    "c['db_url'] = pathlib.Path(__file__).with_name('db_url').read_text().strip()",
    "pathlib, divided": "from pathlib import Path\n"
    "c['db_url'] = (Path(__file__).parent / 'db_url').read_text().strip()",
    "json": "import json\nwith open('db.json') as f:\n    c['db'] = json.load(f)['db']",
    "json text": "import json\nc['db_url'] = json.loads(open('db.json').read())['db']['db_url']",
}


@pytest.mark.parametrize("program", READS.values(), ids=READS.keys())
def test_files_beside_the_configuration_are_read(tmp_path: Path, program: str) -> None:
    files = {"db_url": "sqlite:///a\n", "db.json": '{"db": {"db_url": "sqlite:///a"}}'}
    assert read(tmp_path, program, files) == "sqlite:///a"


def test_a_file_is_read_once(tmp_path: Path) -> None:
    program = "f = open('db_url')\nf.read()\nc['db_url'] = 'sqlite:///' + f.read()"
    assert read(tmp_path, program, {"db_url": "wrong"}) == "sqlite:///"


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BasedirError, match=rf"needs a file that .*: {tmp_path}/db_url \(No such"):
        read(tmp_path, "c['db_url'] = open('db_url').read()")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of other users")
def test_what_only_another_user_may_read_is_not_read(tmp_path: Path) -> None:
    """A configuration must not make root send it to a server."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "buildbot.tac").touch()
    os.chown(tmp_path / "buildbot.tac", pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(BasedirError, match="belongs to another user"):
        read(tmp_path, "c['db_url'] = 'postgresql://h/' + open('secret').read()")
    (tmp_path / "secret").chmod(0o644)
    assert read(tmp_path, "c['db_url'] = open('secret').read()") == "secret"


URL = "c['db'] = {'db_url': 'sqlite:///a.sqlite'}\n"
AROUND = {
    "comprehension": f"c['schedulers'] = [b.name for b in c['builders']]\n{URL}",
    "generator": f"{URL}c['x'] = ', '.join(b.name for b in c['builders'])",
    "its own dictionary": "conf = {'port': 1, 'db_url': 'sqlite:///a.sqlite'}\n"
    "c['protocols'] = {'pb': {'port': conf['port']}}\nc['db'] = {'db_url': conf['db_url']}",
    "handed away before": f"import helpers\nhelpers.add_workers(c)\n{URL}",
    "its own function": f"def f(c): c['workers'] = []\n{URL}f(c)",
    "its own function with a key": f"def f(c, k): c[k] = []\n{URL}f(c, 'workers')",
    "its own function, returning early": f"def f(c):\n    if x(): return\n    c['w'] = 1\n"
    f"{URL}f(c)",
    "environment": f"os.environ['TZ'] = 'UTC'\nd = dict(os.environ)\nstr(os.environ)\n{URL}",
    "setdefault and print": f"{URL}c.setdefault('www', {{}})\nprint(c)\n",
    "pprint": f"from pprint import pprint\n{URL}pprint(c)",
    "loop over keys": f"{URL}for k in ('workers', 'builders'): c[k] = []",
    "loop with a break": f"{URL}for k in ('workers', 'x'):\n    c[k] = []\n    if k: break",
    "loop over something": f"c['a'] = []\n{URL}for b in f(): c['a'].append(b)",
    "locals": f"{URL}x = 1\nc['title'] = '%(x)s' % locals()",
    "builtins": f"import builtins\n{URL}",
    "exec before": f"exec(open('x').read())\nc = BuildmasterConfig = {{}}\n{URL}",
    "exec in a dictionary": f"{URL}d = {{}}\nexec(open('x').read(), d)",
    "modules unloaded": f"import sys\n{URL}for k in list(sys.modules):\n"
    "    if k.startswith('my.'): del sys.modules[k]",
    "renderer": f"{URL}@util.renderer\ndef f(props): return c['workers'][0]\nf2 = util.F(f)",
    "class": f"class S(Step):\n    def run(self): return self.x\n{URL}f = S()\nf.add(S(1))",
    "condition": f"{URL}if x():\n    c['www'] = 1\nelse:\n    c['www'] = 2",
    "both sides": "if x():\n    u = 'sqlite:///a.sqlite'\nelse:\n    u = 'sqlite:///a.sqlite'\n"
    "c['db_url'] = u",
    "try": f"{URL}try:\n    import foo\nexcept ImportError:\n    foo = None",
    "while": f"{URL}while x(): c['a'] = 1",
    "match": f"{URL}match x():\n    case [a, b]: c['a'] = a",
    "imported by star before": f"from foo import *\nc = BuildmasterConfig = {{}}\n{URL}",
}


@pytest.mark.parametrize("program", AROUND.values(), ids=AROUND.keys())
def test_code_that_cannot_change_the_url_is_passed_by(tmp_path: Path, program: str) -> None:
    assert read(tmp_path, program) in ("sqlite:///a.sqlite",)


def test_an_environment_that_is_handed_away_is_as_it_was(tmp_path: Path) -> None:
    program = "run(['x'], env=os.environ)\nc['db_url'] = os.environ.get('N', 'wrong')"
    assert read(tmp_path, program) == "x"


CHANGED = {
    "handed away after": "finish(c)",
    "handed away inside": "finish({'x': [c]})",
    "an alias": "d = c['db']\nfinish(d)",
    "an alias of several": "d = c['db'] if x() else {}\nd['db_url'] = 'wrong'",
    "a method": "c.frob()",
    "unknown keys": "c.update(x())",
    "an unknown key": "c[x()] = 1",
    "deleted, maybe": "if x(): del c['db']",
    "exec": "exec(open('x').read())",
    "star": "from more import *",
    "a function in a loop": "def f(d): d['db_url'] = 'w'\nfor i in x(): f(c['db'])",
    "a function handed away": "def f(): c['db'] = {'db_url': 'w'}\nx(f)",
    "a method of a class": "class A:\n    def f(self): c['db'] = {}\na = A()\na.f()",
    "an operator": "class A:\n    def __add__(self, d): d['db_url'] = 'w'\nA() + c['db']",
    "a generator": "g = (c['db'].update(db_url='w') for _ in [1])\nlist(g)",
    "a module": "import settings\nsettings.set(c)",
    "a module without the file": "import nowhere\nnowhere.set(c)",
    "frames": "import sys\nsys._getframe().f_globals['c'].clear()",
    "globals": "globals()[x()] = {}",
    "what was stored": "x.c = c\nx.c['db'] = {}",
    "what a list holds": "l = [c]\nfor d in l[:]: d['db'] = {}",
    "with": "with x() as d:\n    c['db'] = d",
    "in a loop": "d = {}\nfor i in x():\n    d['db'] = {}\n    d = c",
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_code_that_may_change_the_url_is_an_error_with_its_line(
    tmp_path: Path, change: str
) -> None:
    settings = "from nowhere import f\ndef set(c):\n    f(c)\n"
    with pytest.raises(BasedirError, match=r"(master\.cfg|settings\.py):\d+: ") as raised:
        read(tmp_path, URL + change, {"settings.py": settings})
    assert str(raised.value).endswith("or pass --config-python or --db-url.")


def test_the_line_that_may_change_it_is_named_with_the_one_that_sets_it(tmp_path: Path) -> None:
    with pytest.raises(BasedirError) as raised:
        read(tmp_path, f"{URL}\nfinish(c['db'], 1)\n")
    assert str(raised.value) == (
        f"{tmp_path}/master.cfg:3: The database URL is set here, but line 5 hands c['db'] to "
        "finish(), which could change it; set MASTERSCTL_DB_URL, or pass --config-python or "
        "--db-url."
    )


def test_a_module_outside_the_directory_is_not_read(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    (tmp_path / "settings.py").write_text("URL = 'sqlite:///wrong'")
    inside.mkdir()
    program = "import sys\nsys.path.insert(0, '..')\nimport settings\nc['db_url'] = settings.URL"
    with pytest.raises(BasedirError, match=r"is settings\.URL, which is not read"):
        read(inside, program)
    (inside / "settings.py").symlink_to(tmp_path / "settings.py")
    assert read(inside, "import settings\nc['db_url'] = settings.URL") == "sqlite:///wrong"


def test_a_module_with_a_name_of_the_standard_library_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(BasedirError, match=r"is secrets\.URL, which is not read"):
        read(tmp_path, "import secrets\nc['db_url'] = secrets.URL", {"secrets.py": "URL = 'x'"})


@pytest.mark.parametrize(
    "tac",
    [
        "import os\nconfigfile = os.path.join(os.path.dirname(__file__), 'etc', 'm.cfg')",
        "import pathlib\nconfigfile = str(pathlib.Path(__file__).parent / 'etc' / 'm.cfg')",
        "from twisted.python.util import sibpath\nconfigfile = sibpath(__file__, 'etc/m.cfg')",
        "import os\nbasedir = os.path.expanduser('~/data')\nconfigfile = 'm.cfg'",
        "import os\nbasedir = os.path.join(os.path.dirname(__file__), 'etc')\nconfigfile = 'm.cfg'",
    ],
)
def test_the_tac_is_read_as_the_configuration_is(tmp_path: Path, tac: str) -> None:
    for place in ("etc", "home/data"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "m.cfg").write_text(f"BuildmasterConfig = {{'db_url': '{place}'}}")
    (tmp_path / "buildbot.tac").write_text(tac)
    found = read_configuration(str(tmp_path), {"HOME": f"{tmp_path}/home"})
    assert found.db_url == ("home/data" if "~" in tac else "etc")
    assert found.basedir == str(tmp_path / found.db_url if "basedir =" in tac else tmp_path)


def test_a_basedir_that_does_not_exist_here_is_noted(tmp_path: Path) -> None:
    (tmp_path / "buildbot.tac").write_text("basedir = '/nowhere/master'\n")
    (tmp_path / "master.cfg").write_text("BuildmasterConfig = {}")
    found = read_configuration(str(tmp_path), {})
    assert found.basedir == str(tmp_path)
    (note,) = found.notes
    assert re.match(rf"{tmp_path}/buildbot.tac:1: The basedir '/nowhere/master' does not", note)


def test_what_would_take_all_memory_is_not_computed(tmp_path: Path) -> None:
    for expression in (
        "'x' * 10**10",
        "'{:>9999999999}'.format('x')",
        "'%9999999999d' % 1",
        "f'{1:>9999999999}'",
        "('x' * 4000).replace('x', 'x' * 4000)",
        "10 ** 10 ** 10",
        "'%*d' % (10 ** 9, 1)",
    ):
        with pytest.raises(BasedirError):
            read(tmp_path, f"c['db_url'] = {expression}")
    doubled = "u = 'x'\n" + "u = u + u\n" * 60 + "c['db_url'] = u"
    with pytest.raises(BasedirError, match=":63: The database URL is"):
        read(tmp_path, doubled)
