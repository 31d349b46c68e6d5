"""The options of steps and pipelines: one small registered rule each, which checks and normalizes what was given.

``None`` says nothing: the option stays as it was. What lifts an option is written: ``retry=0``,
``timeout=math.inf``, ``max_age=math.inf``, ``cache_key=""``, an empty list of hooks.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterable, Mapping, Set
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from argosy.errors import DefinitionError
from argosy.graph.brief import brief
from argosy.graph.definition_checks import Candidate
from argosy.graph.names import unicode_problem
from argosy.graph.near_matches import did_you_mean, listed
from argosy.graph.run_names import run_name_problem
from argosy.graph.source_location import SourceLocation
from argosy.graph.step_options import FileDependency, Hook, Retry

HOOKS = ("on_start", "on_success", "on_failure")
CACHE_OPTIONS = ("cache_key", "ignore", "file_dependencies", "source_dependencies", "max_age")
RUNNERS = ("local", "processes")
EXECUTION_MODES = ("fail_fast", "continue")
STEP_OPTIONS = frozenset({"name", "enable_cache", "output_materializers", "allow_pickle", "retry", "timeout"}) | {
    *HOOKS,
    *CACHE_OPTIONS,
}
CALL_OPTIONS = frozenset({"after", "output_names"})
"""What only a call can be told, not the decorator."""
PIPELINE_OPTIONS = frozenset({"name", "enable_cache", "runner", "max_parallel", "execution_mode", "run_name", *HOOKS})

SYNONYMS = {
    "cache": "enable_cache",
    "cache_policy": "cache_key",
    "depends_on": "after",
    "id": "name",
    "parallel": "max_parallel",
    "max_workers": "max_parallel",
    "on_end": "on_success",
    "on_error": "on_failure",
    "on_init": "on_start",
    "max_retries": "retry",
    "time_limit": "timeout",
    "ignored_inputs": "ignore",
    "start_after": "after",
    "substitutions": "output_names",
}
"""What people who come from another tool write -> the option that is like it."""

_HOOK_ARGUMENTS = {
    ("step", "on_start"): ("step",),
    ("step", "on_success"): ("step",),
    ("step", "on_failure"): ("error",),
    ("pipeline", "on_start"): ("run",),
    ("pipeline", "on_success"): ("run",),
    ("pipeline", "on_failure"): ("error", "run"),
}
"""What a hook of each kind may take, by position."""

_LONGEST_AGE = timedelta(days=36_500)
"""What a store takes."""

Rule = Callable[[Candidate, str, Any], Any]
_rules: dict[str, Rule] = {}


def check_option_names(what: str, given: Iterable[str], known: Set[str], location: SourceLocation) -> None:
    """Refuse options there are not.

    Args:
        what: what takes the options, for the message: ``@step``.
        given: the names that were given.
        known: the names there are.
        location: where they were given.

    Raises:
        DefinitionError: names the first such option, those like it and all there are.
    """
    for name in given:
        if name not in known:
            its = f"its options are {listed(sorted(known))}"
            raise DefinitionError(f"{location}: {what} has no option {name!r}{_hint(name, known)}; {its}")


def _hint(name: str, known: Set[str]) -> str:
    meant = SYNONYMS.get(name.lower(), name)
    if meant in known:
        return f" (did you mean {meant!r}?)"
    for owner, options in (("@step", STEP_OPTIONS), ("@pipeline", PIPELINE_OPTIONS)):
        if meant in options:
            return f" ({meant!r} is an option of {owner})"
    return did_you_mean(name, known)


def checked_options(candidate: Candidate, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check every option and return those that say something, normalized.

    Raises:
        DefinitionError: the first that is malformed; the message has file:line, the rule and the cure.
    """
    said = {name: value for name, value in given.items() if value is not None}
    return {name: _rules[name](candidate, name, value) if name in _rules else value for name, value in said.items()}


