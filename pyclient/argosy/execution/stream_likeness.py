"""Classes of what stands in for a stream: it has whatever else the original has."""

from __future__ import annotations

import functools
from typing import Any


def class_like(base: Any, original: Any, set_by_objects: frozenset[str], buffer: property | None = None) -> Any:
    """Return a subclass of ``base`` whose further attributes are those of a stream.

    With a ``__getattr__`` each ``print`` would take half as long again, whether or not it is called.

    Args:
        base: a class whose objects have the stream as their ``original``.
        original: the stream.
        set_by_objects: the attributes that objects of ``base`` set for themselves.
        buffer: what stands in for the binary stream below, where the original has one.
    """
    kind: Any = type(original)
    own = tuple(getattr(original, "__dict__", ()))
    return _class_like(base, kind, own, set_by_objects, buffer)


@functools.lru_cache(maxsize=32)
def _class_like(
    base: Any, kind: Any, own: tuple[str, ...], set_by_objects: frozenset[str], buffer: property | None
) -> Any:
    theirs = {name for name in (*dir(kind), *own) if not name.startswith("__")}
    further = {name: _of_original(name) for name in theirs - {*dir(base), *set_by_objects}}
    if buffer is not None and "buffer" in further:
        further["buffer"] = buffer
    return type(base.__name__, (base,), further)


def _of_original(name: str) -> property:
    return property(lambda stream: getattr(stream.original, name))
