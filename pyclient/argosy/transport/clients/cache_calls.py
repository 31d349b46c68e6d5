"""The calls of PipelineService about the step cache."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from argosy.transport.clients.moments import timestamp
from argosy.transport.rpc.calls import Calls, new_request_id
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from argosy.v1.step_cache_pb2 import (
    EvictCacheRequest,
    ExplainCacheRequest,
    ExplainCacheResponse,
    ListCacheEntriesRequest,
    ListCacheEntriesResponse,
)

_MOST_IDS = 5_000


class CacheCalls:
    """Part of :class:`argosy.transport.clients.pipeline_client.PipelineClient`."""

    _stub: PipelineServiceStub
    _calls: Calls

    def explain_cache(self, run: str, invocation: str) -> ExplainCacheResponse:
        """Tell why a step of the run of this id or name was or was not taken from cache.

        Raises:
            NotFoundError: no such run, or no such invocation in it.
        """
        request = ExplainCacheRequest(project=self._calls.project, run=run, invocation=invocation)
        return self._calls.unary(self._stub.ExplainCache, request)

    def list_cache_entries(
        self, *, step_name: str = "", pipeline_name: str = "", page_size: int = 0, page_token: str = ""
    ) -> ListCacheEntriesResponse:
        """Return one page of the step runs whose outputs may be reused, newest first."""
        request = ListCacheEntriesRequest(
            project=self._calls.project,
            step_name=step_name,
            pipeline_name=pipeline_name,
            page_size=page_size,
            page_token=page_token,
        )
        return self._calls.unary(self._stub.ListCacheEntries, request)

    def evict_cache(
        self,
        *,
        step_run_ids: Iterable[str] = (),
        step_name: str = "",
        pipeline_name: str = "",
        ended_before: datetime | None = None,
        everything: bool = False,
    ) -> int:
        """Let step runs be reused no more, and return how many; all the filters hold together.

        Many ids are sent in several requests.

        Raises:
            InvalidRequestError: nothing is said about which, and not ``everything`` either.
        """
        ids = list(step_run_ids)
        request = EvictCacheRequest(
            project=self._calls.project,
            step_name=step_name,
            pipeline_name=pipeline_name,
            ended_before=timestamp(ended_before),
            everything=everything,
        )
        evicted = 0
        for start in range(0, len(ids) or 1, _MOST_IDS):
            request.request_id = new_request_id()
            request.step_run_ids[:] = ids[start : start + _MOST_IDS]
            evicted += self._calls.unary(self._stub.EvictCache, request).evicted_count
        return evicted
