"""Programs that are read, compared with what they do when they are executed."""

import os
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from mastersctl.config.basedir import read_configuration
from mastersctl.config.configured import DEFAULT_DB_URL
from mastersctl.errors import BasedirError

START = "c = BuildmasterConfig = {}\nc['db_url'] = 'wrong'\n"
NESTED = "c = BuildmasterConfig = {'db': {'db_url': 'wrong'}}\n"
SHARED = "make = dict\nshared = {'db_url': 'wrong'}\nBuildmasterConfig = {'db': shared}\n"
IN_D = "def f():\n    d['db']['db_url'] = 'right'\nf()\n"
END = "c = BuildmasterConfig = {}\nc['db_url'] = url\n"
FROM_ENVIRON = "c = BuildmasterConfig = {}\nc['db_url'] = os.environ.get('UNSET', 'wrong')\n"
OTHER = """import os
class O(Exception):
    environ = {"UNSET": "right"}
    def __enter__(self): return self
    def __exit__(self, *a): pass
"""
FROM_DOTENV = "import os\nfrom dotenv import load_dotenv\n"

# Each of them ends with another URL than the one that stands there.
DECEPTIVE = [
    "url = 'wrong'\nfrom settings import *\n" + END,
    "url = 'wrong'\ntry:\n    from settings import *\nexcept ImportError:\n    pass\n" + END,
    "url = 'wrong'\nfrom buildbot_settings import *\n" + END,
    "url = 'wrong'\nexec('url = 2')\n" + END,
    START + "exec('c[\"db_url\"] = 2')\n",
    START + "globals()['c']['db_url'] = 'right'\n",
    "def f():\n    globals()['url'] = 'right'\nurl = 'wrong'\nf()\n" + END,
    START + "if True:\n    d = c\n    d['db_url'] = 'right'\n",
    START + "for d in [c]:\n    d['db_url'] = 'right'\n",
    "def f(cs):\n    cs[0]['db_url'] = 'right'\n" + START + "f([c])\n",
    "def f(**k):\n    k['c']['db_url'] = 'right'\n" + START + "f(**{'c': c})\n",
    START + "u = c.update\nu(db_url='right')\n",
    START + "def f():\n    d = c\n    d['db_url'] = 'right'\nf()\n",
    START + "def f(d=c):\n    d['db_url'] = 'right'\nf()\n",
    START + "def f():\n    return c\nf()['db_url'] = 'right'\n",
    "if True:\n    def f():\n        c['db_url'] = 'right'\n" + START + "f()\n",
    "f = lambda: c.update(db_url='right')\n" + START + "f()\n",
    "class A:\n    def f(self):\n        c['db_url'] = 'right'\n" + START + "A().f()\n",
    "def f():\n    global url\n    url = 'right'\nurl = 'wrong'\nf()\n" + END,
    "d = {'u': 'wrong'}\ndef f():\n    d['u'] = 'right'\nf()\nurl = d['u']\n" + END,
    "def f():\n    d['u'] = 'right'\nd = {'u': 'wrong'}\nf()\nurl = d['u']\n" + END,
    START + "d, e = c, 1\nd['db_url'] = 'right'\n",
    START + "d = c, 1\nd[0]['db_url'] = 'right'\n",
    START + "d = {}\nd['x'] = c, 1\nd['x'][0]['db_url'] = 'right'\n",
    START + "d = {'x': (c, (c, 1))}\nd['x'][1][0]['db_url'] = 'right'\n",
    START + "def str(d):\n    d['db_url'] = 'right'\nstr(c)\n",
    "url, b = 'wrong', 'right'\nurl, b = b, url\n" + END,
    "url, *b = 'wrong', 'right'\nurl = b[0]\n" + END,
    START + "d = c if 1 else {}\nd['db_url'] = 'right'\n",
    START + "d = {} or c\nd['db_url'] = 'right'\n",
    START + "l = [c]\nl[0]['db_url'] = 'right'\n",
    START + "class A:\n    pass\nA.c = c\nA.c['db_url'] = 'right'\n",
    START + "[d.update(db_url='right') for d in (c,)]\n",
    START + "list(map(lambda d: d.update(db_url='right'), [c]))\n",
    START + "import operator\noperator.setitem(c, 'db_url', 'right')\n",
    START + "(d := c)['db_url'] = 'right'\n",
    START + "(d := c).update(db_url='right')\n",
    NESTED + "c.get('db')['db_url'] = 'right'\n",
    NESTED + "d = c.get('db')\nd['db_url'] = 'right'\n",
    NESTED + "for d in c.values():\n    d['db_url'] = 'right'\n",
    NESTED + "for k, d in c.items():\n    d['db_url'] = 'right'\n",
    NESTED + "c.copy()['db']['db_url'] = 'right'\n",
    NESTED + "c['db'] |= {'db_url': 'right'}\n",
    NESTED + "def f():\n    c['db']['db_url'] = 'right'\nf()\n",
    NESTED + "e = {'c': c}\ne['c']['db']['db_url'] = 'right'\n",
    NESTED + "e = dict(c)\ne['db']['db_url'] = 'right'\n",
    SHARED + "d = {'db': shared}\n" + IN_D,
    SHARED + "d = {}\nd['db'] = shared\n" + IN_D,
    SHARED + "d = {}\nd.update(db=shared)\n" + IN_D,
    SHARED + "d = {}\nd.update({'db': shared})\n" + IN_D,
    SHARED + "d = {'ssl': {}}\nd['ssl']['db'] = shared\n" + IN_D.replace("['db']", "['ssl']['db']"),
    SHARED + "d = make()\nd['db'] = shared\n" + IN_D,
    SHARED + "d = make()\nd.update(db=shared)\n" + IN_D,
    START + "del c\nBuildmasterConfig['db_url'] = 'right'\n",
    START + "c |= {'db_url': 'right'}\n",
    START + "c.update([('db_url', 'right')])\n",
    START + "c.setdefault('db', {})['db_url'] = 'right'\n",
    START + "c.pop('db_url')\n",
    "url = 'wrong'\nmatch 'right':\n    case url:\n        pass\n" + END,
    "url = 'wrong'\nmatch ['right']:\n    case [*url]:\n        url = url[0]\n" + END,
    "url = 'wrong'\ntry:\n    1 / 0\nexcept ZeroDivisionError as url:\n    url2 = 1\n"
    "url = 'right' if 1 else 2\n" + END,
    "def dict(**k):\n    return {'db_url': 'right'}\nBuildmasterConfig = dict(db_url='wrong')\n",
    "if 1:\n    def dict(**k):\n        return {'db_url': 'right'}\n"
    "BuildmasterConfig = dict(db_url='wrong')\n",
    "BuildmasterConfig = {'db_url': 'wrong', **{'db_url': 'right'}}\n",
    "import os\nos.environ['UNSET'] = 'right'\n" + FROM_ENVIRON,
    "import os\nos.environ.update(UNSET='right')\n" + FROM_ENVIRON,
    "import os\nos.environ.setdefault('UNSET', 'right')\n" + FROM_ENVIRON,
    "import os\nos.environ |= {'UNSET': 'right'}\n" + FROM_ENVIRON,
    "import os\ne = os.environ\ne['UNSET'] = 'right'\n" + FROM_ENVIRON,
    "import os\ndef f():\n    os.environ['UNSET'] = 'right'\nf()\n" + FROM_ENVIRON,
    "from os import environ\ndef f():\n    environ['UNSET'] = 'right'\nf()\nimport os\n"
    + FROM_ENVIRON,
    "import os\nos.environ.pop('SET')\nurl = os.environ.get('SET', 'right')\n" + END,
    "import os\ndel os.environ['SET']\nurl = os.environ.get('SET', 'right')\n" + END,
    "import os\nurl = os.environ.get('UNSET') or 'right'\n" + END,
    "def f():\n    c['db']['db_url'] = 'right'\n" + NESTED + "f()\n",
    START + "d = c\nif 0:\n    d = {}\nd['db_url'] = 'right'\n",
    START + "d = {'b': c}\nfor k in []:\n    del d['b']\nd['b']['db_url'] = 'right'\n",
    START + "d = {}\nd[len('x')] = c\nd[1]['db_url'] = 'right'\n",
    NESTED + "e = {**c}\ne['db']['db_url'] = 'right'\n",
    START + "if True:\n    x = [c for c in 'ab']\n    c['db_url'] = 'right'\n",
    START + "[0 for c in [c.update(db_url='right')]]\n",
    START + "def f():\n    class X:\n        c = 1\n    c['db_url'] = 'right'\nf()\n",
    "if True:\n    import os as x\nimport os\nx.environ['UNSET'] = 'right'\n" + FROM_ENVIRON,
    "import os\ndef f(o):\n    o.environ['UNSET'] = 'right'\nf(os)\n" + FROM_ENVIRON,
    "import os\nos.getenv = lambda *a: 'right'\nurl = os.getenv('UNSET', 'wrong')\n" + END,
    "import os\nurl = os.getenv(default='right', key='UNSET')\n" + END,
    START + "d = {}\nd[c.update(db_url='right')] = 1\n",
    START + "x: c.update(db_url='right') = 1\n",
    "g = (c.update(db_url='right') for _ in [1])\n" + START + "list(g)\n",
    START + "class E(list):\n    def __contains__(self, d):\n"
    "        d['db_url'] = 'right'\n        return True\nc in E()\n",
    START + "len = lambda d: d.update(db_url='right')\nlen(c)\n",
    START + "g = globals\ng()['c']['db_url'] = 'right'\n",
    START + "import builtins\nbuiltins.exec('c[\"db_url\"] = 2', globals())\n",
    START + "import builtins as b\nb.exec('c[\"db_url\"] = 2')\n",
    START + "if True:\n    import builtins as b\nb.exec('c[\"db_url\"] = 2')\n",
    START + "from builtins import exec as e\ne('c[\"db_url\"] = 2')\n",
    START + "if True:\n    from builtins import exec as e\ne('c[\"db_url\"] = 2')\n",
    START + "from builtins import vars as v\nv()['c']['db_url'] = 'right'\n",
    START + "if True:\n    from builtins import vars as v\nv()['c']['db_url'] = 'right'\n",
    START + "builtins = __builtins__\nbuiltins['exec']('c[\"db_url\"] = 2')\n",
    "class os:\n    environ = {'UNSET': 'right'}\n" + FROM_ENVIRON,
    "import os\nclass os:\n    environ = {'UNSET': 'right'}\n" + FROM_ENVIRON,
    "import os\ndef f():\n    global os\n    class os:\n        environ = {'UNSET': 'right'}\nf()\n"
    + FROM_ENVIRON,
    "from os import environ\nclass environ:\n    get = lambda *a: 'right'\n"
    "url = environ.get('UNSET', 'wrong')\n" + END,
    "from os import getenv\ndef getenv(*a):\n    return 'right'\n"
    "url = getenv('UNSET', 'wrong')\n" + END,
    "from os import getenv as g\nif True:\n    def g(*a):\n        return 'right'\n"
    "url = g('UNSET', 'wrong')\n" + END,
    "from os import getenv\nif True:\n    from settings import getenv\n"
    "url = getenv('UNSET', 'wrong')\n" + END,
    "from os import getenv\nfor getenv in [lambda *a: 'right']:\n    pass\n"
    "url = getenv('UNSET', 'wrong')\n" + END,
    "from os import getenv\nprint(getenv := lambda *a: 'right')\n"
    "url = getenv('UNSET', 'wrong')\n" + END,
    "from os import getenv\n[(getenv := f) for f in [lambda *a: 'right']]\n"
    "url = getenv('UNSET', 'wrong')\n" + END,
    OTHER + "match O():\n    case O() as os:\n        pass\n" + FROM_ENVIRON,
    OTHER + "match [O()]:\n    case [*os]:\n        os = os[0]\n" + FROM_ENVIRON,
    OTHER + "match {'a': O()}:\n    case {**os}:\n        os = os['a']\n" + FROM_ENVIRON,
    OTHER + "with O() as os:\n    pass\n" + FROM_ENVIRON,
    OTHER + "for os in [O()]:\n    pass\n" + FROM_ENVIRON,
    OTHER + "print(os := O())\n" + FROM_ENVIRON,
    OTHER + "try:\n    raise O()\nexcept O as os:\n    o = os\nos = o\n" + FROM_ENVIRON,
    "import os\nfrom settings import *\n" + FROM_ENVIRON,
    "import os\nif True:\n    from settings import *\n" + FROM_ENVIRON,
    "import os\nfrom dotenv import load_dotenv\nload_dotenv()\n" + FROM_ENVIRON,
    "import os, dotenv\ndotenv.load_dotenv('.env')\n" + FROM_ENVIRON,
    "import os\nimport dotenv as d\ndef f():\n    d.load_dotenv()\nf()\n" + FROM_ENVIRON,
    "import os\nfrom dotenv import load_dotenv as load\nload()\n" + FROM_ENVIRON,
    "import os\nfrom dotenv import *\nload_dotenv()\nimport os\n" + FROM_ENVIRON,
    "import os\nfrom dotenv import load_dotenv\nx = load_dotenv\nx()\n" + FROM_ENVIRON,
    "import os\nfrom dotenv import Env\nEnv().read_env()\n" + FROM_ENVIRON,
    FROM_DOTENV + "load_dotenv(override=True)\nurl = os.environ['OTHER']\n" + END,
    FROM_DOTENV + "load_dotenv(None, None, False, True)\nurl = os.environ['OTHER']\n" + END,
    FROM_DOTENV + "load_dotenv(**{'override': True})\nurl = os.environ['OTHER']\n" + END,
    "import os, dotenv\ngetattr(dotenv, 'load_dotenv')()\n" + FROM_ENVIRON,
    "from settings import *\nBuildmasterConfig = dict(db_url='wrong')\n",
    "if True:\n    from settings import *\nBuildmasterConfig = dict(db_url='wrong')\n",
    "from settings import *\n" + START + "len(c)\n",
    FROM_DOTENV + "x = load_dotenv\nx(override=True)\nurl = os.environ['OTHER']\n" + END,
]

