"""Names and ids, parsed once at the edge: inner code never validates again."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from argosy_server.domain.errors import InvalidField

MAX_NAME = 255
MAX_PATH = 1024
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_LOOKS_LIKE_UUID = re.compile(
    r"(urn:uuid:)?\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?", re.IGNORECASE
)
_DIGEST = re.compile(r"blake3:[0-9a-f]{64}")
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FORMAT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Digest:
    """The BLAKE3-256 digest of some bytes; its text is ``blake3:<64 hex digits>``."""

    text: str

    @classmethod
    def parse(cls, field: str, text: str) -> Digest:
        """Check the syntax.

        Raises:
            InvalidField: the text is not a digest this service knows.
        """
        if _DIGEST.fullmatch(text) is None:
            raise InvalidField(field, f"{text[:80]!r} is no digest; write blake3: and 64 lower-case hex digits")
        return cls(text)

    @classmethod
    def of_raw(cls, raw: bytes) -> Digest:
        """Make a digest of its 32 bytes."""
        return cls(f"blake3:{raw.hex()}")

    def __str__(self) -> str:
        return self.text


def parse_project(text: str) -> str:
    """Return the project's name.

    Raises:
        InvalidField: it is empty or has other characters than letters, digits, ``.``, ``_``, ``-``.
    """
    if _PROJECT.fullmatch(text) is None:
        rule = "a project is 1 to 64 letters, digits, '.', '_' or '-', and begins with a letter or digit"
        raise InvalidField("project", f"{text[:80]!r} is not allowed; {rule}")
    return text


def parse_name(field: str, text: str) -> str:
    """Return the name of an artifact, pipeline, step or run.

    Raises:
        InvalidField: the name is empty, too long, has control characters or ``.``/``..`` parts, begins
            or ends with ``/`` or white space, or has the form of a UUID (an id and a name must never be confused).
    """
    _check_text(field, text, MAX_NAME)
    if text != text.strip():
        raise InvalidField(field, f"{text!r} begins or ends with white space; remove it")
    _check_parts(field, text)
    if _LOOKS_LIKE_UUID.fullmatch(text):
        raise InvalidField(field, f"{text!r} has the form of a UUID and would be taken for an id; choose another name")
    return text


def parse_path(field: str, text: str) -> str:
    """Return a relative path inside an artifact version.

    Raises:
        InvalidField: the path is absolute, too long, or has ``.``, ``..``, empty or unprintable parts or a backslash.
    """
    _check_text(field, text, MAX_PATH)
    _check_parts(field, text)
    if "\\" in text or ":" in text.split("/")[0][1:2]:
        raise InvalidField(field, f"{text!r} has a backslash or a drive letter; separate parts by '/'")
    return text


def parse_version(field: str, text: str) -> str:
    """Return a version label.

    Raises:
        InvalidField: the label is no number from 1 on and not a label either.
    """
    _check_text(field, text, MAX_NAME)
    if "/" in text or text != text.strip():
        raise InvalidField(field, f"{text!r} has a '/' or outer white space; write a number from 1 on or a label")
    if _INTEGER.fullmatch(text) and _NUMBER.fullmatch(text) is None:
        rule = "numbers run from 1 on and have at most 18 digits, without sign or leading zero"
        raise InvalidField(field, f"{text!r} is no version number; {rule}")
    return text


def version_number(label: str) -> int | None:
    """Return the number a label stands for, or ``None`` for a label that is no number."""
    return int(label) if _NUMBER.fullmatch(label) else None


def parse_format(field: str, text: str) -> str:
    """Return the name of a file layout.

    Raises:
        InvalidField: it is empty or no short plain word.
    """
    if _FORMAT.fullmatch(text) is None:
        rule = "a format is 1 to 64 lower-case letters, digits, '.', '_' or '-', such as 'json', 'npy' or 'bytes'"
        raise InvalidField(field, f"{text[:80]!r} is not allowed; {rule}")
    return text


def parse_alias(field: str, text: str) -> str:
    """Return an alias.

    Raises:
        InvalidField: it has other characters, is too long, or is a number.
    """
    if _ALIAS.fullmatch(text) is None or _INTEGER.fullmatch(text):
        rule = "an alias is 1 to 64 letters, digits, '.', '_' or '-', begins with a letter or digit, and is no number"
        raise InvalidField(field, f"{text[:80]!r} is not allowed; {rule}")
    return text


def parse_tag(field: str, text: str) -> str:
    """Return a tag.

    Raises:
        InvalidField: it is empty, too long or has control characters.
    """
    _check_text(field, text, MAX_NAME)
    return text


def parse_id(field: str, text: str) -> str:
    """Return the canonical text of a UUID.

    Raises:
        InvalidField: it is no UUID.
    """
    if _UUID.fullmatch(text) is None:
        raise InvalidField(field, f"{text[:80]!r} is no UUID")
    return text.lower()


def is_id(text: str) -> bool:
    """Tell whether a text has the form of a UUID."""
    return _UUID.fullmatch(text) is not None


def new_id() -> str:
    """Make a new random UUID."""
    return str(uuid.uuid4())


def _check_text(field: str, text: str, limit: int) -> None:
    if not text:
        raise InvalidField(field, "is empty; give it at least one character")
    if len(text) > limit:
        raise InvalidField(field, f"has {len(text)} characters; at most {limit} are allowed")
    if not text.isprintable():
        raise InvalidField(field, f"{text[:80]!r} has control or unprintable characters; remove them")


def _check_parts(field: str, text: str) -> None:
    parts = text.split("/")
    if "" in parts:
        raise InvalidField(field, f"{text!r} begins or ends with '/', or has '//'; remove it")
    if "." in parts or ".." in parts:
        raise InvalidField(field, f"{text!r} has a '.' or '..' part; remove it")
