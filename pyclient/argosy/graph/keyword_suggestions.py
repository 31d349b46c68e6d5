"""Calls with a misspelt keyword are refused with what may have been meant, as those of ``@step`` are.

The signatures stay as they are, for people, editors and type checkers, and nothing is looked at before a call fails.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from argosy.graph.near_matches import did_you_mean, listed

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)

_ELSEWHERE: dict[str, tuple[str, ...]] = {
    "artifact": ("name",),
    "artifact_metadata": ("metadata",),
    "artifact_name": ("artifact", "name", "name_or_id"),
    "artifact_type": ("tags",),
    "artifact_version": ("version",),
    "artifact_version_id": ("artifact", "name_or_id"),
    "data": ("value",),
    "folder_or_file_uri": ("path_or_uri",),
    "id": ("name_or_id",),
    "infer_artifact": ("artifact",),
    "max_retries": ("retries",),
    "name": ("name_or_id", "artifact", "name_contains"),
    "name_id_or_prefix": ("name_or_id", "name", "run"),
    "pipeline_id": ("pipeline_name", "pipeline"),
    "pipeline_run": ("pipeline",),
    "run_metadata": ("metadata",),
    "sort_by": ("oldest_first",),
    "store_artifact_metadata": ("extract_metadata",),
    "store_artifact_visualizations": ("include_visualizations",),
    "user_metadata": ("metadata",),
}
"""What people who come from another tool write -> what it is called here; of several the first a function takes."""


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
    parameters = [item for item in inspect.signature(function).parameters.values() if item.name != "self"]
    takes = [item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)]
    several = [item.name for item in parameters if item.kind is item.VAR_POSITIONAL]
    shown = listed([*(f"*{name}" for name in several), *takes])
    for word in kwargs:
        if word in several:
            return TypeError(
                f"{public}() takes {word} first and without the keyword, {public}(*{word}, ...); it takes {shown}"
            )
        if word not in takes:
            return TypeError(f"{public}() has no keyword {word!r}{_keyword_meant(word, takes)}; it takes {shown}")
    return TypeError(str(error).replace(f"{function.__qualname__}()", f"{public}()"))


def _keyword_meant(word: str, takes: Iterable[str]) -> str:
    """Return ``" (did you mean 'a'?)"``, or nothing when no keyword there is, is like ``word``."""
    known = list(takes)
    meant = [name for name in _ELSEWHERE.get(word, ()) if name in known]
    return f" (did you mean {meant[0]!r}?)" if meant else did_you_mean(word, known)
