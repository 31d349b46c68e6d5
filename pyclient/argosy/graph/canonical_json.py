"""One JSON text for each parameter value: what runs record and people read.

Equal values have equal texts: keys are sorted, nothing depends on the process. JSON knows
fewer types than Python, so texts are for people and records; the cache key is made from the
values themselves.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import math
import pathlib
import sys
import uuid
from collections.abc import Mapping
from typing import Any

_TEXT_LIKE = (uuid.UUID, pathlib.PurePath, decimal.Decimal)
_TIME_LIKE = (datetime.date, datetime.time)
_NO_NUMBERS = ("nan", "inf", "-inf")


def canonical_json(value: object) -> str:
    """Return the canonical JSON text of a JSON-like value.

    Raises:
        TypeError: some part of the value is not JSON-like; the message names the part and its type.
    """
    text = json.dumps(to_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TypeError("a text with half a surrogate pair, which UTF-8 cannot say") from None
    return text


def from_canonical(text: str) -> Any:
    """Return the plain value that a canonical JSON text says: floats without end too, which JSON itself lacks."""
    return json.loads(text, object_hook=_number_or_dict)


def _number_or_dict(found: dict[str, Any]) -> Any:
    return float(found["$float"]) if found.keys() == {"$float"} and found["$float"] in _NO_NUMBERS else found


def to_plain(value: object, path: str = "") -> Any:
    """Return the value as dicts, lists and scalars that the JSON encoder knows.

    Raises:
        TypeError: some part of the value is not JSON-like, refers to itself, or two keys have one text.
    """
    try:
        return _to_plain(value, path)
    except RecursionError:
        raise TypeError(f"a {type(value).__name__} that contains itself or is nested too deeply") from None


def _to_plain(value: object, path: str) -> Any:
    if isinstance(value, enum.Enum):
        return _to_plain(value.value, path)
    if value is None or isinstance(value, (bool, str)):
        return value if value is None or isinstance(value, bool) else str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
    if isinstance(value, _TEXT_LIKE):
        return str(value)
    if isinstance(value, _TIME_LIKE):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    return _container_to_plain(value, path)


def _container_to_plain(value: object, path: str) -> Any:
    if isinstance(value, (list, tuple)):
        return [_to_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return sorted((_to_plain(item, f"{path}{{...}}") for item in value), key=json.dumps)
    if isinstance(value, Mapping):
        return _mapping_to_plain(value, path)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _to_plain(getattr(value, field.name), f"{path}.{field.name}") for field in fields}
    if is_pydantic_model(value):
        return _model_to_plain(value, path)
    where = f" at {path}" if path else ""
    raise TypeError(f"a value of type {type(value).__name__}{where}, which is not JSON-like")


def _mapping_to_plain(value: Mapping[Any, Any], path: str) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, item in value.items():
        text = key if isinstance(key, str) and not isinstance(key, enum.Enum) else canonical_json(key).strip('"')
        if text in plain:
            raise TypeError(f"a dict whose keys have the text {text!r} twice{f' at {path}' if path else ''}")
        plain[text] = _to_plain(item, f"{path}[{key!r}]")
    return plain


def _model_to_plain(model: Any, path: str) -> Any:
    try:
        return model.model_dump(mode="json")
    except ValueError as error:  # of pydantic, for a field it cannot serialize
        where = f" at {path}" if path else ""
        raise TypeError(f"a {type(model).__name__}{where} that is not JSON-like ({error})") from None


def is_pydantic_model(value: object) -> bool:
    """Tell whether a value is an instance of a pydantic model; imports nothing."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(value, pydantic.BaseModel)
