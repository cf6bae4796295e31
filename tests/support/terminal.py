"""Real terminals: one with a screen to read, and one for the streams of this process."""

import os
import pty
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pexpect
import pyte
import pytest


class Terminal:
    """A terminal that runs a command."""

    def __init__(
        self, *arguments: str, rows: int = 20, columns: int = 100, kind: str = "xterm-256color"
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self.written = ""
        # pexpect alone may set the size after the command has begun; without one, it sets another.
        sized = f'stty rows {rows} cols {columns}; exec "$@"'
        self.child = pexpect.spawn(
            "sh", ["-c", sized, "sh", sys.executable, "-m", "mastersctl", *arguments],
            env={**os.environ, "TERM": kind}, encoding="utf-8", timeout=0.1,
            dimensions=(rows, columns),
        )  # fmt: skip

    def read(self) -> list[str]:
        """Return the current lines of the screen."""
        try:
            while True:
                text = self.child.read_nonblocking(65536, timeout=0.1)
                self.written += text
                self._stream.feed(text)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return [line.rstrip() for line in self.screen.display]

    def wait_for(self, text: str) -> list[str]:
        """Wait until the text is on the screen, and return the lines."""
        deadline = time.monotonic() + 60
        while text not in "\n".join(lines := self.read()):
            assert time.monotonic() < deadline, lines
        return lines

    def resize(self, rows: int, columns: int) -> None:
        self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def end(self) -> int | None:
        """Wait for the command to end, and return its exit code."""
        self.child.expect(pexpect.EOF, timeout=20)
        self.written += str(self.child.before)
        self.child.close()
        code: int | None = self.child.exitstatus
        return code


@contextmanager
def terminal_for(*streams: str, answer: bytes = b"y\n") -> Iterator[Callable[[], str]]:
    """Connect these streams to a terminal, and type an answer there; the others have no terminal.

    Yields a function that returns the text shown on the terminal.
    """
    mine, theirs = pty.openpty()
    os.write(mine, answer)
    files = {
        name: os.dup(theirs) if name in streams else os.devnull for name in ("stdin", "stderr")
    }
    with (
        open(files["stdin"]) as stdin,
        open(files["stderr"], "w", buffering=1) as stderr,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stdin", stdin)
        patch.setattr(sys, "stderr", stderr)
        yield lambda: "".join(iter(lambda: _read(mine), ""))
    os.close(theirs)
    os.close(mine)


def _read(terminal: int) -> str:
    """Return some of the shown text, or an empty string."""
    ready, _, _ = select.select([terminal], [], [], 0.1)
    return os.read(terminal, 10_000).decode() if ready else ""
