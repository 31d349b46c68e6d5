"""Finds the name under which a function holds what cannot be sent to a worker process, for the message."""

from __future__ import annotations

import contextlib
import dis
import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType


def holder_of_what_stays(function: Callable[..., object], travels: Callable[[object], bool]) -> str:
    """Return which name stands for what cannot be sent: ``"the global 'lock' of function 'scale'"``; empty for none.

    Args:
        function: the step's function; those it uses are looked into, too.
        travels: tells whether a value can be sent.
    """
    seen: set[int] = set()
    inner = ""
    searched: object = function
    while isinstance(searched, FunctionType) and id(searched) not in seen:
        seen.add(id(searched))
        owner = f" of function {searched.__qualname__!r}" if inner else ""
        for kind, name, value in _held_by(searched):
            if id(value) not in seen and not travels(value):
                inner, searched = f"{kind} {name!r}{owner}", _function_of(value)
                break
        else:
            break
    return inner


def _held_by(function: FunctionType) -> Iterator[tuple[str, str, object]]:
    """Yield what travels with a function that is sent whole."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # nothing was assigned yet
            yield "the variable", name, cell.cell_contents
    for name in dict.fromkeys(_global_names(function.__code__)):
        if name in function.__globals__:
            yield "the global", name, function.__globals__[name]
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is not parameter.empty:
            yield "the default of", name, parameter.default


def _global_names(code: CodeType) -> Iterator[str]:
    yield from (one.argval for one in dis.get_instructions(code) if one.opname == "LOAD_GLOBAL")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _function_of(value: object) -> object:
    """Return the function of a step; anything else as it is."""
    return getattr(value, "__wrapped__", value)
