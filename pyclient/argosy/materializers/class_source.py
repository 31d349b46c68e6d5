"""The source of a class, to tell whether it is still the one that a value was saved with."""

from __future__ import annotations

import inspect

import blake3

_LIBRARIES = frozenset({"torch"})
"""Of these the version is recorded, which says it better."""


def source_digest(cls: type) -> str | None:
    """Return ``blake3:`` and the digest of the source of a class; ``None`` of libraries, and where there is none."""
    if cls.__module__.partition(".")[0] in _LIBRARIES:
        return None
    try:
        text = inspect.getsource(cls)
    except (OSError, TypeError):
        return None
    return f"blake3:{blake3.blake3(text.encode()).hexdigest()}"
