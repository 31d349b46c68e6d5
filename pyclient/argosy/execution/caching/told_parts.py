"""The parts of a cache key as the store is told them, so that it can say what changed.

The key is made of all of them. The store takes so many, with names of so many characters: what is beyond is told by one
digest.
"""

from __future__ import annotations

from collections.abc import Mapping

from blake3 import blake3

from argosy.execution.caching.joined_digest import digest_of

MOST_PARTS = 1_000
MOST_BYTES = 192 << 10
"""Together with what they are; a store takes 256 KiB unless it was told to take less."""
MOST_CHARACTERS = 255
MORE = "more"
"""The part that stands for those that are too many."""
_MANY = frozenset({"code", "file", "source"})
_DIGITS = 16


def told_parts(parts: Mapping[str, str]) -> dict[str, str]:
    """Return the parts with names and in a number that a store takes.

    What a person would look for first is kept: when they are too many, the last ones of the project's functions and of
    the files become the part ``more``.
    """
    named = {_told_name(name): text for name, text in parts.items()}
    told: dict[str, str] = {}
    room = MOST_BYTES
    more: list[str] = []
    for name in sorted(named, key=lambda name: (name.partition(":")[0] in _MANY and ":" in name, name)):
        room -= len(name.encode()) + len(named[name].encode())
        if room > 0 and (len(named) <= MOST_PARTS or len(told) < MOST_PARTS - 1):
            told[name] = named[name]
        else:
            more += [name, named[name]]
    return {**told, MORE: digest_of(more)} if more else told


def _told_name(name: str) -> str:
    """Return a name in characters that can be printed, cut if it is too long; a digest tells it from others like it."""
    printable = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)
    if len(printable) <= MOST_CHARACTERS:
        return printable
    return f"{printable[: MOST_CHARACTERS - _DIGITS - 1]}…{blake3(printable.encode()).hexdigest()[:_DIGITS]}"