# Each of them is one that people write, and ends with the URL that stands there.
HONEST = [
    "import os, sys\nurl = os.environ['SET']\n" + END,
    "import os.path, sys\nurl = os.environ['SET']\n" + END,
    "try:\n    import os\nexcept ImportError:\n    pass\nurl = os.environ['SET']\n" + END,
    "import os\nname = 'SET'\nurl = os.environ[name]\n" + END,
    "import os\nname = 'SET'\nurl = os.environ.get(name, 'x')\n" + END,
    "import os\nurl = os.getenv(key='SET')\n" + END,
    "import os\nurl = os.environ.get('UNSET', os.environ.get('SET'))\n" + END,
    "BuildmasterConfig = dict({'db_url': 'right'})\n",
    "BuildmasterConfig = dict({'db_url': 'wrong'}, db_url='right')\n",
    "key = 'db_url'\nBuildmasterConfig = {key: 'right'}\n",
    "key = 'db_url'\nc = BuildmasterConfig = {}\nc[key] = 'right'\n",
    "c = BuildmasterConfig = {}\nc.update({'db_url': 'right'})\n",
    "c = BuildmasterConfig = {}\nc.update(db_url='right', workers=[])\n",
    "url = f'right'\n" + END,
    "a, (url, b) = 1, ('right', 2)\n" + END,
    "url, b = 'wrong', 'right'\nurl, b = b, url\n" + END,
    "url, other = 'right', 2\n" + END,
    "url = 'right'\n" + END + "def add(c, k, v):\n    c[k] = v\n",
    "url = 'right'\n" + END + "def add(k):\n    c['b'].append(k)\nc['b'] = []\nadd(1)\n",
    "url = 'right'\n" + END + "def add(k):\n    c['builders'] = k\nadd([])\n",
    "url = 'right'\n" + END + "x = [c for c in 'abc']\n",
    "url = 'right'\n" + END + "x = sorted([], key=lambda c: c.get('x'))\n",
    "url = 'right'\n" + END + "print(c, len(c))\nif 'www' in c:\n    c['www']['x'] = 1\n",
    "url = 'right'\n" + END + "c['services'] = []\nfor s in 'ab':\n    c['services'].append(s)\n",
    "url = 'right'\n" + END + "c['www'] = dict(port=1)\nc['www']['auth'] = len('x')\n",
    "def f():\n    return locals()\nurl = 'right'\n" + END,
    FROM_DOTENV + "load_dotenv()\nurl = os.environ['SET']\n" + END,
    FROM_DOTENV + "load_dotenv('.env', override=False)\nurl = os.environ.get('SET', 'x')\n" + END,
    FROM_DOTENV + "url = os.environ['SET']\n" + END,
    "import os\nfrom dotenv import dotenv_values\nx = dotenv_values()\n"
    "url = os.environ.get('UNSET', 'right')\n" + END,
    "import os\ndef f():\n    class os:\n        pass\n    for getenv in 'a': pass\n"
    "url = os.environ['SET']\n" + END,
    "import os\nx = [os for os in 'a']\nurl = os.environ['SET']\n" + END,
    "from settings import *\nimport os\nurl = os.environ['SET']\n" + END,
]  # fmt: skip


