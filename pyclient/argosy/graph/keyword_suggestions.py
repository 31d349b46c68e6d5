"""Calls with a misspelt keyword are refused with what may have been meant, as those of ``@step`` are.

The signatures stay as they are, for people, editors and type checkers, and nothing is looked at before a call fails.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, TypeVar

from argosy.graph.near_matches import did_you_mean, listed

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)


def suggests_keywords(function: F) -> F:
    """Let a function name the near matches of a keyword it does not have, in a ``TypeError`` as Python's own is."""
    suggesting: F = _suggesting(function, function.__name__)
    return suggesting


def methods_suggest_keywords(cls: C) -> C:
    """Let making an instance and all public methods name the near matches, under the name of this class."""
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        if isinstance(method, types.FunctionType) and (name == "__init__" or not name.startswith("_")):
            public = cls.__name__ if name == "__init__" else f"{cls.__name__}.{name}"
            setattr(cls, name, _suggesting(method, public))
    return cls


def _suggesting(function: Any, public: str) -> Any:
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return function
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            try:
                coroutine = function(*args, **kwargs)
            except TypeError as error:
                raise _explained(error, function, public, kwargs) from None
            return await coroutine

        return awaited

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            # An error of the function itself has a frame of it; one of binding its arguments has none.
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise
            raise _explained(error, function, public, kwargs) from None

    return called


def _explained(error: TypeError, function: Any, public: str, kwargs: dict[str, Any]) -> TypeError:
    takes = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and parameter.name != "self"
    ]
    for word in kwargs:
        if word not in takes:
            return TypeError(f"{public}() has no keyword {word!r}{did_you_mean(word, takes)}; it takes {listed(takes)}")
    return TypeError(str(error).replace(f"{function.__qualname__}()", f"{public}()"))
