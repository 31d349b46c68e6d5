"""The part of the asyncio ``Client`` that finds, lists and stops runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from uuid import UUID

from argosy.aio.run_record import PipelineRun, run_shown_by
from argosy.aio.store_access import StoreAccess
from argosy.sdk.queries.selectors import run_key


@dataclass(frozen=True)
class PipelineSummary:
    """One pipeline in a list.

    Attributes:
        name: its name.
        latest_run: its most recent run, without steps: they come by ``await run.reload()``.
        run_count: how many runs it has.
    """

    name: str
    latest_run: PipelineRun
    run_count: int


class RunQueries(StoreAccess):
    """Finds, lists and stops runs, as the methods of :class:`argosy.Client` do."""

    async def get_run(self, run: str | UUID | PipelineRun) -> PipelineRun:
        """Return the run of this id or name, or a run as it is now, with its steps.

        Raises:
            NotFoundError: no such run.
        """
        key = run_key("get_run", run)
        return run_shown_by(self.way, await self._ask(lambda client: client.get_run(key)))

    async def list_runs(self, pipeline_name: str = "", *, status: str = "") -> AsyncGenerator[PipelineRun, None]:
        """Yield runs, newest first and without steps, page by page as they are taken.

        The steps of one come by ``await run.reload()``.

        Args:
            pipeline_name: only runs of this pipeline.
            status: only ``running``, ``completed``, ``failed``, ``cancelled`` or ``abandoned`` ones.

        Raises:
            ParameterError: there is no such status, or an argument is no text.
        """
        async for run in self._iterate(lambda client: client.list_runs(pipeline_name, status=status)):
            yield run_shown_by(self.way, run)

    async def cancel_run(self, run: str | UUID | PipelineRun) -> PipelineRun:
        """Ask a run to stop; return it as it is now, which may be still running.

        Raises:
            NotFoundError: no such run.
            PreconditionError: the run has ended.
        """
        key = run_key("cancel_run", run)
        return run_shown_by(self.way, await self._ask(lambda client: client.cancel_run(key)))

    async def list_pipelines(self) -> AsyncGenerator[PipelineSummary, None]:
        """Yield pipelines by name, page by page as they are taken."""
        async for item in self._iterate(lambda client: client.list_pipelines()):
            yield PipelineSummary(item.name, run_shown_by(self.way, item.latest_run), item.run_count)
