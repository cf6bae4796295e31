"""Values that a user gives: checked, and parsed, before any database sees them."""

from mastersctl.errors import InvalidValueError

MAX_INTEGER = 2**63 - 1


def check_text(text: str) -> None:
    """Raise InvalidValueError for a text that no database can hold: not UTF-8, or with a NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidValueError(f"The text {text!r} is not valid UTF-8.") from None
    if "\0" in text:
        raise InvalidValueError(f"The text {text!r} holds a NUL character.")


def parse_integer(text: str) -> int:
    """Return the integer that `text` is. Raises InvalidValueError if it is none of 64 bits."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidValueError(f"The value {text!r} is not a whole number.")
    significant = digits.lstrip("0") or "0"
    # int() refuses very many digits
    if len(significant) > 19 or not -MAX_INTEGER - 1 <= int(text) <= MAX_INTEGER:
        raise InvalidValueError(f"The number {text!r} does not fit into 64 bits.")
    return int(text)
