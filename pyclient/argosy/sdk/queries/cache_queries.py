"""The part of ``Client`` that looks into the step cache, and lets it forget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from uuid import UUID

from argosy.errors import ParameterError
from argosy.execution.views.amounts import format_bytes
from argosy.execution.views.listing import Listing
from argosy.graph.switches import check_switches
from argosy.sdk.queries.filters import check_moments, check_texts
from argosy.sdk.queries.selectors import run_key
from argosy.sdk.queries.store_access import StoreAccess
from argosy.transport.clients.pages import all_pages
from argosy.v1 import step_cache_pb2

if TYPE_CHECKING:
    from argosy.execution.records.cache_explanation import CacheExplanation
    from argosy.execution.records.run_record import PipelineRun


@dataclass(frozen=True)
class CacheEntry:
    """A step run whose outputs may be reused.

    Attributes:
        id: of the step run.
        run: the name of its run.
        run_id: the id of its run.
        pipeline: the pipeline of its run.
        step: the step.
        invocation: its name in the run.
        cache_key: what a step must have to take its outputs.
        ended: when it ended, in UTC.
        hit_count: how many step runs took its outputs.
        size_bytes: of its outputs.
    """

    id: str
    run: str
    run_id: str
    pipeline: str
    step: str
    invocation: str
    cache_key: str
    ended: datetime
    hit_count: int
    size_bytes: int

    def __str__(self) -> str:
        hits = "once" if self.hit_count == 1 else f"{self.hit_count} times"
        return f"step {self.invocation!r} of run {self.run!r}, reused {hits}"


_COLUMNS: Mapping[str, Callable[[CacheEntry], object]] = {
    "step": lambda entry: entry.invocation,
    "run": lambda entry: entry.run,
    "pipeline": lambda entry: entry.pipeline,
    "ended": lambda entry: entry.ended,
    "reused": lambda entry: entry.hit_count,
    "size": lambda entry: format_bytes(entry.size_bytes),
}


class CacheQueries(StoreAccess):
    """Lists, explains and evicts what steps may reuse."""

    def list_cache(self, *, step: str = "", pipeline: str = "") -> Listing[CacheEntry]:
        """Yield the step runs whose outputs may be reused, newest first, page by page as they are taken.

        Args:
            step: only runs of this step.
            pipeline: only those of this pipeline.

        Raises:
            ParameterError: an argument is no text.
        """
        check_texts("list_cache", step=step, pipeline=pipeline)
        calls = self.connection.pipelines
        pages = all_pages(
            lambda token: calls.list_cache_entries(step_name=step, pipeline_name=pipeline, page_token=token)
        )
        return Listing((make_entry(entry) for page in pages for entry in page.entries), "cache entries", _COLUMNS)

    def explain_cache(self, run: str | UUID | PipelineRun, step: str) -> CacheExplanation:
        """Tell why a step of a run was or was not taken from cache: print what is returned.

        Args:
            run: the run, its id or its name.
            step: the step's name in the run.

        Raises:
            NotFoundError: no such run, or no such step in it; the text names those there are.
            ParameterError: an argument is of another kind.
        """
        from argosy.execution.records.cache_explanation import explain_from

        check_texts("explain_cache", step=step)
        key = run_key("explain_cache", run)
        return explain_from(self.connection, key, self.connection.pipelines.get_run(key).name, step)

    def evict_cache(
        self,
        *,
        ids: Iterable[str | UUID | CacheEntry] | None = None,
        step: str = "",
        pipeline: str = "",
        ended_before: datetime | None = None,
        everything: bool = False,
    ) -> int:
        """Let step runs be reused no more, and return how many. What they made stays.

        All that is said must hold together.

        Args:
            ids: only these step runs, or entries of :meth:`list_cache`; none at all evicts nothing.
            step: only runs of this step.
            pipeline: only those of this pipeline.
            ended_before: only those that ended earlier; a time without a zone is local.
            everything: all of the project; needed where nothing else is said.

        Raises:
            ParameterError: nothing is said, or an argument is of another kind.
        """
        check_texts("evict_cache", step=step, pipeline=pipeline)
        check_moments("evict_cache", ended_before=ended_before)
        check_switches(everything=everything)
        if isinstance(ids, (str, UUID, CacheEntry)):
            raise ParameterError(f"evict_cache(ids=...) got a single {type(ids).__name__}; write a list, ids=[...]")
        wanted = [item.id if isinstance(item, CacheEntry) else str(item) for item in ids or ()]
        if ids is not None and not wanted:
            return 0
        if not (wanted or step or pipeline or ended_before or everything):
            raise ParameterError(
                "evict_cache(): nothing is said about which step runs; pass ids, step, pipeline or ended_before, "
                "or everything=True"
            )
        return self.connection.pipelines.evict_cache(
            step_run_ids=wanted,
            step_name=step,
            pipeline_name=pipeline,
            ended_before=ended_before,
            everything=everything,
        )


def make_entry(message: step_cache_pb2.CacheEntry) -> CacheEntry:
    """Return the entry a message tells of."""
    return CacheEntry(
        id=message.step_run_id,
        run=message.run_name,
        run_id=message.run_id,
        pipeline=message.pipeline_name,
        step=message.step_name,
        invocation=message.invocation,
        cache_key=message.cache_key,
        ended=message.end_time.ToDatetime(tzinfo=timezone.utc),
        hit_count=message.hit_count,
        size_bytes=message.size_bytes,
    )
