"""The part of ``Client`` that watches artifacts and runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

from argosy.sdk.artifact_events import ArtifactEvents, watch_in
from argosy.sdk.filters import refuse_misspelt
from argosy.sdk.store_access import StoreAccess
from argosy.transport.watching import RunWatching

if TYPE_CHECKING:
    from argosy.execution.run_record import PipelineRun

WATCH_KEYWORDS = ("name", "alias", "tag", "kinds", "include_unnamed", "cursor", "timeout")


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
        """Watch artifacts as :func:`argosy.watch_artifacts` does, in this store and project."""
        refuse_misspelt("watch_artifacts", misspelt, WATCH_KEYWORDS)
        return watch_in(self.connection, name, alias, tag, kinds, include_unnamed, cursor, timeout)

    def watch_run(self, run: str | UUID) -> Iterator[PipelineRun]:
        """Yield a run as it is now, then each time it has changed, and a last time when it has ended.

        It goes on when the connection breaks or the server restarts. Leaving the loop ends the watch.

        Args:
            run: its id or name.

        Raises:
            NotFoundError: no such run.
            UnavailableError: the store cannot be reached when the watch begins.
            DeadlineError: it does not answer then.
        """
        from argosy.execution.run_record import PipelineRun

        connection = self.connection
        watching = RunWatching(connection, str(run))

        def pictures() -> Iterator[PipelineRun]:
            try:
                while (picture := watching.read()) is not None:
                    yield PipelineRun(picture, connection)
            finally:
                watching.close()

        return pictures()


def watch_artifacts(
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

    The watch begins before this returns: whatever happens afterwards is not missed. It goes on when connections break
    and servers restart, for as long as that takes. All filters hold together.

    Args:
        name: only events of this artifact.
        alias: only moves and removals of this alias.
        tag: only events of versions that have this tag, or that gain or lose it.
        kinds: only events of these kinds, one or several of ``version_created``, ``alias_moved``, ``alias_removed``,
            ``version_updated`` and ``version_deleted``; with ``alias`` only ``alias_moved`` and ``alias_removed``.
        include_unnamed: also events of step outputs that were given no name.
        cursor: where to go on: an event's ``cursor``, kept for instance in a file. Without it the watch begins now.
        timeout: end the iteration when for so many seconds there was no event; iterating again goes on. It does not
            count until the watch has begun.
        misspelt: refused; what may have been meant is named.

    Raises:
        TypeError: a keyword is misspelt; what may have been meant is named.
        ParameterError: an argument is malformed.
        CursorExpiredError: events after the cursor were forgotten (they are kept 7 days), or it is of another store or
            project; list what there is, and watch anew without it.
        ResourceExhaustedError: too many watch the server.
        UnavailableError: the store cannot be reached when the watch begins.
        DeadlineError: it does not answer then.
    """
    from argosy.sdk.client import Client

    return Client().watch_artifacts(
        name,
        alias=alias,
        tag=tag,
        kinds=kinds,
        include_unnamed=include_unnamed,
        cursor=cursor,
        timeout=timeout,
        **misspelt,
    )
