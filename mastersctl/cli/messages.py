"""Messages for people, on the standard error; a failure to print them changes no result."""

import contextlib
import re
import sys

import click

from mastersctl.text import visible

# An error message repeats the value given, and a user may give a URL where none is expected. A
# mistyped URL may have one slash, or none.
_START = r"//|(?:postgres\w*|pgsql|mysql|mariadb|sqlite)(?:\+\w+)?:(?!//)/?"
_HIDDEN = r"(?!\*\*\*@)"
_PORT = r"(?!\d*(?:[/?][^\s@]*)?\.?(?:[\s'\",;)]|$))"
_CREDENTIALS = (
    rf"(?is)((?:{_START})[^\s:/@\[]*:){_HIDDEN}{_PORT}(?:.*@|[^\s/'\"@]+)"
    rf"|(\b[\w.+%-]+:){_HIDDEN}[^\s/@:'\"][^\s@]*@"
    r"|((?:password|passwd|pwd)=)(?:'[^']*'|[^\s&])+"
)
_MAX_LENGTH = 4000  # characters; a name can have a million


def report(message: str) -> None:
    """Print a message as one line, without passwords or control characters."""
    with contextlib.suppress(OSError):
        click.echo(sanitized(message), err=True)


def sanitized(message: str) -> str:
    """Return a message as one line of limited length, without passwords or control characters."""
    if len(message) <= _MAX_LENGTH:
        return visible(re.sub(_CREDENTIALS, _hide, message))
    cut = f"{message[:_MAX_LENGTH]}@"  # the cut may be inside a password, which an "@" ends
    return visible(re.sub(_CREDENTIALS, _hide, cut).removesuffix("@")) + "..."


def warn(message: str) -> None:
    """Print a warning."""
    report(f"Warning: {message}")


def note(message: str) -> None:
    """Print a note if stderr is a terminal; scripts do not need it."""
    if sys.stderr is not None and sys.stderr.isatty():
        report(f"Note: {message}")


def note_released() -> None:
    """Report, to scripts too, when masters build the released build requests."""
    report(
        "Note: Running masters build the released requests only after 'buildbot reconfig', a new "
        "request or the connection of a worker."
    )


def can_ask() -> bool:
    """Return whether there is a terminal for a confirmation."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def report_error(message: str) -> None:
    """Print an error."""
    report(f"Error: {message}")


def _hide(match: re.Match[str]) -> str:
    if match[3] is not None:
        return f"{match[3]}***"
    return f"{match[1] or match[2]}***" + "@" * match[0].endswith("@")
