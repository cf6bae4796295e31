"""Programs made at random, read, and compared with what they do when they are executed."""

import contextlib
import os
import sys
import textwrap
import types
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastersctl.config.basedir import read_configuration
from mastersctl.config.configured import DEFAULT_DB_URL
from mastersctl.errors import BasedirError
from tests.support.sizes import PROGRAMS

ENVIRON = {"A": "a", "B": "b"}

# What they are made of: some of it is understood, and some of it is not.
TEXTS = """'wrong'
'right'
s
t
'x'+s
s+t
f'{s}-{t}'
'%s'%s
'{}'.format(t)
s.strip()
os.environ.get('A','e')
os.environ['B']
(os.environ.get('Z')or(s))
(s)if(flag())else(t)
(s)if(True)else(t)
(s)or(t)
c.get('k',s)
c['k']
d['db_url']
l[0]
A.u
same(s)
h(s)
m.U
m.W['k']
e['k']
(s)and(t)
str(s)
'%(s)s'%locals()
t.replace('r','w')""".splitlines()
DICTIONARIES = """{}
c
d
e
{'k':s}
{'db_url':s,'k':t}
dict(k=s)
dict(d)
c['sub']
{'sub':d}
d.copy()
same(c)
(c)if(flag())else(d)
(d)or(e)
m.W
h(d)
{**c}
[d,e][0]
(e,c)[1]
A.c""".splitlines()
CONDITIONS = """flag()
True
s==t
'k'in(c)
not(d)
(c)is(d)
s=='wrong'
'A'in(os.environ)
len(s)>3
l
isinstance(d,dict)
c.get('k')""".splitlines()
SIMPLE = """s = TEXT
t = TEXT
d = DICT
e = DICT
c['k'] = TEXT
c['db_url'] = TEXT
d[TEXT] = TEXT
d['db_url'] = TEXT
c['db'] = {'db_url': TEXT}
c['sub'] = DICT
c.update(DICT)
d.update(db_url=TEXT)
c.setdefault('db_url', TEXT)
c.pop('db_url', None)
del d['k']
l = [TEXT, TEXT]
l.append(TEXT)
f()
g(DICT)
d = h(DICT)
change(DICT)
os.environ['A'] = TEXT
os.environ.pop('A', None)
s, t = t, s
A.u = TEXT
A().method()
t += TEXT
c |= DICT
m.U = TEXT
m.set(c)
m.W = DICT
m.put(TEXT)
list(map(lambda x: x.update(db_url=TEXT), [DICT]))
z = lambda: c.update(k=TEXT)
z()
apply(f)
(w := DICT)['db_url'] = TEXT
exec("s = 'executed'")
setattr(A, 'u', TEXT)
globals()['s'] = TEXT
A.c['db_url'] = TEXT
made = (d.update(db_url=TEXT) for _ in [1])
list(made)
sorted([2, 1], key=lambda n: c.update(db_url=TEXT) or n)
(lambda **k: k['c'].update(db_url=TEXT))(c=DICT)
d = {**d, 'db_url': TEXT}
from m import U as s
from m import W as d
d = [c, d, e][len(l) % 3]
[d for d in (c, e)]
[x.update(db_url=TEXT) for x in (d, e)]""".splitlines()
BLOCKS = [
    "if CONDITION:\nBODY\nelse:\nBODY",
    "if CONDITION:\nBODY",
    "for i in (1, 2):\nBODY",
    "for i in items():\nBODY",
    "for k in list(c):\nBODY",
    "for d in [d, e]:\nBODY",
    "for d in same([c, e]):\nBODY",
    "for i in (1, 2, 3):\nBODY\n    if CONDITION:\n        break\nBODY",
    "for i in (1, 2, 3):\nBODY\n    if CONDITION:\n        continue\nBODY",
    "while flag():\nBODY",
    "try:\nBODY\nexcept Exception:\nBODY",
    "try:\nBODY\nexcept KeyError:\nBODY\nelse:\nBODY",
    "try:\nBODY\nfinally:\nBODY",
    "with context():\nBODY",
    "match DICT:\n    case {'k': q}:\n        s = q\n    case _:\n        d = e",
    "def f():\nBODY\n    return c",
    "def f():\n    global s, d\nBODY\n    if CONDITION:\n        return\nBODY",
    "def g(c):\nBODY",
    "def h(x):\nBODY\n    return x",
    "def h(x, e=DICT):\nBODY\n    return e",
    "class A:\n    u = TEXT\n    c = DICT\n    def method(self):\n        d['db_url'] = TEXT",
]
BEFORE = """import os
import m
from outside import apply, change, context, flag, items, same
c = BuildmasterConfig = {}
d = {'db_url': 'wrong', 'k': 'v'}
e = {'k': 'w'}
s, t = 'right', 'wrong'
l = ['a', 'b']
made = iter([])
def f():
    c['k'] = 'f'
def g(c):
    c['db_url'] = s
def h(x):
    return x
def z():
    pass
class A:
    u = 'u'
    c = d
    def method(self):
        c['db_url'] = 'method'
"""
AFTER = ["", "c['db_url'] = s\n", "c['db'] = {'db_url': t}\n", "c['db'] = d\n"]
MODULE = """import os
U = os.environ.get('A', 'unset')
W = {'k': 'mk'}
def set(x):
    x['db_url'] = U
def put(v):
    global U
    U = v
"""


