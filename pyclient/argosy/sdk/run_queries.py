"""The part of ``Client`` that finds, lists and stops runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from argosy.errors import ParameterError
from argosy.sdk.filters import check_texts
from argosy.sdk.store_access import StoreAccess
from argosy.transport.pages import all_pages
from argosy.v1.pipeline_pb2 import RunState

if TYPE_CHECKING:
    from argosy.execution.run_record import PipelineRun


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


class RunQueries(StoreAccess):
    """Finds, lists and stops runs."""

    def get_run(self, run: str | UUID) -> PipelineRun:
        """Return the run of this id or name, with its steps.

        Raises:
            NotFoundError: no such run.
        """
        return self._run(self.connection.pipelines.get_run(str(run)))

    def list_runs(self, pipeline_name: str = "", *, status: str = "") -> Iterator[PipelineRun]:
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
        return (self._run(run, has_steps=False) for page in pages for run in page.runs)

    def cancel_run(self, run: str | UUID) -> PipelineRun:
        """Ask a run to stop; return it as it is now, which may be still running.

        The step that runs ends first. Then the call of the pipeline raises ``RunCancelledError`` where it
        was made, and the run reads as ``cancelled``.

        Args:
            run: its id or name.

        Raises:
            NotFoundError: no such run.
            PreconditionError: the run has ended.
        """
        pipelines = self.connection.pipelines
        asked = pipelines.cancel_run(pipelines.get_run(str(run)).id)
        return self.get_run(asked.id)  # with its steps

    def list_pipelines(self) -> Iterator[PipelineSummary]:
        """Yield pipelines by name, page by page as they are taken."""
        pipelines = self.connection.pipelines
        for page in all_pages(lambda token: pipelines.list_pipelines(page_token=token)):
            for item in page.pipelines:
                yield PipelineSummary(item.name, self._run(item.latest_run, has_steps=False), item.run_count)

    def _run(self, message: Any, *, has_steps: bool = True) -> PipelineRun:
        from argosy.execution.run_record import PipelineRun

        return PipelineRun(message, self.connection, has_steps=has_steps)


def _state(status: str) -> RunState.ValueType:
    states = {name.removeprefix("RUN_STATE_").lower(): value for name, value in RunState.items() if value}
    if not status:
        return RunState.RUN_STATE_UNSPECIFIED
    if status not in states:
        raise ParameterError(f"status={status!r} is none of {', '.join(states)}")
    return states[status]
