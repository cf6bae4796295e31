"""Removes passwords from texts of other programs."""

import re
from collections.abc import Collection, Iterable

_NEVER_IN_PROSE = r"[^\w\s.,:;()'\"/\[\]-]"  # characters that only secrets have
_MIN_LENGTH = 4  # characters; every message contains shorter ones


def scrubbed(secrets: Iterable[str], text: str, repeatable: Collection[str] = ()) -> str:
    """Return `text` with ``***`` in place of each secret.

    A secret that could be a plain word or number stays, unless it is quoted or assigned.

    Parameters:
        repeatable: other values that the text may repeat. A secret inside one of them does not
            stay, unless it is shorter than `_MIN_LENGTH`.
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
    """Return the pattern for a secret that is not part of a longer word, name or number."""
    before = r"(?:(?<=-c)|(?<!\w)(?<!\w[.-]))" if re.match(r"\w", form) else ""  # options=-c...
    after = r"(?![.-]?\w)" if re.search(r"\w$", form) else ""
    return before + re.escape(form) + after


def _is_prose(form: str) -> bool:
    """Return whether a message may contain the secret by chance."""
    is_mixed = re.search(r"\d", form) and re.search(r"[^\W\d_]", form)
    return len(form) < _MIN_LENGTH or not (is_mixed or re.search(_NEVER_IN_PROSE, form))
