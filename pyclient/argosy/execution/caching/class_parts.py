"""What a class is made of, as far as it changes what code does."""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Any

_BOOKKEEPING = frozenset(
    {
        "__abstractmethods__",
        "__annotate__",
        "__annotate_func__",
        "__annotations__",
        "__annotations_cache__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__module__",
        "__qualname__",
        "__signature__",
        "__slotnames__",
        "__static_attributes__",
        "__weakref__",
        "_abc_impl",
    }
)
_KEPT_BY_PYDANTIC = "__pydantic_fields__"


def class_attributes(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield name and content of what the class itself defines, sorted by name; bases are not included."""
    yield "__annotations__", _annotations(cls)
    if issubclass(cls, enum.Enum):
        yield "members", [(member.name, member.value) for member in cls.__members__.values()]
    for name, content in sorted(vars(cls).items()):
        if name in _BOOKKEEPING or (name.startswith("__pydantic_") and name != _KEPT_BY_PYDANTIC):
            continue
        if issubclass(cls, enum.Enum) and not isinstance(content, (FunctionType, classmethod, staticmethod)):
            continue
        yield name, _unwrapped(content)


def _unwrapped(content: Any) -> Any:
    """Return the functions inside a descriptor, everything else as it is."""
    if isinstance(content, (staticmethod, classmethod)):
        return type(content).__name__, content.__func__
    if isinstance(content, property):
        return "property", content.fget, content.fset, content.fdel
    if isinstance(content, functools.cached_property):
        return "cached_property", content.func
    return content


def _annotations(cls: type) -> dict[str, Any]:
    try:
        return dict(inspect.get_annotations(cls))
    except NameError as error:  # from Python 3.14 on annotations are evaluated only here
        return {"": str(error)}
