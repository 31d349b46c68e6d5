"""Objects inside JSON documents: which families there are, and what each writes and reads.

A family is found by its marks (a dunder attribute, the module of the class), so that no
library is imported just to look.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from argosy.materializers.base import JSON, type_name
from argosy.materializers.json_family import dataclass_state

if TYPE_CHECKING:
    from argosy.materializers.json_family.encoding import JsonEncoder

ObjectEncoder = Callable[["JsonEncoder", Any], JSON]


def encoder_for(value: object) -> ObjectEncoder | None:
    """Return what writes this object inside a document, or ``None`` when it needs files of its own."""
    cls = type(value)
    if dataclass_state.reason_against(value) is None:
        return _encode_dataclass
    if is_pydantic_model(cls):
        from argosy.materializers.json_family import pydantic_state

        return _encode_model if pydantic_state.reason_against(value) is None else None
    library = cls.__module__.partition(".")[0]
    if library == "numpy":
        from argosy.materializers.json_family import numpy_scalars

        return numpy_scalars.encoder_for(value)
    if library == "pandas":
        from argosy.materializers.json_family import pandas_scalars

        return pandas_scalars.encoder_for(value)
    return None


def is_pydantic_model(cls: type) -> bool:
    """Tell whether a class is a pydantic (version 2) model, without importing pydantic."""
    return any(base.__name__ == "BaseModel" and base.__module__ == "pydantic.main" for base in cls.__mro__)


def _encode_dataclass(encoder: JsonEncoder, value: Any) -> JSON:
    fields, attributes = dataclass_state.state_of(value)
    return {"$dataclass": [type_name(type(value)), encoder.members(fields), *_rest(encoder, attributes)]}


def _encode_model(encoder: JsonEncoder, value: Any) -> JSON:
    from argosy.materializers.json_family import pydantic_state

    fields, rest = pydantic_state.state_of(value)
    return {"$model": [type_name(type(value)), encoder.members(fields), *_rest(encoder, rest)]}


def _rest(encoder: JsonEncoder, state: dict[str, Any]) -> list[JSON]:
    return [encoder.mapping(state)] if state else []


def _make_dataclass(cls: type, fields: dict[str, Any], attributes: dict[str, Any]) -> object:
    return dataclass_state.make(cls, fields, attributes)


def _make_model(cls: type, fields: dict[str, Any], rest: dict[str, Any]) -> object:
    from argosy.materializers.json_family import pydantic_state

    return pydantic_state.make(cls, fields, rest)


def _numpy(payload: list[Any]) -> object:
    from argosy.materializers.json_family import numpy_scalars

    return numpy_scalars.decode(payload)


def _pandas(payload: list[Any]) -> object:
    from argosy.materializers.json_family import pandas_scalars

    return pandas_scalars.decode(payload)


LIBRARY_DECODERS: dict[str, Callable[[list[Any]], object]] = {"$numpy": _numpy, "$pandas": _pandas}
"""Escapes of scalars that belong to a library."""

CLASS_DECODERS: dict[str, Callable[[type, dict[str, Any], dict[str, Any]], object]] = {
    "$dataclass": _make_dataclass,
    "$model": _make_model,
}
"""Escapes of objects of a recorded class: class, members, further state -> object."""
