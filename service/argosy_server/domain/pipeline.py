"""Pipeline runs, step runs and the transitions their states allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from argosy_server.domain.artifact import ArtifactVersion, VersionSelector
from argosy_server.domain.errors import IllegalTransition


class RunState(Enum):
    """State of a run."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


class StepState(Enum):
    """State of a step run."""

    RUNNING = "running"
    COMPLETED = "completed"
    CACHED = "cached"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


_RESUMED = frozenset({RunState.RUNNING})
_AGAIN = frozenset({StepState.RUNNING, StepState.CACHED})

RUN_TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    RunState.RUNNING: frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.ABANDONED}),
    RunState.COMPLETED: frozenset(),
    RunState.FAILED: _RESUMED,
    RunState.CANCELLED: _RESUMED,
    RunState.ABANDONED: _RESUMED,
}
"""Where a run may go from each state; what did not complete can be resumed."""

STEP_TRANSITIONS: Mapping[StepState, frozenset[StepState]] = {
    StepState.RUNNING: frozenset(
        {StepState.COMPLETED, StepState.FAILED, StepState.CANCELLED, StepState.ABANDONED},
    ),
    StepState.COMPLETED: frozenset(),
    StepState.CACHED: frozenset(),
    StepState.FAILED: _AGAIN,
    StepState.SKIPPED: _AGAIN,
    StepState.CANCELLED: _AGAIN,
    StepState.ABANDONED: _AGAIN,
}
"""Where a step run may go from each state. One that ended without completing starts again only in a run that was
resumed since, see :func:`check_restart`; or at once, when FailStep asks for another attempt: it never reads as FAILED
then."""


class InputKind(Enum):
    """How a version came into a step."""

    STEP_OUTPUT = "step_output"
    EXTERNAL = "external"
    LOADED = "loaded"


@dataclass(frozen=True)
class RunError:
    """Why a run or step run failed."""

    type: str
    message: str
    invocation: str = ""


@dataclass(frozen=True)
class EntryPoint:
    """Where a pipeline is defined; ``file`` is on the machine of the runner, ``arguments`` are its command line's."""

    module: str
    qualname: str
    file: str = ""
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepAttempt:
    """One attempt of a step run that was followed by another one; without an error its process was lost."""

    attempt: int
    error: RunError | None
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class InputSpec:
    """One input of a step to be started, by the ids of its versions.

    Attributes:
        kinds: how each version comes, in order; empty when all come as ``kind`` says.
    """

    name: str
    kind: InputKind
    is_list: bool
    version_ids: tuple[str, ...]
    kinds: tuple[InputKind, ...] = ()


@dataclass(frozen=True)
class StepInput:
    """One input of a step run.

    Attributes:
        kinds: how each version came, in order; empty when all came as ``kind`` says.
    """

    name: str
    kind: InputKind
    is_list: bool
    versions: tuple[ArtifactVersion, ...]
    kinds: tuple[InputKind, ...] = ()


@dataclass(frozen=True)
class StepOutput:
    """One output of a step run."""

    name: str
    version: ArtifactVersion


@dataclass(frozen=True)
class LoadedInput:
    """One version a step's code loaded, and how it asked for it."""

    selector: VersionSelector
    version_id: str


@dataclass(frozen=True)
class StepRun:
    """One execution of a step invocation.

    Attributes:
        attempt_token: proves who runs the current attempt; for the runner alone.
        attempt: the current or last one, 1 for the first; 0 when it never started.
        attempts: those that were followed by another one.
        epoch: of the run, when the step started last.
        upstream: the invocations it had to wait for.
        evicted_at: since when it may not be reused.
        saved: versions its code saved, in all attempts.
        loaded: versions its code loaded, in all attempts.
    """

    id: str
    run_id: str
    invocation: str
    step_name: str
    state: StepState
    attempt_token: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    cache_key: str = ""
    cache_key_parts: Mapping[str, str] = field(default_factory=dict)
    cached_from: str = ""
    cache_miss: tuple[str, ...] = ()
    error: RunError | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempt: int = 1
    attempts: tuple[StepAttempt, ...] = ()
    epoch: int = 1
    metadata: Mapping[str, str] = field(default_factory=dict)
    upstream: tuple[str, ...] = ()
    evicted_at: datetime | None = None
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    saved: tuple[ArtifactVersion, ...] = ()
    loaded: tuple[ArtifactVersion, ...] = ()


@dataclass(frozen=True)
class Run:
    """One execution of a pipeline; ``state`` already reads ABANDONED once the lease expired.

    Attributes:
        driver_token: proves who runs it; for the runner alone.
        epoch: 1, and one more each time it was resumed.
        resumed_at: when it was resumed last.
    """

    id: str
    project: str
    pipeline_name: str
    name: str
    state: RunState
    parameters: Mapping[str, str]
    error: RunError | None
    created_at: datetime
    ended_at: datetime | None
    lease_expires_at: datetime
    cancel_requested: bool
    steps: tuple[StepRun, ...] = ()
    driver_token: str = ""
    epoch: int = 1
    entry_point: EntryPoint | None = None
    resumed_at: datetime | None = None


@dataclass(frozen=True)
class PipelineSummary:
    """One pipeline in a list."""

    name: str
    latest_run: Run
    run_count: int


def check_run_transition(run: Run, target: RunState) -> None:
    """Refuse a change of state the table does not allow.

    Raises:
        IllegalTransition: naming both states.
    """
    if target not in RUN_TRANSITIONS[run.state]:
        raise IllegalTransition(
            f"run {run.name!r} is {run.state.value} and cannot become {target.value}",
            resource=f"run {run.id}",
            state=run.state.value,
        )


def check_step_transition(step: StepRun, target: StepState) -> None:
    """Refuse a change of state the table does not allow.

    Raises:
        IllegalTransition: naming both states.
    """
    if target not in STEP_TRANSITIONS[step.state]:
        raise IllegalTransition(
            f"step {step.invocation!r} is {step.state.value} and cannot become {target.value}",
            resource=f"step run {step.id}",
            state=step.state.value,
        )


def check_restart(run: Run, step: StepRun) -> None:
    """Refuse to start a step again, unless it ended without completing and its run was resumed since.

    Raises:
        IllegalTransition: naming the state.
    """
    if StepState.RUNNING not in STEP_TRANSITIONS[step.state]:
        raise IllegalTransition(
            f"step {step.invocation!r} of run {run.name!r} is {step.state.value} and does not start again",
            resource=f"step run {step.id}",
            state=step.state.value,
        )
    if step.epoch >= run.epoch:
        raise IllegalTransition(
            f"step {step.invocation!r} was started before in run {run.name!r}; an invocation starts once in a run, and "
            "again only when the run is resumed",
            resource=f"run {run.id}",
            state=step.state.value,
        )
