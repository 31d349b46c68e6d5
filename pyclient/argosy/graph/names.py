"""The rules for names and version labels, as the service applies them.

They are checked here too, so that a bad name is found where it is written and not after
hours of training. Each function returns what is wrong as a sentence, or ``None``.
"""

from __future__ import annotations

import re
from uuid import UUID

MAX_NAME_CHARACTERS = 255
SEPARATOR = "::"
"""Joins pipeline, step and output in the names of unnamed outputs."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LIKE_UUID = re.compile(
    r"(urn:uuid:)?\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?", re.IGNORECASE
)
"""What may be meant as a UUID, in any of the ways they are written; an id is only the canonical one."""
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER_RULE = "numbers run from 1 on and have at most 18 digits, without sign or leading zero"


def name_problem(name: object) -> str | None:
    """Tell what is wrong with the name of an existing artifact or pipeline."""
    if not isinstance(name, str):
        return f"a name is a str, not {type(name).__name__}"
    if problem := text_problem(name):
        return problem
    if name != name.strip():
        return f"{name!r} begins or ends with white space; remove it"
    parts = name.split("/")
    if "" in parts:
        return f"{name!r} begins or ends with '/', or has '//'; remove it"
    if "." in parts or ".." in parts:
        return f"{name!r} has a '.' or '..' part; remove it"
    if _LIKE_UUID.fullmatch(name):
        return f"{name!r} has the form of a UUID and would be taken for an id; choose another name"
    return None


def new_name_problem(name: object) -> str | None:
    """Tell what is wrong with a name a user gives: as ``name_problem``, and ``::`` is reserved."""
    if problem := name_problem(name):
        return problem
    if SEPARATOR in str(name):
        return f"{name!r} has '{SEPARATOR}', which separates pipeline, step and output; use another separator"
    return None


def version_problem(version: object) -> str | None:
    """Tell what is wrong with a version: a number from 1 on (int or text) or a label."""
    if isinstance(version, bool) or not isinstance(version, (int, str)):
        return f"a version is an int or a str, not {type(version).__name__}"
    if isinstance(version, int) and version >= 10**18:  # str() refuses numbers of some thousand digits
        return f"it is too large for a version number; {_NUMBER_RULE}"
    label = str(version)
    if problem := text_problem(label):
        return problem
    if "/" in label or label != label.strip():
        return f"{label!r} has a '/' or outer white space; write a number from 1 on or a label"
    if _INTEGER.fullmatch(label) and not _NUMBER.fullmatch(label):
        return f"{label!r} is no version number; {_NUMBER_RULE}"
    return None


def alias_problem(alias: object) -> str | None:
    """Tell what is wrong with an alias."""
    if not isinstance(alias, str):
        return f"an alias is a str, not {type(alias).__name__}"
    if not _ALIAS.fullmatch(alias) or _INTEGER.fullmatch(alias):
        rule = "an alias is 1 to 64 letters, digits, '.', '_' or '-', begins with a letter or digit, and is no number"
        return f"{alias[:80]!r} is not allowed; {rule}"
    return None


def id_problem(identifier: object) -> str | None:
    """Tell what is wrong with an artifact version's id: a ``UUID`` or its text."""
    if isinstance(identifier, UUID):
        return None
    if not isinstance(identifier, str):
        return f"an id is a uuid.UUID or its text, not {type(identifier).__name__}"
    if not _UUID.fullmatch(identifier):
        return f"{identifier[:80]!r} is no UUID; to find an artifact by its name write name=..."
    return None


def text_problem(text: str) -> str | None:
    """Tell what is wrong with a tag, or with a part of a name."""
    if not text:
        return "it is empty; give it at least one character"
    if len(text) > MAX_NAME_CHARACTERS:
        return f"it has {len(text)} characters; at most {MAX_NAME_CHARACTERS} are allowed"
    if not text.isprintable():
        return f"{text[:80]!r} has control or unprintable characters; remove them"
    return None


def unicode_problem(text: str) -> str | None:
    """Tell whether a text cannot be sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{text[:80]!r} has half a surrogate pair, which UTF-8 cannot say; remove it"
    return None
