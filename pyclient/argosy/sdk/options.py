"""The options of ``@step``, ``@pipeline`` and ``with_options``, as type checkers and editors see them.

They are written once, here; ``graph/option_rules.py`` checks what is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from argosy.graph.step_options import Hook, Retry

if TYPE_CHECKING:
    from argosy.execution.running.runner import Runner

After: TypeAlias = Any
"""A step output, a step, the id of an invocation, or a list of these. A value is typed as what
the step returns, which can be anything; what it really is, is checked."""

Hooks: TypeAlias = "Hook | Sequence[Hook] | None"
Path: TypeAlias = "str | PathLike[str]"


class StepOptions(TypedDict, total=False):
    """What ``@step`` takes."""

    name: str | None
    enable_cache: bool | None
    output_materializers: Any
    allow_pickle: bool | None
    retry: int | Retry | None
    timeout: float | timedelta | None
    on_start: Hooks
    on_success: Hooks
    on_failure: Hooks
    cache_key: str | Callable[[Mapping[str, Any]], str] | None
    ignore: str | Sequence[str] | None
    file_dependencies: Path | Sequence[Path] | None
    source_dependencies: Any
    max_age: float | timedelta | None


class StepCallOptions(StepOptions, total=False):
    """What ``Step.with_options`` takes."""

    after: After
    output_names: str | Mapping[str, str] | None


class PipelineOptions(TypedDict, total=False):
    """What ``@pipeline`` and ``Pipeline.with_options`` take."""

    name: str | None
    enable_cache: bool | None
    run_name: str | None
    on_start: Hooks
    on_success: Hooks
    on_failure: Hooks
    runner: Literal["local", "processes"] | Runner | None
    max_parallel: int | None
    execution_mode: Literal["fail_fast", "continue"] | None
