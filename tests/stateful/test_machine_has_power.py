"""A green state machine proves nothing unless it turns red: each of these bugs is one it must find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import select

from argosy_server.adapters.metadata.artifacts.artifact_repository import SqlArtifactRepository
from argosy_server.adapters.metadata.blobs.blob_repository import SqlBlobRepository
from argosy_server.adapters.metadata.reply_repository import SqlReplyRepository
from argosy_server.adapters.metadata.schema.tables import versions
from argosy_server.api.servicers import download_stream
from argosy_server.domain.artifact import ArtifactVersion, NewVersion, VersionSelector
from argosy_server.domain.paging import PageRequest
from argosy_server.usecases.blobs.read_blob import read_blob
from tests.stateful.store_machine import StoreMachine

SEARCH = settings(
    # Ends with the first failure; rare bugs need luck, so leave room for it.
    max_examples=400,
    stateful_step_count=30,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

Bug = Callable[[pytest.MonkeyPatch], None]


def replies_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SqlReplyRepository, "find", lambda *_: {})
    patch.setattr(SqlReplyRepository, "store", lambda *_: None)


def numbers_are_one_more_than_the_highest_live_one(patch: pytest.MonkeyPatch) -> None:
    add_many = SqlArtifactRepository.add_many

    def numbered(self: SqlArtifactRepository, project: str, new: NewVersion) -> NewVersion:
        if new.spec.version:
            return new
        live = self.list_versions(project, PageRequest(1000), name=new.spec.name).rows
        numbers = [int(version.version) for version in live if version.version.isdigit()]
        return replace(new, spec=replace(new.spec, version=str(max(numbers, default=0) + 1)))

    def buggy(
        self: SqlArtifactRepository, project: str, wanted: Sequence[NewVersion], **how: Any
    ) -> list[ArtifactVersion]:
        return add_many(self, project, [numbered(self, project, new) for new in wanted], **how)

    patch.setattr(SqlArtifactRepository, "add_many", buggy)


def latest_is_the_highest_number(patch: pytest.MonkeyPatch) -> None:
    get = SqlArtifactRepository.get

    def buggy(self: SqlArtifactRepository, project: str, selector: VersionSelector) -> ArtifactVersion:
        if selector == VersionSelector(name=selector.name):
            live = self.list_versions(project, PageRequest(1000), name=selector.name).rows
            numbered = [version for version in live if version.version.isdigit()]
            if numbered:
                selector = VersionSelector(id=max(numbered, key=lambda version: int(version.version)).id)
        return get(self, project, selector)

    patch.setattr(SqlArtifactRepository, "get", buggy)


def an_alias_never_moves(patch: pytest.MonkeyPatch) -> None:
    set_alias = SqlArtifactRepository.set_alias

    def buggy(self: SqlArtifactRepository, project: str, alias: str, version: ArtifactVersion) -> ArtifactVersion:
        others = self.list_versions(project, PageRequest(1000), name=version.name).rows
        taken = {name for other in others for name in other.aliases}
        return version if alias in taken else set_alias(self, project, alias, version)

    patch.setattr(SqlArtifactRepository, "set_alias", buggy)


def the_sweep_takes_files_in_use(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SqlBlobRepository, "known_locations", lambda *_: set())


def ids_are_found_in_every_project(patch: pytest.MonkeyPatch) -> None:
    get = SqlArtifactRepository.get

    def buggy(self: SqlArtifactRepository, project: str, selector: VersionSelector) -> ArtifactVersion:
        if selector.id:
            home = self._session.execute(select(versions.c.project).where(versions.c.id == selector.id)).scalar()
            project = home or project
        return get(self, project, selector)

    patch.setattr(SqlArtifactRepository, "get", buggy)


def a_read_leaves_the_last_chunk_out(patch: pytest.MonkeyPatch) -> None:

    def buggy(*arguments: Any) -> Iterator[bytes]:
        chunks = list(read_blob(*arguments))
        yield from islice(chunks, max(0, len(chunks) - 1))

    patch.setattr(download_stream, "read_blob", buggy)


BUGS: list[Bug] = [
    replies_are_forgotten,
    numbers_are_one_more_than_the_highest_live_one,
    latest_is_the_highest_number,
    an_alias_never_moves,
    the_sweep_takes_files_in_use,
    ids_are_found_in_every_project,
    a_read_leaves_the_last_chunk_out,
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: str(bug.__name__))
def test_the_state_machine_finds_the_bug(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception, grpc.RpcError, Flaky)) as caught:
        run_state_machine_as_test(StoreMachine, settings=SEARCH)
    assert "Timeout" not in str(caught.value)  # which is a failure too, and no finding
