"""What the values of settings may be: each function returns the value, or raises the rule that it breaks."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

from argosy.addresses import parse_server

MOST_STREAMS = 32
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class Malformed(Exception):
    """A value breaks the rule of its setting; the text is the rule."""


def read_text(value: Any) -> str:
    """Return a text without outer white space."""
    if not isinstance(value, str):
        raise Malformed("write a text")
    return value.strip()


def read_server(value: Any) -> str:
    """Return an address, or several, as :func:`argosy.addresses.parse_server` does."""
    try:
        return parse_server(read_text(value))
    except ValueError as rule:
        raise Malformed(str(rule)) from None


def read_directory(value: Any) -> Path:
    """Return an absolute path."""
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise Malformed("write the path of a directory")
    return Path(os.path.abspath(Path(value).expanduser()))


def read_project(value: Any) -> str:
    """Return the name of a project."""
    text = read_text(value)
    if _PROJECT.fullmatch(text) is None:
        raise Malformed(
            "a project is 1 to 64 letters, digits, '.', '_' or '-', and begins with a letter or digit; rename it"
        )
    return text


def read_switch(value: Any) -> bool:
    """Return a truth from a bool or a word."""
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise Malformed("write true or false")


def read_schemes(value: Any) -> tuple[str, ...]:
    """Return schemes of URIs, each once."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise Malformed("write schemes separated by commas, such as file,s3")
    found = tuple(dict.fromkeys(item.strip().lower() for item in items if item.strip()))
    if found == ("none",):  # an empty variable cannot say so: it counts as not set
        return ()
    if wrong := [item for item in found if _SCHEME.fullmatch(item) is None]:
        raise Malformed(f"{wrong[0]!r} is no scheme; write for example file,s3")
    return found


def read_seconds(value: Any) -> float:
    """Return a number of seconds above 0."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise Malformed("write a number of seconds above 0")
    return number


def read_streams(value: Any) -> int:
    """Return a number of connections."""
    try:
        number = 0 if isinstance(value, (bool, float)) else int(value)
    except (TypeError, ValueError):
        number = 0
    if not 0 < number <= MOST_STREAMS:
        raise Malformed(f"write a whole number from 1 to {MOST_STREAMS}")
    return number


def read_signed_transfers(value: Any) -> str:
    """Return ``auto`` or ``off``."""
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in ("auto", "off"):
        return text
    raise Malformed("write auto or off")
