"""What a type annotation alone says about how its values will be kept."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import importlib.util
import inspect
import types
import typing
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from argosy.materializers.base import registered_for, type_name
from argosy.materializers.catalog import IDS_BY_TYPE
from argosy.materializers.json_family import dataclass_state
from argosy.materializers.json_family.encoding import JSON_TYPES
from argosy.materializers.json_family.objects import is_pydantic_model

_CONTAINERS = (list, tuple, dict, set, frozenset)
_EXTRAS = {"argosy.pandas": "pyarrow", "argosy.pandas_series": "pyarrow", "argosy.sklearn": "skops"}
"""Materializers which need a library beyond the one of the value."""


def needs_pickle(annotation: object) -> bool | None:
    """Tell whether values of an annotation could only be kept by pickle.

    ``False`` says that values of the very type are kept without (an array of Python objects
    still is not); ``None`` that it cannot be told before there is a value.
    """
    return _ask(annotation, frozenset())


def _ask(annotation: object, asked: frozenset[object]) -> bool | None:
    if annotation is None:
        return False
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if type(annotation).__name__ == "TypeAliasType":
        return _ask(annotation.__value__, asked)  # type: ignore[attr-defined]  # it has one, in every version
    if type(origin).__name__ == "TypeAliasType":  # NDArray[float] is one from numpy 2.5 on
        return _ask(origin.__value__[arguments], asked)  # type: ignore[union-attr]
    if origin is typing.Annotated:
        return _ask(arguments[0], asked)
    if origin is typing.Literal:
        return False
    if origin is typing.Union or origin is types.UnionType:
        answers = {_ask(argument, asked) for argument in arguments}
        return answers.pop() if len(answers) == 1 else None
    if origin in _CONTAINERS:
        return _any_of((argument for argument in arguments if argument not in (..., ())), asked)
    if origin is not None:
        # A generic class of the user's, or np.ndarray[...]: its arguments say nothing about its files.
        return _ask_class(origin, asked) if isinstance(origin, type) else None
    supertype = getattr(annotation, "__supertype__", None)
    if supertype is not None:
        return _ask(supertype, asked)
    return _ask_class(annotation, asked) if isinstance(annotation, type) else None


def _any_of(annotations: Iterable[object], asked: frozenset[object]) -> bool | None:
    answers = {_ask(annotation, asked) for annotation in annotations}
    if True in answers:
        return True
    return None if None in answers else False


def _ask_class(cls: type, asked: frozenset[object]) -> bool | None:
    if cls in asked:
        return False  # a recursive class: the rest of it decides
    asked |= {cls}
    if cls is object or _is_open(cls):
        return None
    if any(registered_for(base) for base in cls.__mro__):
        return False
    if cls in _CONTAINERS or cls in (
        slice,
        *(kind for kind in JSON_TYPES if issubclass(kind, collections.abc.Mapping)),
    ):
        return None
    if dataclass_state.is_dataclass_type(cls):
        return _ask_dataclass(cls, asked)
    if is_pydantic_model(cls):
        fields: dict[str, Any] = cls.model_fields  # type: ignore[attr-defined]  # it is a model
        return _any_of((field.annotation for field in fields.values()), asked)
    for base in cls.__mro__:
        identifiers = IDS_BY_TYPE.get(type_name(base), ())
        if identifiers:
            return _ask_builtin(cls, base, identifiers)
    return None if _has_keepable_subclass(cls, asked) else True


def _ask_builtin(cls: type, base: type, identifiers: tuple[str, ...]) -> bool | None:
    needed = _EXTRAS.get(identifiers[0])
    if needed is not None and importlib.util.find_spec(needed) is None:
        return True
    if identifiers[0] == "argosy.sklearn":
        return None  # skops answers for a value only
    if base is cls or issubclass(cls, (PurePath, enum.Enum)) or type_name(base) == "numpy:generic":
        return False
    return None  # a subclass of a builtin: named tuples are kept, others are not


def _ask_dataclass(cls: type, asked: frozenset[object]) -> bool | None:
    try:
        hints = typing.get_type_hints(cls)
    except (NameError, TypeError, AttributeError):
        return None
    return _any_of((hints[field.name] for field in dataclasses.fields(cls)), asked)


def _is_open(cls: type) -> bool:
    """Tell whether a class only describes what its values can do, not what they are."""
    if inspect.isabstract(cls) or getattr(cls, "_is_protocol", False):
        return True
    return cls.__module__ in ("typing", "collections.abc", "abc", "numbers")


def _has_keepable_subclass(cls: type, asked: frozenset[object]) -> bool:
    subclasses: list[type] = type.__subclasses__(cls)
    return any(_ask_class(subclass, asked) is not True for subclass in subclasses)
