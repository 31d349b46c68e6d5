"""Finds the run that somebody names."""

from __future__ import annotations

from argosy.errors import NotFoundError
from argosy.graph.near_matches import did_you_mean
from argosy.transport.connection import Connection
from argosy.v1.pipeline_pb2 import Run


def find_run(connection: Connection, key: str) -> Run:
    """Return a run by its name or id, with its steps.

    Raises:
        NotFoundError: no such run; the message names those of the latest that are like it.
    """
    try:
        return connection.pipelines.get_run(key)
    except NotFoundError as error:
        near = did_you_mean(key, [run.name for run in connection.pipelines.list_runs().runs])
        raise NotFoundError(f"{error}{near}", reason=error.reason, metadata=error.metadata) from None
