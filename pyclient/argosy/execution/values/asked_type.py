"""What ``as_type=`` asks for: refused when it is no type, and held to once the value is loaded."""

from __future__ import annotations

import typing
from typing import Any

from argosy.errors import MaterializerError, ParameterError
from argosy.graph.brief import brief
from argosy.value_types import is_loaded_as, names_apart, plain_annotation


def check_asked_type(as_type: object) -> None:
    """Refuse what is neither ``None`` nor a class nor an annotation.

    Raises:
        ParameterError: names what was given.
    """
    if as_type is None:
        return
    plain = plain_annotation(as_type)
    if not isinstance(plain, type) and typing.get_origin(plain) is None and plain is not Any:
        raise ParameterError(f"as_type={brief(as_type)} is no type; pass a class, or an annotation such as list[int]")


def check_loaded_type(value: object, as_type: object, name: str) -> None:
    """Refuse a value which is not of the type that was asked for.

    Args:
        value: what was loaded.
        as_type: what was asked for, ``None`` for nothing.
        name: names the value in the message.

    Raises:
        MaterializerError: names both types.
    """
    if as_type is not None and not is_loaded_as(value, as_type):
        found, asked = names_apart(type(value), as_type)
        raise MaterializerError(
            f"{name} is a {found}, not a {asked} as as_type= says; leave as_type= out, or correct it"
        )