ENVIRON = {"SET": "right", "OTHER": "wrong"}


def _dotenv() -> types.ModuleType:
    """Return what python-dotenv and its like do, for a file that sets two variables."""

    def load(
        path: object = None, stream: object = None, verbose: bool = False, override: bool = False
    ) -> None:
        for name in ("UNSET", "OTHER"):
            if override or name not in os.environ:
                os.environ[name] = "right"

    module = types.ModuleType("dotenv")
    module.load_dotenv = load  # type: ignore[attr-defined]
    module.dotenv_values = dict  # type: ignore[attr-defined]
    module.Env = type("Env", (), {"read_env": staticmethod(load)})  # type: ignore[attr-defined]
    return module


def execute(program: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the URL that Buildbot would use: what the program, executed, leaves behind."""
    settings = types.ModuleType("settings")
    settings.url = "right"  # type: ignore[attr-defined]
    settings.getenv = lambda *_: "right"  # type: ignore[attr-defined]
    settings.dict = lambda **_: {"db_url": "right"}  # type: ignore[attr-defined]
    settings.len = lambda config: config.update(db_url="right")  # type: ignore[attr-defined]
    settings.os = types.SimpleNamespace(environ={"UNSET": "right"})  # type: ignore[attr-defined]
    for name in ("settings", "buildbot_settings"):
        monkeypatch.setitem(sys.modules, name, settings)
    monkeypatch.setitem(sys.modules, "dotenv", _dotenv())
    monkeypatch.setattr(os, "environ", dict(ENVIRON))
    monkeypatch.setattr(os, "getenv", lambda key, default=None: os.environ.get(key, default))
    names: dict[str, Any] = {}
    exec(program, names)
    config = names["BuildmasterConfig"]
    return config.get("db", config).get("db_url", DEFAULT_DB_URL)


def read(program: str, directory: Path) -> str:
    (directory / "buildbot.tac").touch()
    (directory / "master.cfg").write_text(program)
    return read_configuration(str(directory), ENVIRON).db_url


@pytest.mark.parametrize("program", DECEPTIVE)
def test_a_wrong_url_is_never_read(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        url = read(program, tmp_path)
    except BasedirError as error:
        assert re.search(r"master\.cfg:\d+: ", str(error))
        url = None
    executed = execute(program, monkeypatch)
    assert executed != "wrong"
    assert url in (None, executed)


@pytest.mark.parametrize("program", HONEST)
def test_what_people_write_is_understood(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(program, tmp_path) == execute(program, monkeypatch) == "right"
