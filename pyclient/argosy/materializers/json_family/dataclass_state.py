"""Dataclass instances taken apart and put together without running ``__init__``.

``__init__`` and ``__post_init__`` may compute, validate or ask for ``InitVar`` arguments that
are gone by the time the value is saved; the state itself is what must come back.
"""

from __future__ import annotations

import copyreg
import dataclasses
import functools
import typing
from typing import Any

from argosy.errors import MaterializerError
from argosy.materializers.base import type_name
from argosy.materializers.json_family.changed_fields import (
    FieldTypes,
    default_of,
    field_types,
    gained_field,
    lost_state,
    refuse_lost_fields,
    warn_of_other_types,
)

_HEAP_TYPE = 1 << 9
"""``Py_TPFLAGS_HEAPTYPE``: the class is written in Python, so its state is its dict and slots."""

_NOT_STATE = frozenset({"__dict__", "__weakref__"})


def is_dataclass_type(cls: object) -> bool:
    """Tell whether ``cls`` is itself a dataclass, not merely a subclass of one."""
    return isinstance(cls, type) and "__dataclass_fields__" in cls.__dict__


def reason_against(value: object) -> str | None:
    """Return why a value cannot be kept as a dataclass, or ``None`` when it can."""
    cls = type(value)
    name = type_name(cls)
    if not is_dataclass_type(cls):
        return f"{name} is not a dataclass"
    for base in cls.__mro__[:-1]:
        if not base.__flags__ & _HEAP_TYPE and base.__module__ != "typing":
            return f"{name} also is a {base.__qualname__}, whose state lies outside its fields"
    if _customizes_pickling(cls):
        return f"{name} defines its own way of being pickled, so its fields may not be its state"
    names = {field.name for field in dataclasses.fields(value)}  # type: ignore[arg-type]  # checked above
    for field in sorted(names):
        if not hasattr(value, field):
            return f"field {field!r} of {name} was never set"
    for slot in sorted(_slots(cls) - names):
        if hasattr(value, slot):
            return f"{name} keeps state in the slot {slot!r}, which is no field"
    return None


def _customizes_pickling(cls: type) -> bool:
    if any(getattr(cls, name) is not getattr(object, name) for name in ("__reduce_ex__", "__reduce__")):
        return True
    for name in ("__getstate__", "__setstate__"):
        method = getattr(cls, name, None)
        ours = method is getattr(object, name, None) or getattr(method, "__module__", "") == "dataclasses"
        if not ours:
            return True
    return "__getnewargs__" in dir(cls) or "__getnewargs_ex__" in dir(cls) or cls in copyreg.dispatch_table


def _slots(cls: type) -> set[str]:
    found: set[str] = set()
    for base in cls.__mro__:
        slots = base.__dict__.get("__slots__", ())
        found.update((slots,) if isinstance(slots, str) else slots)
    return found - _NOT_STATE


def state_of(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of an instance, and its further attributes (cached properties left out)."""
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    cls = type(value)
    attributes = {
        name: content
        for name, content in getattr(value, "__dict__", {}).items()
        if name not in fields
        # What ``Box[int](...)`` leaves behind for typing tools; it is not part of the value.
        and name != "__orig_class__"
        and not isinstance(getattr(cls, name, None), functools.cached_property)
    }
    return fields, attributes


def make(cls: type, fields: dict[str, Any], attributes: dict[str, Any]) -> Any:
    """Make an instance from its state; a field the class has gained since takes its default.

    Raises:
        MaterializerError: the class is no dataclass, lacks a stored field, has no place for a further attribute, or
            gained a field without default.
    """
    if not is_dataclass_type(cls):
        raise MaterializerError(f"{type_name(cls)} was saved as a dataclass and is none here; pass as_type=...")
    known = {field.name: field for field in dataclasses.fields(cls)}
    refuse_lost_fields(cls, fields.keys(), known.keys())
    values = {name: fields[name] if name in fields else _default(cls, field) for name, field in known.items()}
    made: Any = object.__new__(cls)
    for name, content in values.items():
        object.__setattr__(made, name, content)
    for name, content in attributes.items():
        try:
            object.__setattr__(made, name, content)
        except AttributeError as error:  # it has slots now, or a property of that name
            raise lost_state(cls, f"the attribute {name!r}", str(error)) from error
    warn_of_other_types(cls, fields, _field_types(cls))
    return made


def _default(cls: type, field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return default_of(cls, field.name, field.default_factory)
    raise gained_field(cls, field.name)


@functools.lru_cache(maxsize=256)
def _field_types(cls: type) -> FieldTypes:
    """Return the types of the fields; empty where they cannot be told, such as names for type checkers alone."""
    try:
        return field_types(typing.get_type_hints(cls))
    except Exception:  # annotations are any code
        return {}
