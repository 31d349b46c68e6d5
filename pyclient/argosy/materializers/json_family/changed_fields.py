"""Classes that are not as they were when a value of them was saved, of any family of objects.

What would be lost is an error. A field that has got another type is a warning: its content is what was saved, and no
validator runs that could refuse or convert it.
"""

from __future__ import annotations

import typing
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from argosy.errors import MaterializerError
from argosy.materializers.base import type_name
from argosy.materializers.packages import VersionDriftWarning
from argosy.value_types import is_loaded_as
from argosy.value_types import type_name as written


def refuse_lost_fields(cls: type, stored: Collection[str], known: Collection[str]) -> None:
    """Refuse a class that lacks a field which was stored.

    Raises:
        MaterializerError: names the first such field.
    """
    for name in sorted(set(stored) - set(known)):
        raise MaterializerError(
            f"the stored value has the field {name!r}, which {type_name(cls)} does not have; "
            f"load it with the class it was saved with, or pass as_type=..."
        )


def lost_state(cls: type, what: str, why: str) -> MaterializerError:
    """Return what tells of content beside the fields that the class has no place for any more."""
    return MaterializerError(
        f"the stored value has {what}, which {type_name(cls)} does not keep: {why}; "
        f"load it with the class it was saved with, or pass as_type=..."
    )


def gained_field(cls: type, name: str) -> MaterializerError:
    """Return what tells of a field that was not stored and has no default."""
    return MaterializerError(
        f"the stored value lacks the field {name!r} of {type_name(cls)}, which has no default; "
        f"load it with the class it was saved with, or give the field a default"
    )


def default_of(cls: type, name: str, make: Callable[[], Any]) -> Any:
    """Return the default of a field that was not stored.

    Raises:
        MaterializerError: its factory, the user's code, failed.
    """
    try:
        return make()
    except Exception as error:
        raise MaterializerError(
            f"the stored value lacks the field {name!r} of {type_name(cls)}, whose default cannot be made: {error!r}; "
            f"load it with the class it was saved with, or correct the default"
        ) from error


FieldTypes: TypeAlias = Mapping[str, tuple[Any, Any]]
"""Name of a field -> its annotation, and the class that most of what fits is of, which is told without a look at it."""


def field_types(annotations: Mapping[str, Any]) -> FieldTypes:
    """Return the types of fields, without those whose values are of another class: an ``EmailStr`` is a ``str``."""
    return {
        name: (annotation, typing.get_origin(annotation) or annotation)
        for name, annotation in annotations.items()
        if not _is_for_pydantic(annotation)
    }


def _is_for_pydantic(annotation: Any) -> bool:
    if hasattr(annotation, "__get_pydantic_core_schema__") and not hasattr(annotation, "model_fields"):
        return True
    return any(_is_for_pydantic(argument) for argument in typing.get_args(annotation))


def warn_of_other_types(cls: type, stored: Mapping[str, Any], types: FieldTypes) -> None:
    """Warn of fields whose content is not of the type that the class says; what cannot be decided fits, and ``None``.

    ``name: str = None`` is often written, and says nothing of a change.
    """
    for name, content in stored.items():
        annotation, usual = types.get(name, (Any, Any))
        if content is None or type(content) is usual or usual is Any:
            continue
        if is_loaded_as(content, annotation) or is_loaded_as(_plain(content), annotation):
            continue
        warnings.warn(
            f"the field {name!r} of a stored {type_name(cls)} holds {written(type(content))}, and the class says "
            f"{written(annotation)}; it is loaded as it was saved: if the class has changed since, convert it and save "
            "it again, else correct the annotation",
            VersionDriftWarning,
            stacklevel=3,
        )


def _plain(content: Any) -> Any:
    """Return a scalar of numpy as Python's own, which annotations mean as well."""
    is_scalar = type(content).__module__ == "numpy" and getattr(content, "ndim", None) == 0
    return content.item() if is_scalar and hasattr(content, "item") else content