def _option(*names: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        _rules.update(dict.fromkeys(names, rule))
        return rule

    return register


@_option("enable_cache", "allow_pickle")
def _switch(candidate: Candidate, name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise candidate.error(f"{name} is True or False, not {value!r}")
    return value


@_option("retry")
def _retry(candidate: Candidate, name: str, value: Any) -> Retry | None:
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            value = Retry(value)
        except DefinitionError:
            raise candidate.error(f"{name}={value!r} is no number of retries; write 0, 1, 2, ...") from None
    if not isinstance(value, Retry):
        raise candidate.error(f"{name} is a number of retries or argosy.Retry(...), not {brief(value)}")
    return value if value.retries else None


@_option("timeout")
def _timeout(candidate: Candidate, name: str, value: Any) -> float | None:
    seconds = _seconds(value)
    if seconds is None or not seconds > 0:
        raise candidate.error(f"{name}={brief(value)}: it is more than 0 seconds, as a number or a timedelta")
    return seconds if seconds < math.inf else None


@_option("max_age")
def _max_age(candidate: Candidate, name: str, value: Any) -> timedelta | None:
    seconds = _seconds(value)
    if seconds is None or not seconds > 0:
        raise candidate.error(
            f"{name}={brief(value)}: it is more than 0 seconds, as a number or a timedelta; to reuse nothing write "
            "enable_cache=False"
        )
    if seconds == math.inf:
        return None
    if seconds > _LONGEST_AGE.total_seconds():
        raise candidate.error(
            f"{name}={brief(value)}: it is at most {_LONGEST_AGE.days:,} days; for results of any age write math.inf"
        )
    return value if isinstance(value, timedelta) else timedelta(seconds=seconds)


@_option(*HOOKS)
def _hooks(candidate: Candidate, name: str, value: Any) -> tuple[Hook, ...]:
    hooks = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    for hook in hooks:
        if problem := _hook_problem(hook, candidate.kind, name):
            raise candidate.error(f"{name} {problem}")
    return hooks


def _hook_problem(hook: Any, owner: str, name: str) -> str | None:
    if kind := getattr(hook, "__argosy_kind__", None):
        return f"is the {kind} {hook.name!r}; a hook is a plain function, called beside the steps"
    if not callable(hook):
        return f"is a function or a list of functions, not {brief(hook)}"
    shown = getattr(hook, "__name__", type(hook).__name__)
    if inspect.iscoroutinefunction(hook):
        return f"{shown!r} is an async function; use def, and asyncio.run(...) inside it"
    try:
        parameters = inspect.signature(hook).parameters.values()
    except (TypeError, ValueError):  # of a function written in C that does not tell
        return None
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [one for one in parameters if one.default is one.empty and one.kind not in variadic]
    given = _HOOK_ARGUMENTS[owner, name]
    if len(required) > len(given) or any(one.kind is one.KEYWORD_ONLY for one in required):
        names = ", ".join(one.name for one in required)
        return f"{shown!r} needs the arguments {names}; it is given ({', '.join(given)}), of which it may take fewer"
    return None


@_option("cache_key")
def _cache_key(candidate: Candidate, name: str, value: Any) -> Any:
    if value == "":
        return None
    if isinstance(value, str):
        if problem := unicode_problem(value):
            raise candidate.error(f"{name} {problem}")
        return value
    if callable(value) and not isinstance(value, type) and not getattr(value, "__argosy_kind__", None):
        return value
    raise candidate.error(
        f"{name} is a text, or a function that is given the step's parameters and returns one, not {brief(value)}"
    )


@_option("ignore")
def _ignore(candidate: Candidate, name: str, value: Any) -> frozenset[str]:
    known = candidate.signature.parameters
    for item in _several(value):
        if not isinstance(item, str):
            raise candidate.error(f"{name} takes names of parameters as text, not {brief(item)}")
        if item not in known:
            has = f"its parameters are {listed(known)}" if known else "it has no parameters"
            raise candidate.error(f"{name} names {item!r}, which is no parameter{did_you_mean(item, known)}; {has}")
    return frozenset(_several(value))


@_option("file_dependencies")
def _file_dependencies(candidate: Candidate, name: str, value: Any) -> tuple[FileDependency, ...]:
    home = candidate.function.__globals__.get("__file__")
    directory = Path(home).resolve().parent if isinstance(home, str) else Path.cwd()
    found: list[FileDependency] = []
    for given in _several(value):
        if not isinstance(given, (str, os.PathLike)) or not str(given):
            raise candidate.error(f"{name} takes paths of files and directories, not {brief(given)}")
        path = directory / Path(given).expanduser()
        try:
            content = os.fsencode(path)
        except UnicodeEncodeError:
            content = b"\0"
        if b"\0" in content:
            raise candidate.error(f"{name}: {brief(given)} has characters that the name of a file cannot have")
        shown = path.relative_to(directory) if path.is_relative_to(directory) else path
        found.append(FileDependency(os.fsencode(shown.as_posix()).decode(errors="backslashreplace"), path))
    return tuple(found)


@_option("source_dependencies")
def _source_dependencies(candidate: Candidate, name: str, value: Any) -> tuple[Any, ...]:
    given = _several(value)
    found = tuple(item.__wrapped__ if hasattr(type(item), "__argosy_kind__") else item for item in given)
    for item in found:
        if not isinstance(item, ModuleType) and not inspect.isclass(item) and not inspect.isroutine(item):
            raise candidate.error(
                f"{name} takes modules, functions and classes, not {brief(item)}; import it and write its name"
            )
    return found


@_option("runner")
def _runner(candidate: Candidate, name: str, value: Any) -> Any:
    if isinstance(value, str):
        meant = "local" if value.lower().startswith("thread") else value
        return _one_of(candidate, name, value, RUNNERS, " or a runner", meant=meant)
    if isinstance(value, type):
        raise candidate.error(f"{name} is the class {value.__name__}; make a runner of it: {value.__name__}(...)")
    if isinstance(value, (bool, int, float, list, tuple, dict, set, bytes)):
        raise candidate.error(f"{name} is {listed(RUNNERS)} or a runner, not {brief(value)}")
    return value


@_option("run_name")
def _run_name(candidate: Candidate, name: str, value: Any) -> str:
    if problem := run_name_problem(value):
        raise candidate.error(f"the {name} is not allowed: {problem}")
    return str(value)


@_option("execution_mode")
def _execution_mode(candidate: Candidate, name: str, value: Any) -> str:
    return _one_of(candidate, name, value, EXECUTION_MODES)


@_option("max_parallel")
def _max_parallel(candidate: Candidate, name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise candidate.error(f"{name}={brief(value)}: it is how many steps may run at once, 1 or more")
    return value


def _one_of(
    candidate: Candidate, name: str, value: Any, known: tuple[str, ...], or_else: str = "", *, meant: str | None = None
) -> str:
    if value not in known or not isinstance(value, str):
        hint = did_you_mean((meant or value).replace("-", "_"), known) if isinstance(value, str) else ""
        choices = f"{listed(known)}{or_else}" if or_else else " or ".join(map(repr, known))
        raise candidate.error(f"{name} is {choices}, not {brief(value)}{hint}")
    return value


def _seconds(value: Any) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:  # an int beyond every float
        return math.inf if value > 0 else -math.inf


def _several(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else (value,)
