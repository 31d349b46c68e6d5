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


RUN_TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    RunState.RUNNING: frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.ABANDONED}),
    RunState.COMPLETED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
    RunState.ABANDONED: frozenset(),
}
"""Where a run may go from each state."""

STEP_TRANSITIONS: Mapping[StepState, frozenset[StepState]] = {
    StepState.RUNNING: frozenset(
        {StepState.COMPLETED, StepState.FAILED, StepState.CANCELLED, StepState.ABANDONED},
    ),
    StepState.COMPLETED: frozenset(),
    StepState.CACHED: frozenset(),
    StepState.FAILED: frozenset(),
    StepState.SKIPPED: frozenset(),
    StepState.CANCELLED: frozenset(),
    StepState.ABANDONED: frozenset(),
}
"""Where a step run may go from each state; CACHED and SKIPPED are born final."""


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
class InputSpec:
    """One input of a step to be started, by the ids of its versions."""

    name: str
    kind: InputKind
    is_list: bool
    version_ids: tuple[str, ...]


@dataclass(frozen=True)
class StepInput:
    """One input of a step run."""

    name: str
    kind: InputKind
    is_list: bool
    versions: tuple[ArtifactVersion, ...]


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
    """One execution of a step invocation."""

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
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    saved: tuple[ArtifactVersion, ...] = ()
    loaded: tuple[ArtifactVersion, ...] = ()


@dataclass(frozen=True)
class Run:
    """One execution of a pipeline; ``state`` already reads ABANDONED once the lease expired."""

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
