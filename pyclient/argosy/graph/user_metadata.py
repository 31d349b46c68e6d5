"""Metadata, tags and words a user gives: what is not JSON, or not text, is refused by name."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from argosy.errors import ParameterError

MAX_METADATA_BYTES = 256 << 10
"""What the service takes: keys and JSON texts of one version, in UTF-8."""

MAX_DESCRIPTION_BYTES = 4 << 10
"""What the service takes: a description in UTF-8."""

_MAX_DEPTH = 20
_JSON = json.JSONEncoder(allow_nan=False, ensure_ascii=False)


def checked_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return metadata as plain JSON values: tuples become lists, scalars of numpy plain numbers.

    Raises:
        ParameterError: a key is no text, a value is not JSON, or all of it is too large; the message names it.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise ParameterError(f"metadata= takes a dict of text to JSON values, got {type(metadata).__name__}")
    plain = _plain_dict(metadata, "metadata", 0)
    refuse_too_much({key: fact_text(value) for key, value in plain.items()})
    return plain


def refuse_too_much(texts: Mapping[str, str]) -> None:
    """Refuse metadata the service does not take.

    Args:
        texts: the JSON text of each fact by its key.

    Raises:
        ParameterError: all of it together is too large; names the largest fact.
    """
    sizes = {key: len(key.encode()) + len(text.encode()) for key, text in texts.items()}
    if sum(sizes.values()) > MAX_METADATA_BYTES:
        largest = max(sizes, key=sizes.__getitem__)
        raise ParameterError(
            f"metadata has {sum(sizes.values())} bytes as JSON, of which metadata[{largest[:80]!r}] has "
            f"{sizes[largest]}; at most {MAX_METADATA_BYTES} are allowed: save it as an artifact"
        )


def fact_text(fact: object) -> str:
    """Return a fact as the JSON text that is stored.

    Raises:
        TypeError: it is not JSON.
        ValueError: it holds a number JSON cannot say.
    """
    return _JSON.encode(fact)


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags as a tuple.

    Raises:
        ParameterError: a single text, which would be taken apart into letters, or something that is no text.
    """
    if isinstance(tags, str):
        raise ParameterError(f"tags={tags!r} is one text; write tags=[{tags!r}]")
    given: object = tags
    if not isinstance(given, Iterable):
        raise ParameterError(f"tags={given!r} is no list of texts; write tags=['raw'], or leave it out")
    found = tuple(tags)
    for tag in found:
        if not isinstance(tag, str):
            raise ParameterError(f"tags= holds {tag!r}, which is no text; write {str(tag)!r}")
        _refuse_half_characters(tag, "tags=")
    return found


def checked_description(description: str) -> str:
    """Return words for people as they are.

    Raises:
        ParameterError: it is no text, too long, or has control characters.
    """
    if not isinstance(description, str):
        raise ParameterError(f"description= takes a text, got {type(description).__name__}")
    _refuse_half_characters(description, "description=")
    size = len(description.encode())
    if size > MAX_DESCRIPTION_BYTES:
        raise ParameterError(
            f"description= has {size} bytes; at most {MAX_DESCRIPTION_BYTES} are allowed: save a longer one as a file"
        )
    for character in description:
        if not character.isprintable() and character not in "\n\t":
            raise ParameterError(f"description= has the control character {character!r}; remove it")
    return description


def _plain_dict(value: Mapping[Any, Any], where: str, depth: int) -> dict[str, Any]:
    for key in value:
        if not isinstance(key, str):
            raise ParameterError(f"{where} has the key {key!r}, which is no text; write {str(key)!r}")
        if not key:
            raise ParameterError(f"{where} has an empty key; give it a name")
        _refuse_half_characters(key, where)
    return {key: _plain(item, f"{where}[{key!r}]", depth + 1) for key, item in value.items()}


def _plain(value: Any, where: str, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ParameterError(f"{where} is nested more than {_MAX_DEPTH} levels deep; save it as an artifact")
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        value = value.item()
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        _refuse_half_characters(value, where)
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ParameterError(f"{where} is {value}, which JSON cannot say; leave it out, or write None")
        return float(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return _plain_dict(value, where, depth)
    raise ParameterError(
        f"{where} is of type {type(value).__qualname__}, which JSON cannot say; convert it, or save it as an artifact"
    )


def _refuse_half_characters(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ParameterError(
            f"{where} holds {text[:80]!r}, which has half a surrogate pair and is no text in UTF-8; remove it"
        ) from None