def _statement(random: Random, depth: int) -> str:
    text = random.choice(BLOCKS if depth and random.random() < 0.4 else SIMPLE)
    while "BODY" in text:
        body = "\n".join(_statement(random, depth - 1) for _ in range(random.randint(1, 3)))
        text = text.replace("BODY", textwrap.indent(body, "    "), 1)
    for word, choices in (("TEXT", TEXTS), ("DICT", DICTIONARIES), ("CONDITION", CONDITIONS)):
        while word in text:
            text = text.replace(word, random.choice(choices), 1)
    return text


def _outside(random: Random) -> types.ModuleType:
    """Return a module whose functions do what code may do that is not read."""

    def change(given: Any) -> None:
        if isinstance(given, dict):
            given["db_url"] = "changed"

    module = types.ModuleType("outside")
    functions = {
        "apply": lambda function: function(),
        "change": change,
        "context": lambda: contextlib.suppress(*([Exception] if random.random() < 0.5 else [])),
        "flag": lambda: random.random() < 0.5,
        "items": lambda: range(random.randint(0, 3)),
        "same": lambda given: given,
    }
    module.__dict__.update(functions)
    return module


def _execute_at_random(program: str, random: Random, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the URL that a program made at random has; None if it raises an exception."""
    monkeypatch.setitem(sys.modules, "outside", _outside(random))
    monkeypatch.setattr(os, "environ", dict(ENVIRON))
    module = types.ModuleType("m")
    exec(MODULE, module.__dict__)
    monkeypatch.setitem(sys.modules, "m", module)
    names: dict[str, Any] = {}
    try:
        exec(program, names)
    except Exception:
        return None
    config = names["BuildmasterConfig"]
    return config.get("db", config).get("db_url", DEFAULT_DB_URL)


@settings(max_examples=PROGRAMS.now, deadline=None)
@given(st.randoms(use_true_random=False))
def test_programs_made_at_random_are_understood_as_python_does_or_refused(
    tmp_path_factory: pytest.TempPathFactory, random: Random
) -> None:
    statements = [_statement(random, 2) for _ in range(random.randint(1, 9))]
    program = BEFORE + "\n".join(statements) + "\n" + random.choice(AFTER)
    directory = tmp_path_factory.mktemp("random")
    (directory / "m.py").write_text(MODULE)
    (directory / "buildbot.tac").touch()
    (directory / "master.cfg").write_text(program)
    try:
        url = read_configuration(str(directory), ENVIRON).db_url
    except BasedirError:
        return
    with pytest.MonkeyPatch.context() as monkeypatch:
        for seed in range(5):
            assert _execute_at_random(program, Random(seed), monkeypatch) in (None, url), program
