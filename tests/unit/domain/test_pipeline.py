from __future__ import annotations

import pytest

from argosy_server.domain.errors import IllegalTransition
from argosy_server.domain.pipeline import (
    RUN_TRANSITIONS,
    STEP_TRANSITIONS,
    RunState,
    StepRun,
    StepState,
    check_step_transition,
)


def test_the_tables_know_every_state() -> None:
    assert set(RUN_TRANSITIONS) == set(RunState)
    assert set(STEP_TRANSITIONS) == set(StepState)


@pytest.mark.parametrize("state", [state for state in StepState if state is not StepState.RUNNING])
def test_a_step_that_ended_stays_as_it_is(state: StepState) -> None:
    step = StepRun(id="1", run_id="2", invocation="train", step_name="train", state=state)
    with pytest.raises(IllegalTransition, match=f"is {state.value} and cannot become completed"):
        check_step_transition(step, StepState.COMPLETED)


@pytest.mark.parametrize("target", [StepState.COMPLETED, StepState.FAILED, StepState.CANCELLED, StepState.ABANDONED])
def test_a_running_step_may_end_in_four_ways(target: StepState) -> None:
    step = StepRun(id="1", run_id="2", invocation="train", step_name="train", state=StepState.RUNNING)
    check_step_transition(step, target)
