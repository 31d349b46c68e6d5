"""Whether the body of a pipeline can call steps at all, as far as its code shows: a call may depend on values."""

from __future__ import annotations

import dis
import types
from collections.abc import Callable, Iterator
from typing import Any

from argosy.graph.source_location import is_of_library

_NOTHING = object()
_CALLS_NOTHING = (types.BuiltinFunctionType, type(None), bool, int, float, complex, str, bytes)


def may_call_steps(body: Callable[..., Any]) -> bool:
    """Tell whether a function names a step or a pipeline, or what could call one; what cannot be told may.

    Functions that it names are looked into, unless they are of a library: those call what they are given.
    """
    waiting: list[Any] = [body]
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if not isinstance(value, types.FunctionType):
            return True
        if _imports(value.__code__):
            return True
        waiting.extend(named for named in _named_by(value) if _could_call(named))
    return False


def _could_call(value: object) -> bool:
    if isinstance(value, (*_CALLS_NOTHING, types.ModuleType)):
        return False
    return not (isinstance(value, (types.FunctionType, type)) and is_of_library(str(value.__module__)))


def _named_by(function: types.FunctionType) -> Iterator[Any]:
    """Yield what the names in the code of a function stand for: globals, cells of closures, and what is in modules."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # assigned later, if ever
            continue
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    found = [function.__globals__.get(name, _NOTHING) for name in names]
    yield from (value for value in found if value is not _NOTHING)
    for module in found:
        if isinstance(module, types.ModuleType) and not is_of_library(module.__name__):
            yield from (vars(module)[name] for name in names & vars(module).keys())


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _imports(code: types.CodeType) -> bool:
    return any(instruction.opname == "IMPORT_NAME" for one in _codes(code) for instruction in dis.get_instructions(one))
