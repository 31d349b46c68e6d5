"""Pydantic models taken apart and put together without running their validators again.

A validator may normalize, look at the clock or refuse what it once accepted; the state itself
is what must come back, as pydantic's own pickling does it.
"""

from __future__ import annotations

from typing import Any

from argosy.errors import MaterializerError
from argosy.materializers.base import type_name


def reason_against(value: Any) -> str | None:
    """Return why a model cannot be kept by its fields, or ``None`` when it can."""
    from pydantic import BaseModel, RootModel

    cls = type(value)
    for name in ("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__"):
        method = getattr(cls, name, None)
        if all(method is not getattr(base, name, None) for base in (BaseModel, RootModel)):
            return f"{type_name(cls)} defines {name}, so its fields may not be its state"
    if any(name.startswith("$") for name in cls.model_fields):
        return f"{type_name(cls)} has a field whose name begins with '$', which marks escapes in the json format"
    return None


def state_of(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a model, and what else it holds: unset fields, extra and private values.

    Cached properties are left out: they are computed again.
    """
    declared = type(value).model_fields
    fields = {name: content for name, content in value.__dict__.items() if name in declared}
    rest: dict[str, Any] = {}
    if value.model_fields_set != fields.keys():
        rest["fields_set"] = sorted(value.model_fields_set)
    if value.__pydantic_extra__:
        rest["extra"] = dict(value.__pydantic_extra__)
    if value.__pydantic_private__:
        rest["private"] = dict(value.__pydantic_private__)
    return fields, rest


def make(cls: type, fields: dict[str, Any], rest: dict[str, Any]) -> Any:
    """Make a model from its state; a field the class has gained since takes its default.

    Raises:
        MaterializerError: the class is no model, lacks a stored field, or gained a required one.
    """
    from pydantic import BaseModel

    if not issubclass(cls, BaseModel):
        raise MaterializerError(f"{type_name(cls)} was saved as a pydantic model and is none here; pass as_type=...")
    declared = cls.model_fields
    for name in fields.keys() - declared.keys():
        raise MaterializerError(
            f"the stored value has the field {name!r}, which {type_name(cls)} does not have; "
            f"load it with the class it was saved with, or pass as_type=..."
        )
    values = {}
    for name, field in declared.items():
        if name not in fields and field.is_required():
            raise MaterializerError(
                f"the stored value lacks the field {name!r} of {type_name(cls)}, which has no default; "
                f"load it with the class it was saved with, or give the field a default"
            )
        values[name] = fields[name] if name in fields else field.get_default(call_default_factory=True)
    made = cls.__new__(cls)
    has_private = bool(cls.__private_attributes__)
    made.__setstate__(
        {
            "__dict__": values,
            "__pydantic_fields_set__": set(rest.get("fields_set", fields)),
            "__pydantic_extra__": rest.get("extra", {}) if cls.model_config.get("extra") == "allow" else None,
            "__pydantic_private__": rest.get("private", {}) if has_private else None,
        }
    )
    return made
