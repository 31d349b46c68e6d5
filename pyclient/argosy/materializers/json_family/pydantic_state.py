"""Pydantic models taken apart and put together without running their validators again.

A validator may normalize, look at the clock or refuse what it once accepted; the state itself
is what must come back, as pydantic's own pickling does it.
"""

from __future__ import annotations

import copy
import functools
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
    """Return the fields of a model, and what else it holds: unset fields, extra and private values, attributes.

    Cached properties are left out: they are computed again.
    """
    declared = type(value).model_fields
    fields = {name: content for name, content in value.__dict__.items() if name in declared}
    rest: dict[str, Any] = {}
    attributes = {name: content for name, content in value.__dict__.items() if _is_undeclared(type(value), name)}
    if attributes:
        rest["attributes"] = attributes
    if value.model_fields_set != fields.keys():
        rest["fields_set"] = sorted(value.model_fields_set)
    if value.__pydantic_extra__:
        rest["extra"] = dict(value.__pydantic_extra__)
    if value.__pydantic_private__:
        rest["private"] = dict(value.__pydantic_private__)
    return fields, rest


def _is_undeclared(cls: Any, name: str) -> bool:
    """Tell whether an attribute was set by ``model._note = 1`` with no such name in the class."""
    if name in cls.model_fields or not name.startswith("_"):
        return False
    return not isinstance(getattr(cls, name, None), functools.cached_property)


def make(cls: type, fields: dict[str, Any], rest: dict[str, Any]) -> Any:
    """Make a model from its state; a field or private attribute the class has gained since takes its default.

    Raises:
        MaterializerError: the class is no model, lacks a stored field or private attribute, keeps no extra values
            although some were stored, or gained a required field.
    """
    from pydantic import BaseModel

    if not issubclass(cls, BaseModel):
        raise MaterializerError(f"{type_name(cls)} was saved as a pydantic model and is none here; pass as_type=...")
    declared = cls.model_fields
    refuse_lost_fields(cls, fields.keys(), declared.keys())
    _refuse_lost_state(cls, rest)
    values: dict[str, Any] = {}
    for name, field in declared.items():
        if name not in fields and field.is_required():
            raise gained_field(cls, name)
        make_default = functools.partial(field.get_default, call_default_factory=True, validated_data=values)
        values[name] = fields[name] if name in fields else default_of(cls, name, make_default)
    made = cls.__new__(cls)
    made.__setstate__(
        {
            "__dict__": {**values, **rest.get("attributes", {})},
            "__pydantic_fields_set__": set(rest.get("fields_set", fields)),
            "__pydantic_extra__": rest.get("extra", {}) if cls.model_config.get("extra") == "allow" else None,
            "__pydantic_private__": _private(cls, values, rest) if cls.__private_attributes__ else None,
        }
    )
    warn_of_other_types(cls, fields, _field_types(cls))
    return made


def _refuse_lost_state(cls: Any, rest: dict[str, Any]) -> None:
    policy = cls.model_config.get("extra", "ignore")
    for name in rest.get("extra", {}) if policy != "allow" else ():
        raise lost_state(cls, f"the extra value {name!r}", f"its model_config says extra={policy!r}, not 'allow'")
    for name in sorted(rest.get("private", {}).keys() - cls.__private_attributes__.keys()):
        raise lost_state(cls, f"the private attribute {name!r}", "it declares none of that name")


def _private(cls: Any, values: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """Return the private attributes: what was stored, and the defaults of those the class has gained since."""
    from pydantic_core import PydanticUndefined

    private = dict(rest.get("private", {}))
    for name, attribute in cls.__private_attributes__.items():
        if name in private:
            continue
        if attribute.default_factory is not None:
            needs_values = getattr(attribute, "default_factory_takes_validated_data", False)
            make = functools.partial(attribute.default_factory, *([{**values, **private}] if needs_values else []))
            private[name] = default_of(cls, name, make)
        elif attribute.default is not PydanticUndefined:
            private[name] = copy.deepcopy(attribute.default)
    return private


@functools.lru_cache(maxsize=256)
def _field_types(cls: Any) -> FieldTypes:
    """Return the types of the fields but of those with validators, which may make values of any other type."""
    decorators = cls.__pydantic_decorators__
    with_validators = {
        name
        for validator in (*decorators.field_validators.values(), *decorators.validators.values())
        for name in validator.info.fields
    }
    return field_types(
        {
            name: field.annotation
            for name, field in cls.model_fields.items()
            if not {name, "*"} & with_validators and not any(map(_is_validator, field.metadata))
        }
    )


def _is_validator(metadata: object) -> bool:
    return type(metadata).__module__ == "pydantic.functional_validators"
