"""What may be said about a step besides its function: when it is tried again, when it is stopped, who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Retry:
    """How often, when and after which exceptions a failed step is tried again.

    Attributes:
        retries: how many attempts may follow the first.
        delay: seconds before the first of them.
        backoff: the delay before each further attempt is that of the one before, times this.
        max_delay: seconds the delay never exceeds.
        on: exceptions after which it is tried again; after all others it fails at once.
    """

    retries: int
    delay: float = 0.0
    backoff: float = 1.0
    max_delay: float = 300.0
    on: tuple[type[BaseException], ...] = (Exception,)

    def delay_before(self, attempt: int) -> float:
        """Return the seconds to wait before ``attempt`` (2 is the first retry)."""
        return float(min(self.max_delay, self.delay * self.backoff ** (attempt - 2)))


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
class CacheOptions:
    """What the cache key of a step is made of besides code, parameters and inputs.

    Attributes:
        cache_key: a text, or a function that is given the step's parameters and returns one.
        ignore: names of parameters and inputs that do not count.
        file_dependencies: files and directories whose content counts.
        source_dependencies: modules, functions and classes whose code counts.
        max_age: results older than this are not reused.
    """

    cache_key: str | Callable[[Mapping[str, Any]], str] | None = None
    ignore: frozenset[str] = frozenset()
    file_dependencies: tuple[Path, ...] = ()
    source_dependencies: tuple[Any, ...] = field(default=(), compare=False)
    max_age: timedelta | None = None
