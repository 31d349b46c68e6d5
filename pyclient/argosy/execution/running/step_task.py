"""One attempt of a step as it travels to whoever executes it, and the outcome that comes back.

Only this and artifacts travel: a task holds which versions the inputs are, not their values, so it may be executed in
this thread, in another one, in another process or on another machine that reaches the same store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from argosy.config import ClientConfig
from argosy.execution.running.input_versions import ResolvedInput
from argosy.graph.definitions import StepDefinition
from argosy.v1.pipeline_pb2 import RunError, StepRun
from argosy.v1.step_calls_pb2 import LoadedInput


@dataclass(frozen=True)
class StepTask:
    """One attempt of a step that the store knows to be running.

    Attributes:
        config: the settings, which say where the store is.
        run_id: the pipeline run.
        pipeline_name: its pipeline.
        invocation: the invocation's id, unique in the run.
        step: what to execute; without hooks and cache options, which are the runner's matter.
        inputs: which versions it is given.
        parameters: parameter name -> value.
        output_names: output name -> name of the artifact it is saved under.
        step_run_id: the step run.
        attempt_token: proves that this attempt is the current one.
        attempt: 1 for the first.
        patience: seconds to wait for a store that is away.
    """

    config: ClientConfig
    run_id: str
    pipeline_name: str
    invocation: str
    step: StepDefinition
    inputs: tuple[ResolvedInput, ...]
    parameters: Mapping[str, Any]
    output_names: Mapping[str, str]
    step_run_id: str
    attempt_token: str
    attempt: int
    patience: float = 0.0


@dataclass(frozen=True)
class Completed:
    """The attempt ended well, and the store knows.

    Attributes:
        step_run: the step run with its outputs.
    """

    step_run: StepRun


@dataclass(frozen=True)
class Failed:
    """The attempt raised or was stopped; the store does not know yet.

    Attributes:
        error: what was raised, or what stands for it where it could not be brought here.
        details: the same for the record.
        may_retry: whether the step's ``retry`` names such an exception.
        loaded: what the code had loaded.
        metadata: what the code said about the step run.
    """

    error: BaseException
    details: RunError
    may_retry: bool = False
    loaded: tuple[LoadedInput, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


Outcome: TypeAlias = "Completed | Failed"
