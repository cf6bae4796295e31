"""Programs that once were read as something else than what executing them gives."""

import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mastersctl.config.basedir import read_configuration
from mastersctl.config.configured import DEFAULT_DB_URL
from mastersctl.errors import BasedirError

ENVIRON = {"SET": "right", "OTHER": "wrong", "HOME": "/h", "A": "a"}

# Each is a program, with other files and symbolic links beside it; the others are in a text.
TRAPS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "open dots link": (
        "url=open('l/../f').read()\nBuildmasterConfig = {'db_url': url}\n",
        {"f": "wrong", "r/s/x": "", "r/f": "right"},
        {"l": "r/s"},
    ),
    "bom": (
        "url=open('f',encoding='utf-8-sig').read()\nBuildmasterConfig = {'db_url': url}\n",
        {"f": "\ufeffx"},
        {},
    ),
    "crlf": (
        "url=open('f').read().rstrip('\\n')\nBuildmasterConfig = {'db_url': url}\n",
        {"f": "x\r\n"},
        {},
    ),
    "cr": ("url=open('f').readline()\nBuildmasterConfig = {'db_url': url}\n", {"f": "x\ry"}, {}),
    "realpath link": (
        "import os\nurl=os.path.realpath('l/../f')\nBuildmasterConfig = {'db_url': url}\n",
        {"f": "wrong", "r/s/x": "", "r/f": "right"},
        {"l": "r/s"},
    ),
    "sys.path rel": (
        "import sys\nsys.path.insert(0,'l/..')\nimport m\nBuildmasterConfig = {'db_url': m.u}\n",
        {"m.py": "u='wrong'", "r/s/x": "", "r/m.py": "u='right'"},
        {"l": "r/s"},
    ),
}


def _traps() -> Iterator[tuple[str, tuple[str, dict[str, str], dict[str, str]]]]:
    """Yield the names of programs, and these."""
    yield from TRAPS.items()
    for trap in Path(__file__).with_name("traps.txt").read_text().split("=== ")[1:]:
        name, _, rest = trap.partition("\n")
        program, *files = rest.split("--- ")
        named = (file.partition("\n") for file in files)
        yield name, (program, {path: text.rstrip("\n") for path, _, text in named}, {})


def _outside() -> types.ModuleType:
    module = types.ModuleType("outside")
    functions = {"flag": lambda: True, "no": lambda: False, "apply": lambda function: function()}
    module.__dict__.update(functions)
    return module


def _execute(program: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(directory)
    monkeypatch.setattr(sys, "path", [str(directory), *sys.path, "/nowhere"])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names: dict[str, Any] = {"__file__": str(directory / "master.cfg"), "basedir": str(directory)}
    with (
        mock.patch.dict(sys.modules, {"outside": _outside()}),
        mock.patch.dict(os.environ, ENVIRON, clear=True),
    ):
        exec(program, names)
    config = names["BuildmasterConfig"]
    return config.get("db", config).get("db_url", DEFAULT_DB_URL)


@pytest.mark.filterwarnings("ignore")  # of files that they leave open
@pytest.mark.parametrize(("name", "trap"), list(_traps()))
def test_what_is_read_is_what_executing_gives_or_nothing(
    name: str,
    trap: tuple[str, dict[str, str], dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program, files, links = trap
    for path, text in {"buildbot.tac": "", "master.cfg": program, **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, newline="")
    for path, target in links.items():
        (tmp_path / path).symlink_to(target)
    try:
        url = read_configuration(str(tmp_path), ENVIRON).db_url
    except BasedirError:
        url = None
    assert url in (None, _execute(program, tmp_path, monkeypatch))
