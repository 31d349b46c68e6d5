"""The calls of PipelineService about the step cache."""

from __future__ import annotations

import grpc

from argosy.v1 import step_cache_pb2 as wire
from argosy_server.api.messages.field_parsing import parse_optional, parse_timestamp, render_timestamp
from argosy_server.api.messages.page_tokens import query_of
from argosy_server.api.messages.pipelines import parse_run_key, render_step
from argosy_server.api.messages.reply_size import fit
from argosy_server.api.servicers.once import answer_once, request_key
from argosy_server.domain.errors import LimitExceeded
from argosy_server.domain.identifiers import parse_id, parse_name, parse_project
from argosy_server.domain.limits import Limits
from argosy_server.domain.paging import PageRequest, next_token
from argosy_server.usecases.ports import MetadataStore, Transaction
from argosy_server.usecases.ports.cache_repository import CacheEntry, EntryFilter
from argosy_server.usecases.runs.step_cache import evict_entries, explain_step


class CacheCalls:
    """Explains, lists and evicts what steps may reuse."""

    _metadata: MetadataStore
    _limits: Limits

    def ExplainCache(
        self, request: wire.ExplainCacheRequest, context: grpc.ServicerContext
    ) -> wire.ExplainCacheResponse:
        """See the contract."""
        project = parse_project(request.project)
        run = parse_run_key("run", request.run)
        invocation = parse_name("invocation", request.invocation)
        with self._metadata.read() as tx:
            found = explain_step(tx, project, run, invocation)
        return wire.ExplainCacheResponse(
            step_run=fit(render_step(found.step)),
            earlier=fit(render_step(found.earlier)) if found.earlier else None,
            earlier_run_name=found.earlier_run_name,
            differences=[
                wire.CacheKeyDifference(part=item.part, before=item.before, now=item.now) for item in found.differences
            ],
        )

    def ListCacheEntries(
        self, request: wire.ListCacheEntriesRequest, context: grpc.ServicerContext
    ) -> wire.ListCacheEntriesResponse:
        """See the contract."""
        project = parse_project(request.project)
        entries = EntryFilter(
            step_name=parse_optional(parse_name, "step_name", request.step_name),
            pipeline_name=parse_optional(parse_name, "pipeline_name", request.pipeline_name),
        )
        query = query_of(self._metadata.store_id, request)
        page_request = PageRequest.parse(request.page_size, request.page_token, query)
        with self._metadata.read() as tx:
            page = tx.cache.list_entries(project, entries, page_request)
        return wire.ListCacheEntriesResponse(
            entries=[_render_entry(entry) for entry in page.rows], next_page_token=next_token(page, query)
        )

    def EvictCache(self, request: wire.EvictCacheRequest, context: grpc.ServicerContext) -> wire.EvictCacheResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        if len(request.step_run_ids) > self._limits.max_files:
            raise LimitExceeded(
                f"step_run_ids: {len(request.step_run_ids)} ids; at most {self._limits.max_files}",
                limit=self._limits.max_files,
            )
        entries = EntryFilter(
            tuple(parse_id(f"step_run_ids[{index}]", item) for index, item in enumerate(request.step_run_ids)),
            parse_optional(parse_name, "step_name", request.step_name),
            parse_optional(parse_name, "pipeline_name", request.pipeline_name),
            parse_timestamp("ended_before", request, "ended_before"),
        )

        def evict(tx: Transaction) -> wire.EvictCacheResponse:
            count = evict_entries(tx, key.project, entries, everything=request.everything)
            return wire.EvictCacheResponse(evicted_count=count)

        return answer_once(self._metadata, key, wire.EvictCacheResponse, evict)


def _render_entry(entry: CacheEntry) -> wire.CacheEntry:
    step = entry.step
    return wire.CacheEntry(
        step_run_id=step.id,
        run_id=step.run_id,
        run_name=entry.run_name,
        pipeline_name=entry.pipeline_name,
        step_name=step.step_name,
        invocation=step.invocation,
        cache_key=step.cache_key,
        end_time=render_timestamp(step.ended_at) if step.ended_at else None,
        hit_count=entry.hit_count,
        size_bytes=entry.size,
    )
