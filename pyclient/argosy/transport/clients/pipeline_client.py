"""PipelineService, one method for each RPC. Errors are those of the contract, as exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import grpc

from argosy.transport.clients.cache_calls import CacheCalls
from argosy.transport.clients.step_calls import StepCalls
from argosy.transport.clients.step_log_calls import StepLogCalls
from argosy.transport.clients.watch_calls import RunWatchCalls
from argosy.transport.rpc.calls import Calls, new_request_id
from argosy.v1.pipeline_pb2 import EntryPoint, Run, RunError, RunState
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
    ResumeRunRequest,
    ResumeRunResponse,
    SkippedStep,
)
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceStub


class PipelineClient(StepCalls, StepLogCalls, CacheCalls, RunWatchCalls):
    """Records runs and reads them back.

    ``driver_token`` is what CreateRun or ResumeRun gave: with it a runner that was replaced is refused.
    """

    def __init__(self, channel: grpc.Channel, calls: Calls) -> None:
        """Use ``channel`` as ``calls`` says."""
        self._stub = PipelineServiceStub(channel)
        self._calls = calls

    def create_run(
        self,
        pipeline_name: str,
        *,
        name: str = "",
        parameters: Mapping[str, str] | None = None,
        entry_point: EntryPoint | None = None,
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
            entry_point=entry_point,
        )
        return self._calls.unary(self._stub.CreateRun, request)

    def renew_run(self, run_id: str, *, driver_token: str = "") -> Run:
        """Extend the lease of a run; the answer says whether it shall stop.

        Raises:
            ConflictError: the run is abandoned, or was resumed by another runner.
            PreconditionError: the run has ended.
        """
        request = RenewRunRequest(
            project=self._calls.project, request_id=new_request_id(), run_id=run_id, driver_token=driver_token
        )
        return self._calls.unary(self._stub.RenewRun, request).run

    def finish_run(
        self,
        run_id: str,
        state: RunState.ValueType,
        *,
        error: RunError | None = None,
        skipped: Iterable[SkippedStep] = (),
        driver_token: str = "",
    ) -> Run:
        """End a run; steps that never started are recorded as skipped.

        Raises:
            ConflictError: the run is abandoned, or was resumed by another runner.
            PreconditionError: the run has ended, or a step of it still runs.
        """
        request = FinishRunRequest(
            project=self._calls.project,
            request_id=new_request_id(),
            run_id=run_id,
            state=state,
            error=error,
            skipped=skipped,
            driver_token=driver_token,
        )
        return self._calls.unary(self._stub.FinishRun, request).run

    def cancel_run(self, run_id: str) -> Run:
        """Ask a run to stop; its runner hears of it at its next step or renewal.

        Raises:
            PreconditionError: the run has ended.
        """
        request = CancelRunRequest(project=self._calls.project, request_id=new_request_id(), run_id=run_id)
        return self._calls.unary(self._stub.CancelRun, request).run

    def resume_run(self, run_id: str) -> ResumeRunResponse:
        """Take a run over that failed, was cancelled or abandoned; of two that try at once one wins.

        Raises:
            AlreadyExistsError: it was abandoned, and another run has its name now.
            PreconditionError: it is running or has completed.
        """
        request = ResumeRunRequest(project=self._calls.project, request_id=new_request_id(), run_id=run_id)
        return self._calls.unary(self._stub.ResumeRun, request)

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
