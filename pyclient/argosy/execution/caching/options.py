"""What a step's cache options add to its cache key."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from blake3 import blake3

from argosy.errors import DefinitionError
from argosy.execution.caching.file_digest import path_digest
from argosy.execution.caching.source_dependency import dependency_digest, dependency_name
from argosy.execution.caching.value_digest import UnhashableValueError
from argosy.graph.definitions import StepDefinition
from argosy.graph.model import Invocation
from argosy.graph.names import unicode_problem

_MOST_CHARACTERS = 255


def option_parts(invocation: Invocation) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the parts, and for each one that has no digest its name and why.

    The parts are ``cache_key`` (a text, or the digest of a long one), ``file:data.csv`` and ``source:mymodule.helper``
    (digests).

    Raises:
        DefinitionError: the function given as ``cache_key`` raised or returned no text, or a file does not exist; the
            message names the step.
    """
    step = invocation.step
    parts: dict[str, str] = {}
    reasons: list[str] = []
    if step.cache.cache_key is not None:
        key = _custom_key(invocation)
        parts["cache_key"] = key if len(key) <= _MOST_CHARACTERS else blake3(key.encode()).hexdigest()
    for file in step.cache.file_dependencies:
        name = f"file:{file.name}"
        try:
            parts[name] = _file(file.path, name, step)
        except UnhashableValueError as error:
            reasons.append(f"{name}: {error}")
    for thing in step.cache.source_dependencies:
        name = f"source:{dependency_name(thing)}"
        try:
            parts[name] = dependency_digest(thing)
        except UnhashableValueError as error:
            reasons.append(f"{name}: {error}")
    return parts, tuple(reasons)


def _custom_key(invocation: Invocation) -> str:
    given, step = invocation.step.cache.cache_key, invocation.step
    if isinstance(given, str):
        return given
    assert given is not None
    parameters = {name: parameter.value for name, parameter in invocation.parameters.items()}
    try:
        text: Any = given(MappingProxyType(parameters))
    except Exception as error:  # it is the user's function
        raise DefinitionError(
            f"{step.location}: the cache_key function of step {invocation.id!r} raised {type(error).__name__}: "
            f"{error}; it is called with a mapping of the step's parameters, which has no inputs that are artifacts"
        ) from error
    if inspect.iscoroutine(text):
        text.close()
    if not isinstance(text, str):
        raise DefinitionError(
            f"{step.location}: the cache_key function of step {invocation.id!r} returned a {type(text).__name__}; "
            "return a text, such as str(...)"
        )
    if problem := unicode_problem(text):
        raise DefinitionError(
            f"{step.location}: what the cache_key function of step {invocation.id!r} returned {problem}"
        )
    return text


def _file(path: Path, name: str, step: StepDefinition) -> str:
    try:
        return path_digest(path)
    except OSError as error:
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        problem = "does not exist" if missing else f"cannot be read ({error.strerror or error})"
        raise DefinitionError(
            f"{step.location}: step {step.name!r} depends on {name}, but {error.filename or path} {problem}; relative "
            "paths are seen from the file that defines the step"
        ) from error
