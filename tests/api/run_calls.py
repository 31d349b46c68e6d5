"""Short ways to run, fail, retry and resume by raw calls, for tests that are about runs and their attempts."""

from __future__ import annotations

from typing import Any

from argosy.v1 import pipeline_pb2 as states
from argosy.v1 import pipeline_service_pb2 as pipelines
from argosy.v1 import step_cache_pb2, step_calls_pb2
from tests.api.calls import Stubs, new_request_id, start_run, start_step
from tests.api.conftest import Service
from tests.api.past_the_service import alter

ERROR = states.RunError(type="builtins:ValueError", message="no")


def create_run(stubs: Stubs, project: str, pipeline: str = "training", **fields: Any) -> pipelines.CreateRunResponse:
    """Start a run and return the whole answer."""
    request = pipelines.CreateRunRequest(project=project, request_id=new_request_id(), pipeline_name=pipeline, **fields)
    return stubs.pipelines.CreateRun(request)


def resume(stubs: Stubs, run: states.Run, request_id: str = "") -> pipelines.ResumeRunResponse:
    """Take a run over."""
    request = pipelines.ResumeRunRequest(project=run.project, request_id=request_id or new_request_id(), run_id=run.id)
    return stubs.pipelines.ResumeRun(request)


def renew(stubs: Stubs, run: states.Run, driver_token: str = "") -> states.Run:
    """Extend the lease of a run."""
    request = pipelines.RenewRunRequest(
        project=run.project, request_id=new_request_id(), run_id=run.id, driver_token=driver_token
    )
    return stubs.pipelines.RenewRun(request).run


def fail(
    stubs: Stubs, project: str, started: step_calls_pb2.StartStepResponse, message: str = "no", **fields: Any
) -> step_calls_pb2.FailStepResponse:
    """Let the attempt of a step fail."""
    request = step_calls_pb2.FailStepRequest(
        project=project,
        request_id=new_request_id(),
        step_run_id=started.step_run.id,
        attempt_token=started.attempt_token,
        **{
            "state": states.STEP_STATE_FAILED,
            "error": states.RunError(type="builtins:ValueError", message=message),
            **fields,
        },
    )
    return stubs.pipelines.FailStep(request)


def retry(
    stubs: Stubs, project: str, started: step_calls_pb2.StartStepResponse, message: str = "no", **fields: Any
) -> step_calls_pb2.StartStepResponse:
    """Let the attempt of a step fail and begin the next one; return it as if it had been started."""
    answer = fail(stubs, project, started, message, retry=True, **fields)
    return step_calls_pb2.StartStepResponse(step_run=answer.step_run, attempt_token=answer.attempt_token)


def given_up_attempt(stubs: Stubs, project: str) -> dict[str, Any]:
    """Return what a spec says that is saved inside an attempt which was followed by another one."""
    started = start_step(stubs, start_run(stubs, project))
    retry(stubs, project, started)
    return {"step_run_id": started.step_run.id, "step_attempt": 1}


def finish(stubs: Stubs, run: states.Run, state: str = "FAILED", *skipped: str, driver_token: str = "") -> states.Run:
    """End a run in a state, with invocations that never started."""
    request = pipelines.FinishRunRequest(
        project=run.project,
        request_id=new_request_id(),
        run_id=run.id,
        state=states.RunState.Value(f"RUN_STATE_{state}"),
        skipped=[pipelines.SkippedStep(invocation=name, step_name=name, upstream=["fit"]) for name in skipped],
        driver_token=driver_token,
    )
    return stubs.pipelines.FinishRun(request).run


def failed_run(stubs: Stubs, project: str, name: str = "") -> states.Run:
    """A run whose step ``fit`` failed and whose step ``evaluate`` never started."""
    run = start_run(stubs, project, name=name)
    fail(stubs, project, start_step(stubs, run))
    return finish(stubs, run, "FAILED", "evaluate")


def abandon(stubs: Service, run: states.Run) -> None:
    """Let the lease of a run expire."""
    alter(stubs, "UPDATE runs SET lease_expires_at = created_at WHERE id = :id", id=run.id)


def states_of(run: states.Run) -> dict[str, str]:
    """The state of each step of a run."""
    return {step.invocation: states.StepState.Name(step.state).removeprefix("STEP_STATE_") for step in run.steps}


def explain(stubs: Stubs, project: str, run: str, invocation: str = "fit") -> step_cache_pb2.ExplainCacheResponse:
    """Ask why a step was or was not taken from cache."""
    request = step_cache_pb2.ExplainCacheRequest(project=project, run=run, invocation=invocation)
    return stubs.pipelines.ExplainCache(request)


def cache_entries(stubs: Stubs, project: str, **fields: Any) -> step_cache_pb2.ListCacheEntriesResponse:
    """List what may be reused."""
    return stubs.pipelines.ListCacheEntries(step_cache_pb2.ListCacheEntriesRequest(project=project, **fields))


def evict(stubs: Stubs, project: str, **fields: Any) -> int:
    """Let step runs be reused no more."""
    request = step_cache_pb2.EvictCacheRequest(project=project, request_id=new_request_id(), **fields)
    return stubs.pipelines.EvictCache(request).evicted_count
