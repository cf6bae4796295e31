"""Text from a database or a command line, made safe for a terminal."""


def visible(text: str) -> str:
    r"""Return `text` with every character that does not print as itself written as an escape.

    Control characters, escape sequences, bidi overrides, zero-width characters and line ends
    become what Python writes for them (``\x1b``, ``\u202e``, ``\n``): one value is one line.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
