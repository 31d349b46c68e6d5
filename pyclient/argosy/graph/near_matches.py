"""Words that may have been meant by one that is none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'a' or 'b'?)"``, or nothing when no known word is like ``word``."""
    near = difflib.get_close_matches(word.lower(), list(known), n=3)
    return f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""


def listed(words: Iterable[str]) -> str:
    """Return words as a list for messages: ``'a', 'b', 'c'``."""
    return ", ".join(map(repr, words))
