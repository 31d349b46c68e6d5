"""Reading everything the replicas have, once nothing moves any more.

Each replica is asked for all versions, steps, events and states. The bytes of a version are read through one of them,
half of all versions through each of two: they come from one store, and most of the time goes there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from argosy import ArgosyError, ArtifactVersion, Client, NotFoundError
from tests.soak.actors.actor import told
from tests.soak.actors.watching import FILTERS, facts_of
from tests.soak.content import read_content
from tests.soak.evidence import FoundStep, FoundVersion, ProjectTruth
from tests.soak.plan import END

LOADS_AT_ONCE = 6
EVENT_SECONDS = 10.0
"""So long without an event, and there is none: the last one was lost."""


@dataclass(frozen=True)
class Share:
    """Which versions a replica is asked for the bytes of: of ``of`` shares the one with this number, from 0."""

    number: int
    of: int

    def holds(self, version_id: str) -> bool:
        """Tell whether it is one of them; it is one of exactly one share."""
        return zlib.crc32(version_id.encode()) % self.of == self.number


def read_project(address: str, project: str, cursor: str, named: Iterable[str], share: Share) -> ProjectTruth:
    """Read a project through one replica.

    Args:
        address: the replica.
        project: the project.
        cursor: where its events began.
        named: ids of versions of which it shall be told whether they are there.
        share: whose bytes are read.
    """
    client = Client(address, project)
    listed = list(client.list_artifact_versions())
    with ThreadPoolExecutor(LOADS_AT_ONCE) as pool:
        loading = pool.map(lambda version: _load(version, is_read=share.holds(version.id)), listed)
        versions = {found.id: found for found in loading}
        missing = [version_id for version_id in set(named) if version_id not in versions]
        known = dict(zip(missing, pool.map(lambda version_id: _state(client, version_id), missing), strict=True))
    known |= dict.fromkeys(versions, "live")
    return ProjectTruth(address, project, versions, list(_steps(client)), list(_events(client, cursor)), known)


def _load(version: ArtifactVersion, *, is_read: bool) -> FoundVersion:
    reading, error = None, ""
    try:
        reading = read_content(version.load()) if is_read else None
    except (ArgosyError, AssertionError) as raised:
        error = told(raised)
    token = version.metadata.get("token")
    return FoundVersion(
        version.id, version.project, version.name, version.version, version.tags, version.aliases, token,
        version.producer_step_run_id, reading, error,
    )  # fmt: skip


def _state(client: Client, version_id: str) -> str:
    try:
        return "deleted" if client.get_artifact_version(version_id).deleted else "live"
    except NotFoundError:
        return "absent"


def _steps(client: Client) -> Iterable[FoundStep]:
    for listed in client.list_runs():
        run = client.get_run(listed.id)
        for step in run.steps.values():
            outputs = {name: output.id for name, output in step.outputs.items()}
            yield FoundStep(step.id, run.name, step.invocation, step.status, outputs)


def _events(client: Client, cursor: str) -> Iterable[dict[str, object]]:
    with client.watch_artifacts(cursor=cursor, timeout=EVENT_SECONDS, **FILTERS["everything"]) as events:
        for event in events:
            yield facts_of(event)
            if event.name == END:
                return
