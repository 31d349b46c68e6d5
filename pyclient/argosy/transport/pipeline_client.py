"""PipelineService, one method for each RPC. Errors are those of the contract, as exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import grpc

from argosy.transport.calls import Calls, new_request_id
from argosy.v1.pipeline_pb2 import Run, RunError, RunState, StepRun, StepState
from argosy.v1.pipeline_service_pb2 import (
    CancelRunRequest,
    CreateRunRequest,
    CreateRunResponse,
    FinishRunRequest,
    GetRunRequest,
    ListPipelinesRequest,
    ListPipelinesResponse,
    ListRunsRequest,
    ListRunsResponse,
    RenewRunRequest,
    SkippedStep,
)
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from argosy.v1.step_calls_pb2 import (
    CompleteStepRequest,
    FailStepRequest,
    LoadedInput,
    NewStepOutput,
    StartStepRequest,
    StartStepResponse,
    StepInputSpec,
)


class PipelineClient:
    """Records runs and reads them back."""

    def __init__(self, channel: grpc.Channel, calls: Calls) -> None:
        """Use ``channel`` as ``calls`` says."""
        self._stub = PipelineServiceStub(channel)
        self._calls = calls

    def create_run(
        self, pipeline_name: str, *, name: str = "", parameters: Mapping[str, str] | None = None
    ) -> CreateRunResponse:
        """Start a run; each parameter is one JSON document. An empty name lets the server make one.

        Raises:
            AlreadyExistsError: a run of this name exists.
        """
        request = CreateRunRequest(
            project=self._calls.project,
            request_id=new_request_id(),
            pipeline_name=pipeline_name,
            name=name,
            parameters=parameters or {},
        )
        return self._calls.unary(self._stub.CreateRun, request)

    def renew_run(self, run_id: str) -> Run:
        """Extend the lease of a run; the answer says whether it shall stop.

        Raises:
            ConflictError: the run is abandoned.
            PreconditionError: the run has ended.
        """
        request = RenewRunRequest(project=self._calls.project, request_id=new_request_id(), run_id=run_id)
        return self._calls.unary(self._stub.RenewRun, request).run

    def start_step(
        self,
        run_id: str,
        invocation: str,
        step_name: str,
        *,
        parameters: Mapping[str, str] | None = None,
        inputs: Iterable[StepInputSpec] = (),
        cache_key: str = "",
        cache_key_parts: Mapping[str, str] | None = None,
    ) -> StartStepResponse:
        """Start a step, or take its outputs from an earlier run of it.

        Raises:
            ConflictError: the run is abandoned.
            PreconditionError: the run has ended or is being cancelled, or the invocation was started before.
            NotFoundError: an input names no version.
        """
        request = StartStepRequest(
            project=self._calls.project,
            request_id=new_request_id(),
            run_id=run_id,
            invocation=invocation,
            step_name=step_name,
            parameters=parameters or {},
            inputs=inputs,
            cache_key=cache_key,
            cache_key_parts=cache_key_parts or {},
        )
        return self._calls.unary(self._stub.StartStep, request)

    def complete_step(
        self,
        step_run_id: str,
        attempt_token: str,
        outputs: Iterable[NewStepOutput],
        *,
        loaded: Iterable[LoadedInput] = (),
    ) -> StepRun:
        """End a step: outputs, state and lineage become visible together.

        Raises:
            ConflictError: the run is abandoned, or the attempt token is not the current one.
            PreconditionError: the step does not run.
            AlreadyExistsError: the version label of an output is taken.
        """
        request = CompleteStepRequest(
            project=self._calls.project,
            request_id=new_request_id(),
            step_run_id=step_run_id,
            attempt_token=attempt_token,
            outputs=outputs,
            loaded=loaded,
        )
        return self._calls.unary(self._stub.CompleteStep, request).step_run

    def fail_step(
        self,
        step_run_id: str,
        attempt_token: str,
        error: RunError | None = None,
        *,
        state: StepState.ValueType = StepState.STEP_STATE_FAILED,
        loaded: Iterable[LoadedInput] = (),
    ) -> StepRun:
        """End a step that raised (FAILED) or was stopped (CANCELLED).

        Raises:
            ConflictError: the run is abandoned, or the attempt token is not the current one.
            PreconditionError: the step does not run.
        """
        request = FailStepRequest(
            project=self._calls.project,
            request_id=new_request_id(),
            step_run_id=step_run_id,
            attempt_token=attempt_token,
            state=state,
            error=error,
            loaded=loaded,
        )
        return self._calls.unary(self._stub.FailStep, request).step_run

    def finish_run(
        self,
        run_id: str,
        state: RunState.ValueType,
        *,
        error: RunError | None = None,
        skipped: Iterable[SkippedStep] = (),
    ) -> Run:
        """End a run; steps that never started are recorded as skipped.

        Raises:
            ConflictError: the run is abandoned.
            PreconditionError: the run has ended, or a step of it still runs.
        """
        request = FinishRunRequest(
            project=self._calls.project,
            request_id=new_request_id(),
            run_id=run_id,
            state=state,
            error=error,
            skipped=skipped,
        )
        return self._calls.unary(self._stub.FinishRun, request).run

    def cancel_run(self, run_id: str) -> Run:
        """Ask a run to stop; its runner hears of it at its next step or renewal.

        Raises:
            PreconditionError: the run has ended.
        """
        request = CancelRunRequest(project=self._calls.project, request_id=new_request_id(), run_id=run_id)
        return self._calls.unary(self._stub.CancelRun, request).run

    def get_run(self, run: str) -> Run:
        """Return the run of this id or name, with its steps.

        Raises:
            NotFoundError: no such run.
        """
        return self._calls.unary(self._stub.GetRun, GetRunRequest(project=self._calls.project, run=run)).run

    def list_runs(
        self,
        *,
        pipeline_name: str = "",
        state: RunState.ValueType = RunState.RUN_STATE_UNSPECIFIED,
        page_size: int = 0,
        page_token: str = "",
    ) -> ListRunsResponse:
        """Return one page of runs without steps, newest first."""
        request = ListRunsRequest(
            project=self._calls.project,
            pipeline_name=pipeline_name,
            state=state,
            page_size=page_size,
            page_token=page_token,
        )
        return self._calls.unary(self._stub.ListRuns, request)

    def list_pipelines(self, *, page_size: int = 0, page_token: str = "") -> ListPipelinesResponse:
        """Return one page of pipelines by name, each with its most recent run."""
        request = ListPipelinesRequest(project=self._calls.project, page_size=page_size, page_token=page_token)
        return self._calls.unary(self._stub.ListPipelines, request)
