"""PipelineService: parse, call a use case, render."""

from __future__ import annotations

import grpc

from argosy.v1 import pipeline_pb2, pipeline_service_pb2_grpc, step_calls_pb2
from argosy.v1 import pipeline_service_pb2 as wire
from argosy_server.api.artifact_messages import parse_new_files, parse_spec
from argosy_server.api.field_parsing import (
    MAX_KEYS,
    parse_enum,
    parse_json_map,
    parse_text,
    parse_text_map,
    require_message,
)
from argosy_server.api.once import answer_once, discard_quietly, publish_once, request_key
from argosy_server.api.page_tokens import query_of
from argosy_server.api.pipeline_messages import (
    RUN_STATES,
    STEP_STATES,
    parse_error,
    parse_inputs,
    parse_loaded,
    parse_run_key,
    render_pipeline,
    render_run,
    render_step,
)
from argosy_server.api.reply_size import fit
from argosy_server.api.step_log_servicer import StepLogCalls
from argosy_server.domain.artifact import ArtifactSpec
from argosy_server.domain.errors import LimitExceeded
from argosy_server.domain.identifiers import parse_id, parse_name, parse_project
from argosy_server.domain.limits import Limits
from argosy_server.domain.paging import PageRequest, next_token
from argosy_server.usecases.end_step import NewOutput, complete_step, fail_step
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction
from argosy_server.usecases.staging import NewFile, StagedFile, check_sizes, stage_files
from argosy_server.usecases.start_step import find_reusable, start_step
from argosy_server.usecases.track_runs import cancel_run, create_run, finish_run, renew_run


