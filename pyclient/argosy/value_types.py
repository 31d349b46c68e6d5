"""Tells whether a value is what an annotation says, without walking through large data."""

from __future__ import annotations

import functools
import operator
import types
import typing
from typing import Annotated, Any, Literal, TypeVar, Union

_PROMOTED: dict[type, tuple[type, ...]] = {float: (float, int), complex: (complex, float, int)}
"""PEP 484: an int is fine where a float is expected."""


def is_instance_of(value: object, annotation: Any) -> bool:
    """Tell whether ``value`` fits ``annotation``; what cannot be decided counts as fitting.

    The items of containers are not looked at, except in tuples of fixed length.
    """
    annotation = plain_annotation(annotation)
    if any(annotation is anything for anything in (Any, object, ...)):
        return True
    if annotation is None:
        return value is None
    origin = typing.get_origin(annotation)
    if is_union(annotation):
        return any(is_instance_of(value, member) for member in typing.get_args(annotation))
    if origin is Literal:
        return any(
            value is choice or (type(value) is type(choice) and value == choice)
            for choice in typing.get_args(annotation)
        )
    if origin is tuple:
        return isinstance(value, tuple) and _fits_items(value, typing.get_args(annotation))
    if origin is type:
        return isinstance(value, type)
    return _is_instance(value, origin or annotation)


def is_loaded_as(value: object, annotation: Any) -> bool:
    """Tell whether a value that was loaded fits ``annotation``; what cannot be decided counts as fitting.

    A class of a script is pickled by value and comes back as another class of the same name, which is as good.
    """
    plain = plain_annotation(annotation)
    if is_union(plain):
        return any(is_loaded_as(value, member) for member in typing.get_args(plain))
    if isinstance(plain, type) and any(_stand_for_each_other(cls, plain) for cls in type(value).__mro__):
        return True
    return is_instance_of(value, plain)


def plain_annotation(annotation: Any) -> Any:
    """Strip ``Annotated``, ``NewType``, type aliases and type variables down to what they stand for."""
    while True:
        if typing.get_origin(annotation) is Annotated:
            annotation = annotation.__origin__
        elif isinstance(annotation, TypeVar):
            allowed = annotation.__constraints__ or (annotation.__bound__ or Any,)
            annotation = functools.reduce(operator.or_, allowed)
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        else:
            meant = without_alias(annotation)
            if meant is annotation:
                return annotation
            annotation = meant


def without_alias(annotation: Any) -> Any:
    """Return what a type alias (``type Pair = tuple[int, int]``) stands for, everything else as it is."""
    if type(annotation).__name__ == "TypeAliasType":
        return without_alias(annotation.__value__)
    origin = typing.get_origin(annotation)
    if type(origin).__name__ == "TypeAliasType":
        return without_alias(origin.__value__[typing.get_args(annotation)])
    return annotation


def is_union(annotation: Any) -> bool:
    """Tell whether an annotation is ``A | B``, ``Union[A, B]`` or ``Optional[A]``."""
    return typing.get_origin(annotation) in (Union, types.UnionType)


def without_none(annotation: Any) -> Any:
    """Return what an annotation stands for where a value is given: ``A`` for ``A | None``."""
    plain = plain_annotation(annotation)
    others = [member for member in typing.get_args(plain) if member is not types.NoneType] if is_union(plain) else []
    return plain_annotation(others[0]) if len(others) == 1 else plain


def type_name(annotation: Any) -> str:
    """Return how an annotation is written, short."""
    if typing.get_origin(annotation) is Annotated:
        return type_name(annotation.__origin__)
    return annotation.__name__ if isinstance(annotation, type) and not typing.get_args(annotation) else str(annotation)


def names_apart(found: type, asked: Any) -> tuple[str, str]:
    """Return how two types are written, with their modules where they are called the same."""
    if type_name(found) != type_name(asked) or not isinstance(asked, type):
        return type_name(found), type_name(asked)
    return f"{found.__module__}.{found.__qualname__}", f"{asked.__module__}.{asked.__qualname__}"


def _fits_items(value: tuple[object, ...], items: tuple[Any, ...]) -> bool:
    if not items or ... in items or len(items) != len(value):
        return not items or ... in items
    return all(is_instance_of(part, item) for part, item in zip(value, items, strict=True))


def _stand_for_each_other(cls: type, other: type) -> bool:
    """Tell whether two classes of one name may be one: a frame of pandas and a frame of polars are not."""
    homes = {cls.__module__.partition(".")[0], other.__module__.partition(".")[0]}
    return cls.__qualname__ == other.__qualname__ and (len(homes) == 1 or "__main__" in homes)


def _is_instance(value: object, cls: Any) -> bool:
    try:
        return isinstance(value, _PROMOTED.get(cls, cls))
    except TypeError:  # a protocol or form that isinstance cannot answer
        return True
