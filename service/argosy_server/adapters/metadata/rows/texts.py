"""Mappings, lists and errors as the JSON the tables keep."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from argosy_server.domain.pipeline import EntryPoint, RunError

_JSON = json.JSONEncoder(ensure_ascii=False)


def dump(value: Mapping[str, str] | Sequence[str]) -> str:
    """Return the text of a mapping or list of texts."""
    return _JSON.encode(dict(value) if isinstance(value, Mapping) else list(value))


def load_mapping(text: str) -> dict[str, str]:
    """Return the mapping :func:`dump` wrote."""
    return {} if text == "{}" else dict(json.loads(text))


def load_texts(text: str) -> tuple[str, ...]:
    """Return the list :func:`dump` wrote."""
    return () if text == "[]" else tuple(json.loads(text))


def dump_error(error: RunError | None) -> str | None:
    """Return the text of an error, which may hold characters a database refuses in plain text."""
    return None if error is None else dump([error.type, error.message, error.invocation])


def load_error(text: str | None) -> RunError | None:
    """Return the error :func:`dump_error` wrote."""
    return None if text is None else RunError(*load_texts(text))


def dump_entry_point(entry_point: EntryPoint | None) -> str:
    """Return the text of an entry point."""
    if entry_point is None:
        return ""
    return dump([entry_point.module, entry_point.qualname, entry_point.file, *entry_point.arguments])


def load_entry_point(text: str) -> EntryPoint | None:
    """Return the entry point :func:`dump_entry_point` wrote."""
    if not text:
        return None
    module, qualname, file, *arguments = load_texts(text)
    return EntryPoint(module, qualname, file, tuple(arguments))
