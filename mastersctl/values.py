"""Checks and parses the values that a user gives, before a database gets them."""

from mastersctl.errors import InvalidValueError

MAX_INTEGER = 2**63 - 1
_MAX_DIGITS = len(str(MAX_INTEGER))


def is_storable(text: str) -> bool:
    """Return whether a database can store the text: it is valid UTF-8 without a NUL character."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def check_text(text: str) -> None:
    """Raise InvalidValueError if no database can store the text."""
    if not is_storable(text):
        raise InvalidValueError(f"The text {text!r} is not valid UTF-8, or holds a NUL character.")


def parse_integer(text: str) -> int:
    """Return the integer that `text` stands for.

    Raises:
        InvalidValueError: it is not a whole number of at most 64 bits.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidValueError(f"The value {text!r} is not a whole number.")
    significant = digits.lstrip("0") or "0"
    # int() refuses numbers with too many digits
    if len(significant) > _MAX_DIGITS or not -MAX_INTEGER - 1 <= int(text) <= MAX_INTEGER:
        raise InvalidValueError(f"The number {text!r} does not fit into 64 bits.")
    return int(text)
