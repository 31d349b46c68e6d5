"""``argosy_project.server_away()``: calls fail as they do without a server, whichever kind of store it is."""

from __future__ import annotations

import grpc
import numpy as np
import pytest

import argosy
from argosy.testing import IsolatedProject
from argosy.v1.artifact_pb2 import VersionSelector
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy.v1.artifact_transfer_pb2 import DownloadArtifactRequest
from tests.waiting import wait_until


@pytest.fixture(params=["embedded", "server"])
def project(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, argosy_project: IsolatedProject
) -> IsolatedProject:
    """A project in each kind of store."""
    if request.param == "server":
        monkeypatch.setenv("ARGOSY_SERVER", request.getfixturevalue("server"))
    return argosy_project


def test_calls_fail_while_it_is_away_and_go_on_afterwards(project: IsolatedProject) -> None:
    version = argosy.save_artifact(np.ones(3), "weights")
    with project.server_away():
        with pytest.raises(argosy.UnavailableError, match="switched off"):
            version.set_alias("prod")
        with pytest.raises(argosy.UnavailableError, match="switched off"):
            list(argosy.list_artifact_versions("weights"))
    version.set_alias("prod")
    assert argosy.load_artifact("weights", alias="prod").tolist() == [1.0, 1.0, 1.0]


def test_a_save_that_was_cut_in_its_middle_leaves_nothing_behind(argosy_project: IsolatedProject) -> None:
    argosy.save_artifact(0, "weights")
    with argosy_project.server_away(after=1), pytest.raises(argosy.UnavailableError):
        argosy.save_artifact(np.ones(1_000_000), "weights")
    assert argosy.save_artifact(1, "weights").version == "2"


def test_a_stream_under_way_is_cut(project: IsolatedProject) -> None:
    version = argosy.save_artifact(np.ones(4_000_000), "weights")
    stub = ArtifactServiceStub(project.client.connection.channel)
    stream = stub.DownloadArtifact(DownloadArtifactRequest(project="default", selector=VersionSelector(id=version.id)))
    assert next(stream).HasField("version")
    with project.server_away(), pytest.raises(grpc.RpcError) as caught:
        list(stream)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_who_watches_is_cut_and_goes_on(project: IsolatedProject) -> None:
    argosy.save_artifact(0, "weights")
    with argosy.watch_artifacts("weights") as watch:
        argosy.save_artifact(1, "weights")
        seen = [next(watch).version]
        with project.server_away():
            pass
        argosy.save_artifact(2, "weights")
        seen.append(next(watch).version)
    assert seen == ["2", "3"]


def test_who_watches_while_it_is_away_waits_until_it_is_back(project: IsolatedProject) -> None:
    with argosy.watch_artifacts("weights", timeout=0.5) as watch:
        with project.server_away():
            assert list(watch) == []
        argosy.save_artifact(1, "weights")
        heard: list[str] = []

        def has_heard() -> bool:
            heard.extend(event.version for event in watch)
            return bool(heard)

        wait_until(has_heard, "the watch goes on")
    assert heard == ["1"]


def test_it_cannot_be_away_twice(argosy_project: IsolatedProject) -> None:
    with (
        argosy_project.server_away(after=1),
        pytest.raises(ValueError, match="by an outer block already"),
        argosy_project.server_away(),
    ):
        pass


def test_a_negative_number_of_calls_is_refused(argosy_project: IsolatedProject) -> None:
    with pytest.raises(ValueError, match="after=-1"), argosy_project.server_away(after=-1):
        pass
