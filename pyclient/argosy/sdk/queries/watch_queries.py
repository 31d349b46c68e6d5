"""The part of ``Client`` that watches artifacts and runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from argosy.sdk.queries.artifact_events import ArtifactEvents, watch_in
from argosy.sdk.queries.selectors import run_key
from argosy.sdk.queries.store_access import StoreAccess
from argosy.transport.watching import RunWatching

if TYPE_CHECKING:
    from argosy.execution.records.run_record import PipelineRun


class WatchQueries(StoreAccess):
    """Watches artifacts and runs."""

    def watch_artifacts(
        self,
        name: str | None = None,
        *,
        alias: str | None = None,
        tag: str | None = None,
        kinds: str | Iterable[str] | None = None,
        include_unnamed: bool = False,
        cursor: str | None = None,
        timeout: float | None = None,
    ) -> ArtifactEvents:
        """Watch artifacts as :func:`argosy.watch_artifacts` does, in this store and project."""
        return watch_in(self.connection, name, alias, tag, kinds, include_unnamed, cursor, timeout)

    def watch_run(self, run: str | UUID | PipelineRun) -> Iterator[PipelineRun]:
        """Yield a run as it is now, then each time it has changed, and a last time when it has ended.

        It goes on when the connection breaks or the server restarts. Leaving the loop ends the watch.

        Args:
            run: the run, its id or name.

        Raises:
            NotFoundError: no such run.
            UnavailableError: the store cannot be reached when the watch begins.
            DeadlineError: it does not answer then.
        """
        from argosy.execution.records.run_record import PipelineRun

        key, connection = run_key("watch_run", run), self.connection
        watching = RunWatching(connection, key)

        def pictures() -> Iterator[PipelineRun]:
            try:
                while (picture := watching.read()) is not None:
                    yield PipelineRun(picture, connection)
            finally:
                watching.close()

        return pictures()
