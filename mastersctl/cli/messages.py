"""What is printed for people, on the standard error; whether it arrives changes no result."""

import contextlib
import re

import click

from mastersctl.visible import visible

# A URL may stand where none is expected, and be repeated by the message that says so.
_PASSWORD = re.compile(r"(//[^\s:/@]*):\S*@|((?:password|passwd|pwd)=)[^\s&'\"]+", re.IGNORECASE)


def tell(message: str) -> None:
    """Print a line, without passwords and with nothing that a terminal would act on."""
    with contextlib.suppress(OSError):
        click.echo(visible(_PASSWORD.sub(_hide, message)), err=True)


def warn(message: str) -> None:
    """Print a warning."""
    tell(f"Warning: {message}")


def complain(message: str) -> None:
    """Print an error."""
    tell(f"Error: {message}")


def _hide(match: re.Match[str]) -> str:
    return f"{match[1]}:***@" if match[1] is not None else f"{match[2]}***"
