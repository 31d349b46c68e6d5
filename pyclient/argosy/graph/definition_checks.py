"""What a decorated function may not be: small registered rules, each with its cure."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from argosy.errors import DefinitionError
from argosy.graph.names import new_name_problem
from argosy.graph.source_location import SourceLocation, caller_location, location_of

RESERVED_PARAMETERS = frozenset({"after"})
"""Words of ``with_options`` that would read like inputs."""


@dataclass(frozen=True)
class Candidate:
    """Something that was decorated, before it is known to be a proper step or pipeline."""

    kind: Literal["step", "pipeline"]
    function: Callable[..., Any]
    name: str
    given_name: Any
    location: SourceLocation

    @classmethod
    def of(
        cls, kind: Literal["step", "pipeline"], function: Any, name: Any, location: SourceLocation | None = None
    ) -> Candidate:
        """Describe what was decorated.

        Args:
            kind: what it shall be.
            function: what was decorated.
            name: the name it was given, if any.
            location: where it was written; where the function is defined, by default.

        Raises:
            DefinitionError: it is no plain Python function.
        """
        if not inspect.isfunction(function):
            problem = _not_a_function(kind, function)
            raise DefinitionError(f"{caller_location()}: {problem}")
        own_name = function.__name__ if name is None else str(name)
        return cls(kind, function, own_name, name, location or location_of(function.__code__))

    @cached_property
    def signature(self) -> inspect.Signature:
        """The parameters of the function."""
        return inspect.signature(self.function)

    def error(self, problem: str) -> DefinitionError:
        """Make the exception for one broken rule."""
        return DefinitionError(f"{self.location}: {self.kind} {self.name!r}: {problem}")


Rule = Callable[[Candidate], "str | None"]
_rules: list[Rule] = []


def check_definition(candidate: Candidate) -> Candidate:
    """Apply every rule.

    Raises:
        DefinitionError: the first rule that is broken; the message has file:line and the cure.
    """
    for rule in _rules:
        if problem := rule(candidate):
            raise candidate.error(problem)
    return candidate


def _rule(function: Rule) -> Rule:
    _rules.append(function)
    return function


@_rule
def _name_is_allowed(candidate: Candidate) -> str | None:
    if candidate.given_name is None and candidate.name == "<lambda>":
        return f'a lambda has no name; write {candidate.kind}(name="...")(lambda ...), or use def'
    name = candidate.name if candidate.given_name is None else candidate.given_name
    if problem := new_name_problem(name):
        return f"its name is not allowed: {problem}"
    return None


@_rule
def _no_generator(candidate: Candidate) -> str | None:
    if inspect.isgeneratorfunction(candidate.function) or inspect.isasyncgenfunction(candidate.function):
        return (
            "a generator function cannot be recorded or stored; collect what it yields in a list and return that, or "
            "return a generator of pyarrow.RecordBatch that another function makes"
        )
    return None


@_rule
def _no_async_pipeline(candidate: Candidate) -> str | None:
    if candidate.kind == "pipeline" and inspect.iscoroutinefunction(candidate.function):
        return "the body of a pipeline is executed at once and awaits nothing; use def (its steps may be async)"
    return None


@_rule
def _no_variadic_parameters(candidate: Candidate) -> str | None:
    for parameter in candidate.signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return f"*{parameter.name} has no names to record inputs under; name each input, or take one list"
        if parameter.kind is parameter.VAR_KEYWORD:
            return f"**{parameter.name} has no names to record inputs under; name each input, or take one dict"
    return None


@_rule
def _no_reserved_parameters(candidate: Candidate) -> str | None:
    for name in candidate.signature.parameters:
        if name in RESERVED_PARAMETERS:
            return f"the parameter {name!r} has a reserved name, which with_options({name}=...) uses; rename it"
    return None


@_rule
def _no_fields_of_models(candidate: Candidate) -> str | None:
    for parameter in candidate.signature.parameters.values():
        if type(parameter.default).__module__.startswith("pydantic.") and hasattr(parameter.default, "metadata"):
            return (
                f"the default of {parameter.name!r} is pydantic's Field(...), which is for models; write "
                f"{parameter.name}: Annotated[..., Field(...)], and the default after it"
            )
    return None


@_rule
def _no_methods(candidate: Candidate) -> str | None:
    qualified = candidate.function.__qualname__.rpartition(".")[0]
    first = next(iter(candidate.signature.parameters), "")
    if qualified and not qualified.endswith("<locals>") and first in ("self", "cls"):
        return f"a method cannot be a {candidate.kind}, since its {first} could not be recorded; use a function"
    return None


def _not_a_function(kind: str, thing: Any) -> str:
    shown = getattr(thing, "__name__", None) or type(thing).__name__
    if isinstance(thing, str):
        return f'@{kind}({thing!r}) got a text where the function belongs; to name it write @{kind}(name="{thing}")'
    if getattr(thing, "__argosy_kind__", None):
        return f"{shown!r} is a {thing.__argosy_kind__} already; remove the outer @{kind}"
    if isinstance(thing, type):
        return f"@{kind} decorates a function, but {shown!r} is a class; write a function that uses the class"
    if inspect.ismethod(thing):
        return f"@{kind} decorates a function, but {shown!r} is a bound method; write a function that calls it"
    if callable(thing):
        return f"@{kind} decorates a function written with def, but got {shown!r}; write a function that calls it"
    return f"@{kind} decorates a function, but got a value of type {type(thing).__name__}; write options by keyword"
