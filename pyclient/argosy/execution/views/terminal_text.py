"""Texts of anybody on a terminal: they do nothing to it, and fit."""

from __future__ import annotations

import unicodedata

STYLES = {
    "completed": "32",
    "cached": "36",
    "running": "1",
    "failed": "1;31",
    "abandoned": "31",
    "cancelled": "33",
    "retrying": "33",
    "skipped": "2",
    "waiting": "2",
}
"""How each status looks: parameters of the escape sequence that begins it."""


def one_line(text: str) -> str:
    """Return a text that does nothing to a terminal: what is not printable is shown as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def first_line(text: str, width: int) -> str:
    """Return the first line of a text that has anything, harmless and not longer than ``width``."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return cut(one_line(lines[0]), width) if lines else ""


def width_of(text: str) -> int:
    """Return how many columns a printable text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def cut(text: str, width: int, mark: str = "…") -> str:
    """Return a printable text as it is, or its beginning and a mark where it takes more columns than ``width``."""
    if width_of(text) <= width:
        return text
    room, kept = width - width_of(mark), ""
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return kept.rstrip() + mark if width >= width_of(mark) else ""


def cut_inside(text: str, width: int, mark: str = "…") -> str:
    """Return a printable text as it is, or with a mark inside: what tells long names apart stands at their end."""
    room, kept = (width - width_of(mark)) // 3, ""
    if width_of(text) <= width or room < 1:
        return cut(text, width, mark)
    for character in reversed(text):
        if width_of(kept) + _columns(character) > room:
            break
        kept = character + kept
    return cut(text, width - width_of(kept), mark) + kept


def padded(text: str, width: int) -> str:
    """Return a text with blanks after it up to ``width`` columns."""
    return text + " " * (width - width_of(text))


def painted(text: str, status: str) -> str:
    """Return a text in the colour of a status."""
    code = STYLES.get(status)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", errors="backslashreplace").decode("ascii")
