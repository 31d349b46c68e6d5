"""Calls what people want to be called when a step or a run starts and ends."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from argosy.execution.warn_at import warn_at
from argosy.graph.source_location import SourceLocation, caller_location, location_of
from argosy.graph.step_options import Hook


class HookWarning(UserWarning):
    """A hook raised; what it was called for goes on as if it had not."""


def call_hooks(hooks: Iterable[Hook], kind: str, owner: str, *arguments: object) -> None:
    """Call each hook with as many of the arguments as it takes; one that raises is warned about.

    Args:
        hooks: what to call, in order.
        kind: the option it was given by (``on_failure``).
        owner: names the step or pipeline in the warning.
        arguments: what a hook may take.
    """
    for hook in hooks:
        try:
            hook(*arguments[: _taken(hook, len(arguments))])
        except Exception as error:
            name = getattr(hook, "__qualname__", repr(hook))
            text = f"the {kind} hook {name} of {owner} raised {type(error).__name__}: {error}"
            warn_at(_place(hook), f"{text}; nothing else changes by it", HookWarning)


def _place(hook: Hook) -> SourceLocation:
    """Return where a hook is defined, where the pipeline was called if that is not known."""
    code = getattr(inspect.unwrap(getattr(hook, "func", hook)), "__code__", None)
    return caller_location() if code is None else location_of(code)


def _taken(hook: Hook, most: int) -> int:
    """Return how many positional arguments a hook takes, at most ``most``."""
    try:
        parameters = inspect.signature(hook).parameters.values()
    except (TypeError, ValueError):  # a builtin that does not say
        return most
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return most
    positional = [item for item in parameters if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
    return min(most, len(positional))
