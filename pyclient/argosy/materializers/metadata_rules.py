"""What a materializer says about a value, made fit for JSON."""

from __future__ import annotations

import math
from typing import Any

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON

_MAX_DEPTH = 20


def as_metadata(metadata: Any, source: str) -> dict[str, JSON]:
    """Return metadata as strict JSON: numpy scalars become numbers, NaN and infinities ``None``.

    Raises:
        MaterializerError: it is no dict of text keys, or holds something else; names the key.
    """
    if not isinstance(metadata, dict):
        raise MaterializerError(f"{source}.extract_metadata must return a dict, got {type(metadata).__name__}")
    return {_key(key, source): _as_json(item, f"{source}: metadata[{key!r}]", 0) for key, item in metadata.items()}


def _key(key: object, where: str) -> str:
    if type(key) is not str:
        raise MaterializerError(f"{where}: metadata keys are text, got {key!r}")
    return key


def _as_json(item: Any, where: str, depth: int) -> JSON:
    if depth > _MAX_DEPTH:
        raise MaterializerError(f"{where} is nested more than {_MAX_DEPTH} levels deep")
    if item is None or type(item) in (bool, int, str):
        return item  # type: ignore[no-any-return]  # one of the three
    if type(item) is float:
        return item if math.isfinite(item) else None
    if isinstance(item, (list, tuple)):
        return [_as_json(part, f"{where}[{index}]", depth + 1) for index, part in enumerate(item)]
    if isinstance(item, dict):
        return {_key(key, where): _as_json(part, f"{where}[{key!r}]", depth + 1) for key, part in item.items()}
    if type(item).__module__ == "numpy" and getattr(item, "shape", None) == ():
        return _as_json(item.item(), where, depth + 1)
    raise MaterializerError(f"{where} is a {type(item).__qualname__}; metadata holds what JSON can say")
