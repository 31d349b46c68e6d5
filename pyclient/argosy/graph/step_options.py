"""What may be said about a step besides its function: when it is tried again, when it is stopped, who hears of it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from argosy.errors import DefinitionError
from argosy.graph.keyword_suggestions import methods_suggest_keywords
from argosy.graph.source_location import caller_location

MAX_RETRIES = 1000
LONGEST_DELAY = 300.0
"""Seconds a delay grows to where nothing else is said."""


@methods_suggest_keywords
@dataclass(frozen=True)
class Retry:
    """How often, when and after which exceptions a failed step is tried again.

    Attributes:
        retries: how many attempts may follow the first.
        delay: seconds before the first of them.
        backoff: the delay before each further attempt is that of the one before, times this.
        max_delay: seconds the delay never grows beyond; by default 300, or ``delay`` where that is longer.
        on: an exception class, or several, after which it is tried again; after all others it fails at once.
    """

    retries: int
    delay: float = 0.0
    backoff: float = 1.0
    max_delay: float | None = None
    on: type[Exception] | tuple[type[Exception], ...] = (Exception,)

    def __post_init__(self) -> None:
        """Check what was given.

        Raises:
            DefinitionError: a number is out of its range, or ``on`` names what is no exception.
        """
        if not _is_number(self.retries, int) or not 0 <= self.retries <= MAX_RETRIES:
            raise _wrong("retries", self.retries, f"it is a whole number from 0 to {MAX_RETRIES}")
        for name in ("delay", "max_delay"):
            value = getattr(self, name)
            if name == "max_delay" and value is None:
                continue
            if not _is_number(value) or not 0 <= value <= sys.float_info.max:  # an int may be beyond every float
                raise _wrong(name, value, "it is a number of seconds, 0 or more")
        if self.max_delay is not None and self.delay > self.max_delay:
            raise _wrong("delay", self.delay, f"it is more than max_delay={self.max_delay!r}, which no delay exceeds")
        if not _is_number(self.backoff) or not 1 <= self.backoff < math.inf:
            raise _wrong("backoff", self.backoff, "it is a number, 1 or more: the delays grow by it")
        given: Any = self.on
        classes = tuple(given) if isinstance(given, (tuple, list)) else (given,)
        if not classes:
            raise _wrong("on", given, "name at least one exception class, or leave it out to retry after any")
        for cls in classes:
            if not isinstance(cls, type) or not issubclass(cls, Exception):
                raise _wrong("on", cls, "it takes subclasses of Exception; what stops a program is never retried")
        object.__setattr__(self, "on", classes)

    def delay_before(self, attempt: int) -> float:
        """Return the seconds to wait before ``attempt`` (2 is the first retry)."""
        longest = max(LONGEST_DELAY, self.delay) if self.max_delay is None else self.max_delay
        try:
            return float(min(longest, self.delay * self.backoff ** (attempt - 2)))
        except OverflowError:
            return float(longest) if self.delay else 0.0


Hook = Callable[..., object]


@dataclass(frozen=True)
class Hooks:
    """Functions that are called when something starts or ends, in order.

    Attributes:
        on_start: before the first attempt.
        on_success: once it has completed.
        on_failure: once it has failed for good, with the exception.
    """

    on_start: tuple[Hook, ...] = ()
    on_success: tuple[Hook, ...] = ()
    on_failure: tuple[Hook, ...] = ()


@dataclass(frozen=True)
class FileDependency:
    """A file or directory whose content counts.

    Attributes:
        name: the path as it was given where that can be told: the project may lie elsewhere on other machines.
        path: where it is here.
    """

    name: str
    path: Path


@dataclass(frozen=True)
class CacheOptions:
    """What the cache key of a step is made of besides code, parameters and inputs.

    Attributes:
        cache_key: a text, or a function that is given the step's parameters and returns one.
        ignore: names of parameters and inputs that do not count.
        file_dependencies: files and directories whose content counts; relative ones as seen from the file that
            defines the step.
        source_dependencies: modules, functions and classes whose code counts.
        max_age: results older than this are not reused.
    """

    cache_key: str | Callable[[Mapping[str, Any]], str] | None = None
    ignore: frozenset[str] = frozenset()
    file_dependencies: tuple[FileDependency, ...] = ()
    source_dependencies: tuple[Any, ...] = field(default=(), compare=False)
    max_age: timedelta | None = None


def _is_number(value: object, *kinds: type) -> bool:
    return isinstance(value, kinds or (int, float)) and not isinstance(value, bool)


def _wrong(name: str, value: object, rule: str) -> DefinitionError:
    return DefinitionError(f"{caller_location()}: Retry({name}={value!r}): {rule}")
