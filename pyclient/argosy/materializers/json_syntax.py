"""Whether a text is a JSON document, found out piece by piece: as objects it would take many times its size."""

from __future__ import annotations

import json
import re
from typing import Any

_PIECE = 1 << 20
_SPACE = " \t\n\r"
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_STRING = re.compile(r'"[^"]*"')
_NO_BRACKETS = re.compile(r"[^][{}]+")
_OPENS = {"[": "]", "{": "}"}
_ROUNDS = 8
_TRIES = 4
"""Between two strings of a document there is a comma, or a colon."""


def check_json(text: str, piece: int = _PIECE) -> None:
    """Refuse a text that is no JSON document.

    Pieces end at commas. Each is parsed as what it would be alone: with the brackets that are open where it begins
    before it, and those that are open where it ends closed behind it.

    Args:
        text: the text.
        piece: about so many characters are parsed at a time.

    Raises:
        ValueError: it is none; says where.
        RecursionError: it is nested too deeply.
    """
    start, opened = 0, ""
    while len(text) - start > piece:
        comma, without_strings = _last_comma(text, start, piece)
        if comma < 0:
            break
        left_open = _left_open(opened, without_strings)
        if not left_open:
            raise json.JSONDecodeError("Extra data", text, comma)
        _check_piece(text, start, comma, opened, left_open)
        if text[start:comma].rstrip(_SPACE)[-1:] in ("", *_OPENS):  # complete only without the comma
            raise json.JSONDecodeError("Expecting value", text, comma)
        start, opened = comma + 1, left_open
    _check_piece(text, start, len(text), opened, "")


def _last_comma(text: str, start: int, size: int) -> tuple[int, str]:
    """Return where the last comma outside of strings is in so many characters, and what is before it but for strings.

    Without such a comma more of the text is looked at; in all of it there is none at -1.
    """
    while True:
        end = min(start + size, len(text))
        comma = text.rfind(",", start, end)
        for _ in range(_TRIES):
            if comma < 0:
                break
            without = _without_strings(text[start:comma])
            begun = without.find('"')
            if begun < 0:
                return comma, without
            # It is in a string that begins where the quotation mark is that was left.
            comma = text.rfind(",", start, comma - (len(without) - begun))
        if end == len(text):
            return -1, ""
        size *= 2


def _without_strings(text: str) -> str:
    return _STRING.sub("", _ESCAPE.sub("__", text))


def _left_open(opened: str, without_strings: str) -> str:
    """Return the brackets that are open behind a piece; what does not match is found by parsing it."""
    brackets = _NO_BRACKETS.sub("", without_strings)
    for _ in range(_ROUNDS):  # most are closed soon
        brackets = brackets.replace("[]", "").replace("{}", "")
    left = list(opened)
    for bracket in brackets:
        if bracket in _OPENS:
            left.append(bracket)
        elif left:
            left.pop()
    return "".join(left)


def _check_piece(text: str, start: int, end: int, opened: str, left_open: str) -> None:
    piece = text[start:end]
    if start and piece.lstrip(_SPACE)[:1] in ("]", "}"):
        raise json.JSONDecodeError("Illegal trailing comma before end", text, start - 1)
    before = opened.replace("{", '{"":')
    before = before[:-3] if opened.endswith("{") else before  # the key of the innermost one is in the piece
    behind = "".join(_OPENS[bracket] for bracket in reversed(left_open))
    try:
        json.loads(f"{before}{piece}{behind}", parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        at = start + max(error.pos - len(before), 0)
        raise json.JSONDecodeError(error.msg, text, min(at, end)) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number JSON has")
