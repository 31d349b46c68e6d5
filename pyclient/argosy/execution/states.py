"""The states of runs and steps as people and programs are told them."""

from __future__ import annotations

from argosy.v1.pipeline_pb2 import RunState, StepState


def run_status(state: RunState.ValueType) -> str:
    """Return the word for a run's state."""
    return RunState.Name(state).removeprefix("RUN_STATE_").lower()


def step_status(state: StepState.ValueType) -> str:
    """Return the word for a step's state."""
    return StepState.Name(state).removeprefix("STEP_STATE_").lower()
