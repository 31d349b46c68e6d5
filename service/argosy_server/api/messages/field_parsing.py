"""Checks of single fields of a request that more than one message has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sized
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import NoReturn, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from argosy_server.domain.errors import InvalidField, LimitExceeded
from argosy_server.domain.identifiers import parse_tag
from argosy_server.domain.limits import Limits

MAX_TEXT = 255
MAX_KEYS = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MAX_DURATION = timedelta(days=36_500)
MAX_DESCRIPTION_BYTES = 4 << 10
E = TypeVar("E", bound=Enum)
K = TypeVar("K", bound=int)


def parse_text(field: str, text: str, *, required: bool = False) -> str:
    """Return a short text of one line that may be empty unless ``required``.

    Raises:
        InvalidField: it is missing, too long, or has unprintable characters.
    """
    if required and not text:
        raise InvalidField(field, "is empty; give it at least one character")
    if len(text) > MAX_TEXT:
        raise InvalidField(field, f"has {len(text)} characters; at most {MAX_TEXT} are allowed")
    if not text.isprintable():
        raise InvalidField(field, f"{text[:80]!r} has control or unprintable characters; remove them")
    return text


def parse_optional(parse: Callable[[str, str], str], field: str, text: str) -> str:
    """Return what ``parse`` makes of a text, ``""`` when it was left out.

    Raises:
        InvalidField: as ``parse`` does.
    """
    return parse(field, text) if text else ""


def parse_description(field: str, text: str) -> str:
    """Return words for people, which may have several lines.

    Raises:
        InvalidField: it has characters that no text has.
        LimitExceeded: it is too long.
    """
    size = len(text.encode())
    if size > MAX_DESCRIPTION_BYTES:
        raise LimitExceeded(
            f"{field}: has {size} bytes; at most {MAX_DESCRIPTION_BYTES} are allowed, save a longer text as a file",
            limit=MAX_DESCRIPTION_BYTES,
        )
    if not all(character.isprintable() or character in "\n\t" for character in text):
        raise InvalidField(field, "has control characters other than line ends and tabs; remove them")
    return text


def parse_size(field: str, size: int) -> int:
    """Return a number of bytes.

    Raises:
        InvalidField: it is negative.
    """
    if size < 0:
        raise InvalidField(field, f"{size} is negative; a size counts bytes from 0 on")
    return size


def parse_count(field: str, number: int) -> int:
    """Return a number that counts something.

    Raises:
        InvalidField: it is negative.
    """
    if number < 0:
        raise InvalidField(field, f"{number} is negative; count from 0 on")
    return number


def require_message(field: str, holder: Message, name: str) -> None:
    """Check that a sub-message was sent.

    Raises:
        InvalidField: it was left out.
    """
    if not holder.HasField(name):
        raise InvalidField(field, "is missing; it is required")


def require_items(field: str, items: Sized) -> None:
    """Check that a list is not empty.

    Raises:
        InvalidField: it is.
    """
    if not items:
        raise InvalidField(field, "is empty; send at least one")


def parse_enum(field: str, value: K, meanings: Mapping[K, E]) -> E:
    """Return what a value of an enum stands for.

    Raises:
        InvalidField: the value is unset, unknown, or not allowed here.
    """
    known = meanings.get(value)
    if known is None:
        allowed = ", ".join(meaning.name for meaning in meanings.values())
        raise InvalidField(field, f"{value} is not allowed here; use one of {allowed}")
    return known


def parse_json_map(field: str, values: Mapping[str, str], limits: Limits, *, removals: bool = False) -> dict[str, str]:
    """Return a map whose values are the texts of JSON documents.

    Args:
        field: how the request calls it.
        values: as received.
        limits: how many bytes it may have.
        removals: whether an empty text is allowed (it removes its key).

    Raises:
        InvalidField: a key is malformed or a value is no JSON document.
        LimitExceeded: it has too many keys or bytes.
    """
    parsed = parse_text_map(field, values, limits)
    for key, text in parsed.items():
        if text or not removals:
            _check_json(f"{field}[{key!r}]", text)
    return parsed


def parse_text_map(field: str, values: Mapping[str, str], limits: Limits) -> dict[str, str]:
    """Return a map of short keys to any texts.

    Raises:
        InvalidField: a key is malformed.
        LimitExceeded: it has too many keys or bytes.
    """
    if len(values) > MAX_KEYS:
        raise LimitExceeded(f"{field}: has {len(values)} keys; at most {MAX_KEYS} are allowed", limit=MAX_KEYS)
    parsed = {parse_text(f"{field} key", key, required=True): text for key, text in values.items()}
    size = sum(len(key.encode()) + len(text.encode()) for key, text in parsed.items())
    if size > limits.max_metadata_bytes:
        raise LimitExceeded(
            f"{field}: has {size} bytes; at most {limits.max_metadata_bytes} are allowed, save big values as artifacts",
            limit=limits.max_metadata_bytes,
        )
    return parsed


def parse_tags(field: str, tags: Iterable[str], limits: Limits) -> tuple[str, ...]:
    """Return tags, sorted and each once.

    Raises:
        InvalidField: a tag is malformed.
        LimitExceeded: they have too many bytes.
    """
    parsed = sorted({parse_tag(f"{field}[{index}]", tag) for index, tag in enumerate(tags)})
    size = sum(len(tag.encode()) for tag in parsed)
    if len(parsed) > MAX_KEYS:
        raise LimitExceeded(f"{field}: has {len(parsed)} tags; at most {MAX_KEYS} are allowed", limit=MAX_KEYS)
    if size > limits.max_metadata_bytes:
        raise LimitExceeded(
            f"{field}: has {size} bytes; at most {limits.max_metadata_bytes} are allowed, choose shorter or fewer tags",
            limit=limits.max_metadata_bytes,
        )
    return tuple(parsed)


def parse_timestamp(field: str, holder: Message, name: str) -> datetime | None:
    """Return a time in UTC, ``None`` when it was left out.

    Raises:
        InvalidField: it lies outside the years 1 to 9999.
    """
    if not holder.HasField(name):
        return None
    timestamp: Timestamp = getattr(holder, name)
    try:
        return timestamp.ToDatetime(tzinfo=timezone.utc)
    except (ValueError, OverflowError) as error:
        raise InvalidField(field, "is no time between the years 1 and 9999") from error


def parse_duration(field: str, holder: Message, name: str) -> timedelta | None:
    """Return a length of time, ``None`` when it was left out.

    Raises:
        InvalidField: it is negative or longer than a time can be.
    """
    if not holder.HasField(name):
        return None
    duration: Duration = getattr(holder, name)
    try:
        length = duration.ToTimedelta()
    except (ValueError, OverflowError) as error:
        raise InvalidField(field, "is no length of time that can be counted") from error
    if not timedelta() <= length <= MAX_DURATION:
        raise InvalidField(field, f"{length} is negative or too long; use a time from 0 to {MAX_DURATION.days} days")
    return length


def render_timestamp(moment: datetime) -> Timestamp:
    """Return a time as a message."""
    since = moment - _EPOCH  # three times as fast as Timestamp's own way, and lists have thousands
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def _check_json(field: str, text: str) -> None:
    try:
        _JSON.decode(text)
    except (ValueError, RecursionError) as error:
        raise InvalidField(field, f"{text[:80]!r} is no JSON document ({error})") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not part of JSON")


# Numbers stay texts: Python refuses to read very long ones, JSON does not. Made once: a decoder costs more than a text.
_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant)
