"""A real terminal whose screen is read back."""

import os
import sys
import time

import pexpect
import pyte


class Terminal:
    """A terminal on which a command runs."""

    def __init__(
        self, *arguments: str, rows: int = 20, columns: int = 100, kind: str = "xterm-256color"
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self.written = ""
        # pexpect alone may say so too late, when the command has begun; untold, it says another.
        sized = f'stty rows {rows} cols {columns}; exec "$@"'
        self.child = pexpect.spawn(
            "sh", ["-c", sized, "sh", sys.executable, "-m", "mastersctl", *arguments],
            env={**os.environ, "TERM": kind}, encoding="utf-8", timeout=0.1,
            dimensions=(rows, columns),
        )  # fmt: skip

    def read(self) -> list[str]:
        """Return the lines of the screen as they are now."""
        try:
            while True:
                text = self.child.read_nonblocking(65536, timeout=0.1)
                self.written += text
                self._stream.feed(text)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return [line.rstrip() for line in self.screen.display]

    def wait_for(self, text: str) -> list[str]:
        """Return the lines of the screen once the text is on it."""
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
