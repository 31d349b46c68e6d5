"""JSON for people: indented where a line would be too long, and cut where a page would be."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

_WIDTH = 100
_DEEPEST = 50
"""Columns of indentation, from which on a value is one line, cut."""
_MOST_LINES = 400
_MOST_CHARACTERS = 64 << 10
_CLOSERS = {"[": "]", "{": "}"}


def readable_json(head: bytes, size_bytes: int, *, has_parts: bool = False) -> bytes:
    """Return a document as people read it, from all of its bytes or only the first of them.

    Args:
        head: how the document begins.
        size_bytes: how long it is.
        has_parts: whether it names values that are kept in files beside it, which are shown by type and place.
    """
    text = head.decode("utf-8", "ignore")
    is_cut = len(head) < size_bytes
    try:
        document = json.loads(_closed(text) if is_cut else text, object_hook=_named if has_parts else None)
    except (ValueError, RecursionError):  # not written by us, or nested deeper than anybody would read
        lines = text[:_MOST_CHARACTERS].splitlines()
    else:
        lines = list(itertools.islice(_lines(document, ""), _MOST_LINES + 1))
    shown = "\n".join(lines[:_MOST_LINES])[:_MOST_CHARACTERS]
    is_cut = is_cut or len(lines) > _MOST_LINES or len(shown) == _MOST_CHARACTERS
    return (shown + (f"\n… ({size_bytes:,} bytes in all)" if is_cut else "")).encode("utf-8", "backslashreplace")


def _named(document: dict[str, Any]) -> Any:
    """Return what is to be seen of a value beside the document; every other one as it is."""
    part = document.get("$value") if len(document) == 1 else None
    if not isinstance(part, dict) or "at" not in part:
        return document
    return f"<{str(part.get('type') or part.get('format')).rpartition(':')[2]} in {part['at']}>"


def _lines(value: Any, indent: str, before: str = "", after: str = "") -> Iterator[str]:
    """Yield the lines of a value: one where it fits, else one for each of its parts."""
    room = _WIDTH - len(indent) - len(before)
    if not isinstance(value, (dict, list)) or not value or _is_short(value, room):
        yield f"{indent}{before}{json.dumps(value, ensure_ascii=False)}{after}"
        return
    if len(indent) >= _DEEPEST:
        yield f"{indent}{before}{_beginning(value, room)}…{after}"
        return
    opener = "{" if isinstance(value, dict) else "["
    named = (
        [(f"{json.dumps(key, ensure_ascii=False)}: ", item) for key, item in value.items()]
        if isinstance(value, dict)
        else [("", item) for item in value]
    )
    yield f"{indent}{before}{opener}"
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        yield from _filled([json.dumps(item, ensure_ascii=False) for item in value], f"{indent}  ")
        named = []
    for place, (name, item) in enumerate(named, 1):
        yield from _lines(item, f"{indent}  ", name, "," if place < len(named) else "")
    yield f"{indent}{_CLOSERS[opener]}{after}"


def _is_short(value: Any, room: int) -> bool:
    return len(_beginning(value, room + 1)) <= room


def _beginning(value: Any, room: int) -> str:
    """Return as many characters of a value as there is room for; the rest of it is not looked at."""
    text = ""
    for piece in json.JSONEncoder(ensure_ascii=False).iterencode(value):
        text += piece
        if len(text) >= room:
            break
    return text[: max(room, 0)]


def _filled(items: list[str], indent: str) -> Iterator[str]:
    """Yield lines with as many items each as have room."""
    line = indent
    for place, item in enumerate(items, 1):
        piece = item if place == len(items) else f"{item}, "
        if len(line) + len(piece) > _WIDTH and line != indent:
            yield line.rstrip()
            line = indent
        line += piece
    yield line


def _closed(text: str) -> str:
    """Return the beginning of a document as a whole one: what is not complete at its end is dropped."""
    open_brackets: list[str] = []
    good = 0
    in_string = is_escaped = False
    for place, character in enumerate(text):
        if in_string:
            if is_escaped:
                is_escaped = False
            elif character == "\\":
                is_escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in _CLOSERS:
            open_brackets.append(_CLOSERS[character])
            good = place + 1
        elif character in "]}":
            if open_brackets:
                open_brackets.pop()
            good = place + 1
        elif character == ",":
            good = place
    return text[:good] + "".join(reversed(open_brackets))  # none was opened or closed since
