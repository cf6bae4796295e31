"""Passwords, kept out of what others wrote."""

import re
from collections.abc import Collection, Iterable

_NEVER_IN_PROSE = r"[^\w\s.,:;()'\"/\[\]-]"  # in messages without any secret
_MIN_LENGTH = 4  # characters; fewer are a part of every message


def scrubbed(secrets: Iterable[str], text: str, repeatable: Collection[str] = ()) -> str:
    """Return `text` with ``***`` for the secrets where they stand in it.

    What may as well be a word or a number of the text is left, unless it is quoted or assigned.

    Parameters:
        repeatable: what else the text may repeat, as it is. A secret in one of them is not left
            either, but for the shortest.
    """
    forms = {form for secret in secrets for form in (secret, repr(secret)[1:-1])}
    for form in sorted(forms, key=len, reverse=True):
        token = _token(form)
        repeated = len(form) >= _MIN_LENGTH and any(re.search(token, part) for part in repeatable)
        if _is_prose(form) and not repeated:
            form = re.escape(form)
            token = rf"(?<=[\"'`«“=]){form}(?=[\"'`»”\s,;)]|$)|(?<=:){form}(?=@)"
        text = re.sub(token, "***", text)
    return text


def _token(form: str) -> str:
    """Return the pattern for a secret that is no part of a longer word, name or number."""
    before = r"(?:(?<=-c)|(?<!\w)(?<!\w[.-]))" if re.match(r"\w", form) else ""  # options=-c...
    after = r"(?![.-]?\w)" if re.search(r"\w$", form) else ""
    return before + re.escape(form) + after


def _is_prose(form: str) -> bool:
    """Return whether a message may have that secret in it by chance."""
    is_mixed = re.search(r"\d", form) and re.search(r"[^\W\d_]", form)
    return len(form) < _MIN_LENGTH or not (is_mixed or re.search(_NEVER_IN_PROSE, form))
