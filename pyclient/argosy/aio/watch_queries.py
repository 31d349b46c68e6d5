"""The part of the asyncio ``Client`` that watches artifacts and runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import NoReturn
from uuid import UUID

from argosy.aio.artifact_events import ArtifactEvents, watch_by
from argosy.aio.run_record import PipelineRun
from argosy.aio.store_access import StoreAccess
from argosy.aio.watching import LoopWatching
from argosy.sdk.filters import refuse_misspelt
from argosy.sdk.watch_queries import WATCH_KEYWORDS
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
        **misspelt: NoReturn,
    ) -> ArtifactEvents:
        """Watch what becomes of artifacts: each event once and in order, until the watch is closed.

        For example::

            async with client.watch_artifacts("model", alias="prod") as events:
                async for event in events:
                    model = await event.artifact.load()

        The arguments are those of :func:`argosy.watch_artifacts`, and so is what happens when connections break and
        servers restart. The watch begins with ``async with``, or when the first event is asked for.

        Raises:
            TypeError: a keyword is misspelt; what may have been meant is named.
            ParameterError: an argument is malformed.
        """
        refuse_misspelt("watch_artifacts", misspelt, WATCH_KEYWORDS)
        return watch_by(self.way, name, alias, tag, kinds, include_unnamed, cursor, timeout)

    async def watch_run(self, run: str | UUID) -> AsyncGenerator[PipelineRun, None]:
        """Yield a run as it is now, then each time it has changed, and a last time when it has ended.

        It goes on when the connection breaks or the server restarts. Leaving the loop ends the watch.

        Args:
            run: its id or name.

        Raises:
            NotFoundError: no such run.
            UnavailableError: the store cannot be reached when the watch begins.
            DeadlineError: it does not answer then.
        """
        watching = LoopWatching(
            self.way, f"a watch of run {run}", lambda connection, _: connection.pipelines.watch_run(str(run)), ends=True
        )
        picture = RunPicture()
        try:
            message = await watching.begin()
            while message is not None:
                yield PipelineRun(picture.add(message), self.way)
                message = await watching.read()
        finally:
            watching.close()
