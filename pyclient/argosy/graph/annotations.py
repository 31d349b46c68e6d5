"""Resolves a function's annotations, one by one, also postponed and local ones.

``from __future__ import annotations`` turns every annotation into text, and its names may
live in the function around the decorated one. They are looked up in the function's globals,
in its closure and in the frames that are defining it.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any


@dataclass(frozen=True)
class Unresolved:
    """Stands for an annotation that could not be evaluated.

    Attributes:
        text: the annotation as written.
        reason: why it could not be evaluated.
    """

    text: str
    reason: str


def resolve_annotations(function: Callable[..., Any], frame: FrameType | None) -> dict[str, Any]:
    """Return name -> annotation of every annotated parameter and of ``return``.

    Args:
        function: the decorated function.
        frame: the frame in which it is being decorated, for classes local to a function.
    """
    try:
        annotations = inspect.get_annotations(function)
    except NameError as error:  # from Python 3.14 on annotations are evaluated only here
        unresolved = Unresolved("an annotation", str(error))
        return dict.fromkeys((*inspect.signature(function).parameters, "return"), unresolved)
    global_names = getattr(inspect.unwrap(function), "__globals__", {})
    local_names = _local_names(function, frame)
    return {name: _resolve(name, text, global_names, local_names) for name, text in annotations.items()}


def _resolve(name: str, annotation: Any, global_names: dict[str, Any], local_names: Mapping[str, Any]) -> Any:
    if annotation is ... or (isinstance(annotation, str) and annotation.strip() in ("...", "Ellipsis")):
        return ...
    holder = types.SimpleNamespace(__annotations__={name: annotation})
    try:
        hints = typing.get_type_hints(holder, global_names, dict(local_names), include_extras=True)
    except Exception as error:  # an annotation is the user's expression: it can raise anything
        return Unresolved(annotation if isinstance(annotation, str) else repr(annotation), str(error))
    return hints[name]


def _local_names(function: Callable[..., Any], frame: FrameType | None) -> dict[str, Any]:
    """Collect the names around a function, the innermost scope winning."""
    scopes: list[Mapping[str, Any]] = []
    enclosing = function.__qualname__.split(".")[:-1]
    while frame is not None and frame.f_code.co_name in enclosing:
        scopes.append(frame.f_locals)
        frame = frame.f_back
    names: dict[str, Any] = {}
    for scope in reversed(scopes):
        names.update(scope)
    inner = inspect.unwrap(function)
    cells = zip(inner.__code__.co_freevars, getattr(inner, "__closure__", None) or (), strict=False)
    names.update({name: cell.cell_contents for name, cell in cells if _is_filled(cell)})
    return names


def _is_filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - reading an empty cell is how one learns that it is empty
    except ValueError:
        return False
    return True
