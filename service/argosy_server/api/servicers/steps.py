"""The calls of PipelineService that start and end steps."""

from __future__ import annotations

import grpc

from argosy.v1 import step_calls_pb2 as wire
from argosy_server.api.messages.artifacts import parse_new_files, parse_spec
from argosy_server.api.messages.field_parsing import (
    MAX_KEYS,
    parse_duration,
    parse_enum,
    parse_json_map,
    parse_text,
    parse_text_map,
    require_message,
)
from argosy_server.api.messages.pipelines import (
    STEP_STATES,
    parse_error,
    parse_inputs,
    parse_loaded,
    parse_upstream,
    render_step,
)
from argosy_server.api.messages.reply_size import fit
from argosy_server.api.servicers.once import answer_once, discard_quietly, publish_once, request_key
from argosy_server.domain.artifact import ArtifactSpec
from argosy_server.domain.errors import LimitExceeded
from argosy_server.domain.identifiers import parse_id, parse_name
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.staging import NewFile, StagedFile, check_sizes, stage_files
from argosy_server.usecases.idempotency import RequestKey
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction
from argosy_server.usecases.ports.cache_repository import Holder
from argosy_server.usecases.runs.end_step import NewOutput, complete_step, fail_step
from argosy_server.usecases.runs.reuse_step import look_up
from argosy_server.usecases.runs.start_step import (
    WAIT,
    KeyReserved,
    NewStep,
    OutputsAppeared,
    check_reserved,
    start_step,
)

MAX_LOOKS = 5
"""How often the cache is looked at again because an equal step has just completed."""


class StepCalls:
    """Starts and ends steps."""

    _metadata: MetadataStore
    _storage: BlobStorage
    _limits: Limits

    def StartStep(self, request: wire.StartStepRequest, context: grpc.ServicerContext) -> wire.StartStepResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        wanted = self._parse_step(request)
        try:
            for _ in range(MAX_LOOKS - 1):
                try:
                    return self._start(key, wanted, last_look=False)
                except OutputsAppeared:
                    continue
            return self._start(key, wanted, last_look=True)
        except KeyReserved as reserved:
            return _render_wait(reserved.holder)

    def CompleteStep(
        self, request: wire.CompleteStepRequest, context: grpc.ServicerContext
    ) -> wire.CompleteStepResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        step_run_id = parse_id("step_run_id", request.step_run_id)
        token = parse_text("attempt_token", request.attempt_token)
        parsed = [self._parse_output(f"outputs[{index}]", output) for index, output in enumerate(request.outputs)]
        loaded = parse_loaded("loaded", request.loaded)
        metadata = parse_json_map("metadata", request.metadata, self._limits)
        if len(parsed) > MAX_KEYS:
            raise LimitExceeded(f"outputs: {len(parsed)} outputs; at most {MAX_KEYS}", limit=MAX_KEYS)
        # Each output alone is checked when it is staged; they come and are answered in one message.
        check_sizes(self._limits, [file for _, _, files in parsed for file in files])
        outputs = self._stage_outputs(key.project, parsed)

        def complete(tx: Transaction) -> wire.CompleteStepResponse:
            step = complete_step(tx, self._limits, key.project, step_run_id, token, outputs, loaded, metadata)
            return wire.CompleteStepResponse(step_run=fit(render_step(step, output_files=True)))

        staged = [file for output in outputs for file in output.staged]
        return publish_once(self._metadata, self._storage, key, staged, wire.CompleteStepResponse, complete)

    def FailStep(self, request: wire.FailStepRequest, context: grpc.ServicerContext) -> wire.FailStepResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        step_run_id = parse_id("step_run_id", request.step_run_id)
        token = parse_text("attempt_token", request.attempt_token)
        state = parse_enum("state", request.state, STEP_STATES)
        error = parse_error("error", request.error)
        loaded = parse_loaded("loaded", request.loaded)
        metadata = parse_json_map("metadata", request.metadata, self._limits)

        def fail(tx: Transaction) -> wire.FailStepResponse:
            step = fail_step(
                tx,
                key.project,
                step_run_id,
                token,
                state,
                error,
                loaded,
                metadata,
                retry=request.retry,
                never_began=request.never_began,
            )
            new_token = step.attempt_token if request.retry else ""
            return wire.FailStepResponse(step_run=fit(render_step(step)), attempt_token=new_token)

        return answer_once(self._metadata, key, wire.FailStepResponse, fail)

    def _start(self, key: RequestKey, wanted: NewStep, *, last_look: bool) -> wire.StartStepResponse:
        look = look_up(self._metadata, self._storage, key.project, wanted.cache_key, wanted.max_age)
        check_reserved(self._metadata, key.project, key.request_id, wanted, look.holder)

        def start(tx: Transaction) -> wire.StartStepResponse:
            step = start_step(tx, self._limits, key.project, wanted, look, last_look=last_look)
            return wire.StartStepResponse(step_run=fit(render_step(step)), attempt_token=step.attempt_token)

        return answer_once(self._metadata, key, wire.StartStepResponse, start)

    def _parse_step(self, request: wire.StartStepRequest) -> NewStep:
        return NewStep(
            run_id=parse_id("run_id", request.run_id),
            invocation=parse_name("invocation", request.invocation),
            step_name=parse_name("step_name", request.step_name),
            parameters=parse_json_map("parameters", request.parameters, self._limits),
            inputs=parse_inputs("inputs", request.inputs, self._limits),
            cache_key=parse_text("cache_key", request.cache_key),
            cache_key_parts=parse_text_map("cache_key_parts", request.cache_key_parts, self._limits),
            max_age=parse_duration("max_age", request, "max_age"),
            upstream=parse_upstream("upstream", request.upstream, self._limits),
            may_wait=request.may_wait,
            driver_token=parse_text("driver_token", request.driver_token),
        )

    def _parse_output(self, field: str, output: wire.NewStepOutput) -> tuple[str, ArtifactSpec, list[NewFile]]:
        require_message(f"{field}.spec", output, "spec")
        return (
            parse_name(f"{field}.name", output.name),
            parse_spec(f"{field}.spec", output.spec, self._limits),
            parse_new_files(f"{field}.files", output.files),
        )

    def _stage_outputs(self, project: str, parsed: list[tuple[str, ArtifactSpec, list[NewFile]]]) -> list[NewOutput]:
        outputs: list[NewOutput] = []
        staged: list[StagedFile] = []
        try:
            for name, spec, files in parsed:
                outputs.append(
                    NewOutput(name, spec, stage_files(self._metadata, self._storage, self._limits, project, files))
                )
                staged += outputs[-1].staged
        except BaseException:
            discard_quietly(self._metadata, self._storage, project, staged)
            raise
        return outputs


def _render_wait(holder: Holder) -> wire.StartStepResponse:
    response = wire.StartStepResponse(
        wait=wire.StepWait(step_run_id=holder.step_run_id, run_id=holder.run_id, run_name=holder.run_name)
    )
    response.wait.retry_after.FromTimedelta(WAIT)
    return response
