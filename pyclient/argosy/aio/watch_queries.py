"""The part of the asyncio ``Client`` that watches artifacts and runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from uuid import UUID

from argosy.aio.artifact_events import ArtifactEvents, watch_by
from argosy.aio.loop.watching import LoopWatching
from argosy.aio.run_record import PipelineRun
from argosy.aio.store_access import StoreAccess
from argosy.sdk.queries.selectors import run_key
from argosy.transport.watching import RunPicture


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
        """Watch what becomes of artifacts: each event once and in order, until the watch is closed.

        For example::

            async with client.watch_artifacts("model", alias="prod") as events:
                async for event in events:
                    model = await event.artifact.load()

        The arguments are those of :func:`argosy.watch_artifacts`, and so is what happens when connections break and
        servers restart. The watch begins with ``async with``, or when the first event is asked for.

        Raises:
            ParameterError: an argument is malformed.
        """
        return watch_by(self.way, name, alias, tag, kinds, include_unnamed, cursor, timeout)

    async def watch_run(self, run: str | UUID | PipelineRun) -> AsyncGenerator[PipelineRun, None]:
        """Yield a run as it is now, then each time it has changed, and a last time when it has ended.

        It goes on when the connection breaks or the server restarts. Leaving the loop ends the watch.

        Args:
            run: the run, its id or name.

        Raises:
            NotFoundError: no such run.
            UnavailableError: the store cannot be reached when the watch begins.
            DeadlineError: it does not answer then.
        """
        key = run_key("watch_run", run)
        watching = LoopWatching(
            self.way, f"a watch of run {key}", lambda connection, _: connection.pipelines.watch_run(key), ends=True
        )
        picture = RunPicture()
        try:
            message = await watching.begin()
            while message is not None:
                yield PipelineRun(picture.add(message), self.way)
                message = await watching.read()
        finally:
            watching.close()
