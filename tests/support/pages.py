"""The man pages that ``tools/make_pages.py`` generates from the help."""

import re
import runpy

from tests.support.sources import ROOT

GENERATE = runpy.run_path(str(ROOT / "tools" / "make_pages.py"))


def example_lines(command: str) -> list[str]:
    """Return the lines of the examples in a command's help."""
    (block,) = re.findall(r"Examples?:\n((?:  .*\n?)+)", GENERATE["help_of"](command))
    return [line.removeprefix("  ") for line in block.splitlines()]
