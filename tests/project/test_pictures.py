"""The pictures of the README and of the recipes are what the tool prints."""

import re
import sys
from pathlib import Path

import pytest

from tests.support.sources import ROOT, run

PICTURES = sorted((ROOT / "pictures").glob("*.svg"))
TEXTS = [path.read_text() for path in (ROOT / "README.rst", ROOT / "contrib" / "README.rst")]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory into which the pictures were drawn anew."""
    directory = tmp_path_factory.mktemp("drawn")
    run(sys.executable, ROOT / "tools" / "draw_pictures.py", directory)
    return directory


def test_there_is_no_other_picture(drawn: Path) -> None:
    assert [path.name for path in PICTURES] == sorted(path.name for path in drawn.iterdir())


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_what_is_drawn_now(picture: Path, drawn: Path) -> None:
    same = picture.read_bytes() == (drawn / picture.name).read_bytes()
    assert same, "look at what 'python tools/draw_pictures.py' draws, and commit it"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_fetches_nothing(picture: Path) -> None:
    addresses = re.findall(r"\bhttps?:[^\"]*", picture.read_text())
    assert addresses == ["http://www.w3.org/2000/svg"]
    assert "@import" not in picture.read_text()


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_text_shows_each_picture_once_and_says_what_is_on_it(picture: Path) -> None:
    shown = rf"^\.\. image:: (?:\.\./)?pictures/{picture.name}\n   :alt: mastersctl [a-z -]+: \w"
    assert sum(len(re.findall(shown, text, re.MULTILINE)) for text in TEXTS) == 1
