"""The part of ``Client`` that finds, lists and stops runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from argosy.errors import ParameterError
from argosy.execution.views.amounts import format_seconds
from argosy.execution.views.listing import Listing
from argosy.sdk.queries.filters import check_texts
from argosy.sdk.queries.selectors import run_key
from argosy.sdk.queries.store_access import StoreAccess
from argosy.transport.clients.pages import all_pages
from argosy.v1.pipeline_pb2 import RunState

if TYPE_CHECKING:
    from argosy.execution.records.run_record import PipelineRun


@dataclass(frozen=True)
class PipelineSummary:
    """One pipeline in a list.

    Attributes:
        name: its name.
        latest_run: its most recent run; its steps are asked for when they are read.
        run_count: how many runs it has.
    """

    name: str
    latest_run: PipelineRun
    run_count: int


_RUN_COLUMNS: Mapping[str, Callable[[PipelineRun], object]] = {
    "name": lambda run: run.name,
    "pipeline": lambda run: run.pipeline_name,
    "status": lambda run: run.status,
    "started": lambda run: run.started,
    "took": lambda run: None if run.duration is None else format_seconds(run.duration),
}
_PIPELINE_COLUMNS: Mapping[str, Callable[[PipelineSummary], object]] = {
    "name": lambda pipeline: pipeline.name,
    "runs": lambda pipeline: pipeline.run_count,
    "latest": lambda pipeline: pipeline.latest_run.name,
    "status": lambda pipeline: pipeline.latest_run.status,
    "started": lambda pipeline: pipeline.latest_run.started,
}


class RunQueries(StoreAccess):
    """Finds, lists and stops runs."""

    def get_run(self, run: str | UUID | PipelineRun) -> PipelineRun:
        """Return the run of this id or name, or a run as it is now, with its steps.

        Raises:
            NotFoundError: no such run.
        """
        key = run_key("get_run", run)
        return self._run(self.connection.pipelines.get_run(key))

    def list_runs(self, pipeline_name: str = "", *, status: str = "") -> Listing[PipelineRun]:
        """Yield runs, newest first, page by page as they are taken.

        The steps of each are asked for when its ``steps`` are read first.

        Args:
            pipeline_name: only runs of this pipeline.
            status: only ``running``, ``completed``, ``failed``, ``cancelled`` or ``abandoned`` ones.

        Raises:
            ParameterError: there is no such status, or an argument is no text.
        """
        check_texts("list_runs", pipeline_name=pipeline_name, status=status)
        pipelines, state = self.connection.pipelines, _state(status)
        pages = all_pages(lambda token: pipelines.list_runs(pipeline_name=pipeline_name, state=state, page_token=token))
        found = (self._run(run, has_steps=False) for page in pages for run in page.runs)
        return Listing(found, "runs", _RUN_COLUMNS)

    def cancel_run(self, run: str | UUID | PipelineRun) -> PipelineRun:
        """Ask a run to stop; return it as it is now, which may be still running.

        The step that runs ends first. Then the call of the pipeline raises ``RunCancelledError`` where it
        was made, and the run reads as ``cancelled``.

        Args:
            run: the run, its id or name.

        Raises:
            NotFoundError: no such run.
            PreconditionError: the run has ended.
        """
        key, pipelines = run_key("cancel_run", run), self.connection.pipelines
        asked = pipelines.cancel_run(pipelines.get_run(key).id)
        return self.get_run(asked.id)  # with its steps

    def list_pipelines(self) -> Listing[PipelineSummary]:
        """Yield pipelines by name, page by page as they are taken."""
        pipelines = self.connection.pipelines
        pages = all_pages(lambda token: pipelines.list_pipelines(page_token=token))
        found = (
            PipelineSummary(item.name, self._run(item.latest_run, has_steps=False), item.run_count)
            for page in pages
            for item in page.pipelines
        )
        return Listing(found, "pipelines", _PIPELINE_COLUMNS)

    def _run(self, message: Any, *, has_steps: bool = True) -> PipelineRun:
        from argosy.execution.records.run_record import PipelineRun

        return PipelineRun(message, self.connection, has_steps=has_steps)


def _state(status: str) -> RunState.ValueType:
    states = {name.removeprefix("RUN_STATE_").lower(): value for name, value in RunState.items() if value}
    if not status:
        return RunState.RUN_STATE_UNSPECIFIED
    if status not in states:
        raise ParameterError(f"status={status!r} is none of {', '.join(states)}")
    return states[status]
