"""Text for people: safe for a terminal, and with the right plural."""

from collections.abc import Sequence


def visible(text: str) -> str:
    r"""Return `text` with every character that is not printable written as an escape.

    Control characters, escape sequences, bidi overrides, zero-width characters and line ends
    become Python's escapes (``\x1b``, ``\u202e``, ``\n``). So one value is one line.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 master`` or ``2 masters``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def enumerated(parts: Sequence[str], last: str = "and") -> str:
    """Join at least one part for a sentence, such as ``a, b and c``.

    Parameters:
        last: the word before the last part.
    """
    *parts, end = parts
    return f"{', '.join(parts)} {last} {end}" if parts else end
