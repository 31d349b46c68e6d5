"""The calls of PipelineService that start and end steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from argosy.transport.rpc.calls import Calls, new_request_id
from argosy.v1.pipeline_pb2 import RunError, StepRun, StepState
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from argosy.v1.step_calls_pb2 import (
    CompleteStepRequest,
    FailStepRequest,
    FailStepResponse,
    LoadedInput,
    NewStepOutput,
    StartStepRequest,
    StartStepResponse,
    StepInputSpec,
)


class StepCalls:
    """Part of :class:`argosy.transport.clients.pipeline_client.PipelineClient`."""

    _stub: PipelineServiceStub
    _calls: Calls

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
        max_age: timedelta | None = None,
        may_wait: bool = False,
        upstream: Iterable[str] = (),
        driver_token: str = "",
    ) -> StartStepResponse:
        """Start a step, or take its outputs from an earlier run of it.

        Args:
            run_id: the run.
            invocation: unique in the run.
            step_name: the step.
            parameters: name to JSON text.
            inputs: what it is given.
            cache_key: empty when it may not be cached.
            cache_key_parts: what the key was made of.
            max_age: outputs of step runs that ended longer ago are not taken.
            may_wait: whether ``wait`` may be answered because an equal step runs now; nothing was recorded then,
                and the call is to be made again after a while.
            upstream: the invocations it had to wait for.
            driver_token: from CreateRun or ResumeRun.

        Raises:
            ConflictError: the run is abandoned, or was resumed by another runner.
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
            may_wait=may_wait,
            upstream=upstream,
            driver_token=driver_token,
        )
        if max_age is not None:
            request.max_age.FromTimedelta(max_age)
        return self._calls.unary(self._stub.StartStep, request)

    def complete_step(
        self,
        step_run_id: str,
        attempt_token: str,
        outputs: Iterable[NewStepOutput],
        *,
        loaded: Iterable[LoadedInput] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> StepRun:
        """End a step: outputs, state and lineage become visible together. Each of ``metadata`` is a JSON document.

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
            metadata=metadata or {},
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
        retry: bool = False,
        never_began: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> FailStepResponse:
        """End a step that raised (FAILED) or was stopped (CANCELLED).

        With ``retry`` only the attempt has ended: the step goes on running, and the answer has the token of its next
        attempt. With ``never_began`` that one does not count.

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
            retry=retry,
            never_began=never_began,
            metadata=metadata or {},
        )
        return self._calls.unary(self._stub.FailStep, request)