class PipelineServicer(StepLogCalls, pipeline_service_pb2_grpc.PipelineServiceServicer):
    """Answers what ``argosy/v1/pipeline_service.proto`` promises; never looks at the call's context."""

    def __init__(self, metadata: MetadataStore, storage: BlobStorage, limits: Limits) -> None:
        """Serve what these hold."""
        self._metadata = metadata
        self._storage = storage
        self._limits = limits

    def CreateRun(self, request: wire.CreateRunRequest, context: grpc.ServicerContext) -> wire.CreateRunResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        pipeline_name = parse_name("pipeline_name", request.pipeline_name)
        name = parse_name("name", request.name) if request.name else ""
        parameters = parse_json_map("parameters", request.parameters, self._limits)

        def create(tx: Transaction) -> wire.CreateRunResponse:
            run = create_run(tx, self._limits, key.project, pipeline_name, name, parameters)
            response = wire.CreateRunResponse(run=render_run(run))
            response.lease.FromTimedelta(self._limits.run_lease)
            return response

        return answer_once(self._metadata, key, wire.CreateRunResponse, create)

    def RenewRun(self, request: wire.RenewRunRequest, context: grpc.ServicerContext) -> wire.RenewRunResponse:
        """See the contract. No reply is kept: renewing again is harmless, an old answer would not be."""
        key = request_key(request.project, request.request_id, request)
        run_id = parse_id("run_id", request.run_id)
        with self._metadata.write() as tx:
            run = renew_run(tx, self._limits, key.project, run_id)
        return wire.RenewRunResponse(run=render_run(run))

    def StartStep(
        self, request: step_calls_pb2.StartStepRequest, context: grpc.ServicerContext
    ) -> step_calls_pb2.StartStepResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        run_id = parse_id("run_id", request.run_id)
        invocation = parse_name("invocation", request.invocation)
        step_name = parse_name("step_name", request.step_name)
        parameters = parse_json_map("parameters", request.parameters, self._limits)
        inputs = parse_inputs("inputs", request.inputs, self._limits)
        cache_key = parse_text("cache_key", request.cache_key)
        parts = parse_text_map("cache_key_parts", request.cache_key_parts, self._limits)
        reusable = find_reusable(self._metadata, self._storage, key.project, cache_key)

        def start(tx: Transaction) -> step_calls_pb2.StartStepResponse:
            step = start_step(
                tx,
                self._limits,
                key.project,
                run_id,
                invocation,
                step_name,
                parameters,
                inputs,
                cache_key,
                parts,
                reusable,
            )
            return step_calls_pb2.StartStepResponse(step_run=fit(render_step(step)), attempt_token=step.attempt_token)

        return answer_once(self._metadata, key, step_calls_pb2.StartStepResponse, start)

    def CompleteStep(
        self, request: step_calls_pb2.CompleteStepRequest, context: grpc.ServicerContext
    ) -> step_calls_pb2.CompleteStepResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        step_run_id = parse_id("step_run_id", request.step_run_id)
        token = parse_text("attempt_token", request.attempt_token)
        parsed = [self._parse_output(f"outputs[{index}]", output) for index, output in enumerate(request.outputs)]
        loaded = parse_loaded("loaded", request.loaded)
        if len(parsed) > MAX_KEYS:
            raise LimitExceeded(f"outputs: {len(parsed)} outputs; at most {MAX_KEYS}", limit=MAX_KEYS)
        # Each output alone is checked when it is staged; they come and are answered in one message.
        check_sizes(self._limits, [file for _, _, files in parsed for file in files])
        outputs = self._stage_outputs(key.project, parsed)

        def complete(tx: Transaction) -> step_calls_pb2.CompleteStepResponse:
            step = complete_step(tx, self._limits, key.project, step_run_id, token, outputs, loaded)
            return step_calls_pb2.CompleteStepResponse(step_run=fit(render_step(step, output_files=True)))

        staged = [file for output in outputs for file in output.staged]
        return publish_once(self._metadata, self._storage, key, staged, step_calls_pb2.CompleteStepResponse, complete)

    def FailStep(
        self, request: step_calls_pb2.FailStepRequest, context: grpc.ServicerContext
    ) -> step_calls_pb2.FailStepResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        step_run_id = parse_id("step_run_id", request.step_run_id)
        token = parse_text("attempt_token", request.attempt_token)
        state = parse_enum("state", request.state, STEP_STATES)
        error = parse_error("error", request.error)
        loaded = parse_loaded("loaded", request.loaded)

        def fail(tx: Transaction) -> step_calls_pb2.FailStepResponse:
            step = fail_step(tx, key.project, step_run_id, token, state, error, loaded)
            return step_calls_pb2.FailStepResponse(step_run=fit(render_step(step)))

        return answer_once(self._metadata, key, step_calls_pb2.FailStepResponse, fail)

    def FinishRun(self, request: wire.FinishRunRequest, context: grpc.ServicerContext) -> wire.FinishRunResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        run_id = parse_id("run_id", request.run_id)
        state = parse_enum("state", request.state, RUN_STATES)
        error = parse_error("error", request.error)
        skipped = [
            (
                parse_name(f"skipped[{index}].invocation", step.invocation),
                parse_name(f"skipped[{index}].step_name", step.step_name),
            )
            for index, step in enumerate(request.skipped)
        ]

        def finish(tx: Transaction) -> wire.FinishRunResponse:
            run = finish_run(tx, key.project, run_id, state, error, skipped)
            return wire.FinishRunResponse(run=fit(render_run(run)))

        return answer_once(self._metadata, key, wire.FinishRunResponse, finish)

    def CancelRun(self, request: wire.CancelRunRequest, context: grpc.ServicerContext) -> wire.CancelRunResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        run_id = parse_id("run_id", request.run_id)

        def cancel(tx: Transaction) -> wire.CancelRunResponse:
            return wire.CancelRunResponse(run=render_run(cancel_run(tx, key.project, run_id)))

        return answer_once(self._metadata, key, wire.CancelRunResponse, cancel)

    def GetRun(self, request: wire.GetRunRequest, context: grpc.ServicerContext) -> wire.GetRunResponse:
        """See the contract."""
        project = parse_project(request.project)
        run_key = parse_run_key("run", request.run)
        with self._metadata.read() as tx:
            run = tx.runs.get(project, run_key, steps=True)
        return wire.GetRunResponse(run=fit(render_run(run)))

    def ListRuns(self, request: wire.ListRunsRequest, context: grpc.ServicerContext) -> wire.ListRunsResponse:
        """See the contract."""
        project = parse_project(request.project)
        pipeline_name = parse_name("pipeline_name", request.pipeline_name) if request.pipeline_name else ""
        unspecified = request.state == pipeline_pb2.RUN_STATE_UNSPECIFIED
        state = None if unspecified else parse_enum("state", request.state, RUN_STATES)
        query = query_of(self._metadata.store_id, request)
        page_request = PageRequest.parse(request.page_size, request.page_token, query)
        with self._metadata.read() as tx:
            page = tx.runs.list_runs(project, pipeline_name, state, page_request)
        return wire.ListRunsResponse(
            runs=[render_run(run) for run in page.rows], next_page_token=next_token(page, query)
        )

    def ListPipelines(
        self, request: wire.ListPipelinesRequest, context: grpc.ServicerContext
    ) -> wire.ListPipelinesResponse:
        """See the contract."""
        project = parse_project(request.project)
        query = query_of(self._metadata.store_id, request)
        page_request = PageRequest.parse(request.page_size, request.page_token, query)
        with self._metadata.read() as tx:
            page = tx.runs.list_pipelines(project, page_request)
        return wire.ListPipelinesResponse(
            pipelines=[render_pipeline(row) for row in page.rows], next_page_token=next_token(page, query)
        )

    def _parse_output(
        self, field: str, output: step_calls_pb2.NewStepOutput
    ) -> tuple[str, ArtifactSpec, list[NewFile]]:
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
