"""PipelineService: parse, call a use case, render."""

from __future__ import annotations

import grpc

from argosy.v1 import pipeline_pb2, pipeline_service_pb2_grpc
from argosy.v1 import pipeline_service_pb2 as wire
from argosy_server.api.messages.field_parsing import parse_enum, parse_json_map, parse_optional, parse_text
from argosy_server.api.messages.page_tokens import query_of
from argosy_server.api.messages.pipelines import (
    RUN_STATES,
    parse_entry_point,
    parse_error,
    parse_run_key,
    parse_upstream,
    render_pipeline,
    render_run,
)
from argosy_server.api.messages.reply_size import fit
from argosy_server.api.servicers.cache import CacheCalls
from argosy_server.api.servicers.once import answer_once, request_key
from argosy_server.api.servicers.step_logs import StepLogCalls
from argosy_server.api.servicers.steps import StepCalls
from argosy_server.api.watching.calls import RunWatchCalls
from argosy_server.api.watching.hub import WatchHub
from argosy_server.domain.identifiers import parse_id, parse_name, parse_project
from argosy_server.domain.limits import Limits
from argosy_server.domain.paging import PageRequest, next_token
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction
from argosy_server.usecases.runs.track_runs import (
    SkippedStep,
    cancel_run,
    create_run,
    finish_run,
    renew_run,
    resume_run,
)


class PipelineServicer(
    CacheCalls, StepCalls, StepLogCalls, RunWatchCalls, pipeline_service_pb2_grpc.PipelineServiceServicer
):
    """Answers what ``argosy/v1/pipeline_service.proto`` promises; looks at the call's context only to watch."""

    def __init__(self, metadata: MetadataStore, storage: BlobStorage, limits: Limits, watches: WatchHub) -> None:
        """Serve what these hold."""
        self._watches = watches
        self._metadata = metadata
        self._storage = storage
        self._limits = limits

    def CreateRun(self, request: wire.CreateRunRequest, context: grpc.ServicerContext) -> wire.CreateRunResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        pipeline_name = parse_name("pipeline_name", request.pipeline_name)
        name = parse_optional(parse_name, "name", request.name)
        parameters = parse_json_map("parameters", request.parameters, self._limits)
        entry_point = parse_entry_point("entry_point", request.entry_point)

        def create(tx: Transaction) -> wire.CreateRunResponse:
            run = create_run(tx, self._limits, key.project, pipeline_name, name, parameters, entry_point)
            response = wire.CreateRunResponse(run=render_run(run), driver_token=run.driver_token)
            response.lease.FromTimedelta(self._limits.run_lease)
            return response

        return answer_once(self._metadata, key, wire.CreateRunResponse, create)

    def RenewRun(self, request: wire.RenewRunRequest, context: grpc.ServicerContext) -> wire.RenewRunResponse:
        """See the contract. No reply is kept: renewing again is harmless, an old answer would not be."""
        key = request_key(request.project, request.request_id, request)
        run_id = parse_id("run_id", request.run_id)
        driver_token = parse_text("driver_token", request.driver_token)
        with self._metadata.write() as tx:
            run = renew_run(tx, self._limits, key.project, run_id, driver_token)
        return wire.RenewRunResponse(run=render_run(run))

    def FinishRun(self, request: wire.FinishRunRequest, context: grpc.ServicerContext) -> wire.FinishRunResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        run_id = parse_id("run_id", request.run_id)
        state = parse_enum("state", request.state, RUN_STATES)
        error = parse_error("error", request.error)
        skipped = [
            _parse_skipped(f"skipped[{index}]", step, self._limits) for index, step in enumerate(request.skipped)
        ]
        driver_token = parse_text("driver_token", request.driver_token)

        def finish(tx: Transaction) -> wire.FinishRunResponse:
            run = finish_run(tx, key.project, run_id, state, error, skipped, driver_token)
            return wire.FinishRunResponse(run=fit(render_run(run)))

        return answer_once(self._metadata, key, wire.FinishRunResponse, finish)

    def CancelRun(self, request: wire.CancelRunRequest, context: grpc.ServicerContext) -> wire.CancelRunResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        run_id = parse_id("run_id", request.run_id)

        def cancel(tx: Transaction) -> wire.CancelRunResponse:
            return wire.CancelRunResponse(run=render_run(cancel_run(tx, key.project, run_id)))

        return answer_once(self._metadata, key, wire.CancelRunResponse, cancel)

    def ResumeRun(self, request: wire.ResumeRunRequest, context: grpc.ServicerContext) -> wire.ResumeRunResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        run_id = parse_id("run_id", request.run_id)

        def resume(tx: Transaction) -> wire.ResumeRunResponse:
            run = resume_run(tx, self._limits, key.project, run_id)
            response = wire.ResumeRunResponse(run=fit(render_run(run)), driver_token=run.driver_token)
            response.lease.FromTimedelta(self._limits.run_lease)
            return response

        return answer_once(self._metadata, key, wire.ResumeRunResponse, resume)

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
        pipeline_name = parse_optional(parse_name, "pipeline_name", request.pipeline_name)
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


def _parse_skipped(field: str, step: wire.SkippedStep, limits: Limits) -> SkippedStep:
    return SkippedStep(
        parse_name(f"{field}.invocation", step.invocation),
        parse_name(f"{field}.step_name", step.step_name),
        parse_upstream(f"{field}.upstream", step.upstream, limits),
    )
