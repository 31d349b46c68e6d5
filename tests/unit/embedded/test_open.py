"""Opening homes: at the same time, where none can be made, and the sweep that comes along."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import grpc
import pytest

from argosy.v1 import artifact_pb2
from argosy.v1 import artifact_service_pb2 as wire
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy_server.bootstrap import build
from argosy_server.config import StoreConfig
from argosy_server.embedded import open_channel
from argosy_server.sweeping import OCCASION_EVERY

SAVE = """
import pathlib, sys, uuid
from argosy.v1 import artifact_pb2, artifact_service_pb2 as wire
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy_server.bootstrap import build
from argosy_server.config import StoreConfig
from argosy_server.embedded import open_channel

request = wire.CreateArtifactVersionRequest(
    project="p", request_id=str(uuid.uuid4()), spec=artifact_pb2.ArtifactSpec(name="n", format="bytes")
)
request.files.add(path="data", inline_content=b"x")
with open_channel(pathlib.Path(sys.argv[1])) as channel:
    print(ArtifactServiceStub(channel).CreateArtifactVersion(request).artifact_version.version)
"""


def save_and_delete(home: Path) -> None:
    """Leave bytes behind that nothing can reach any more."""
    with open_channel(home) as channel:
        stub = ArtifactServiceStub(channel)
        request = wire.CreateArtifactVersionRequest(
            project="p", request_id=str(uuid.uuid4()), spec=artifact_pb2.ArtifactSpec(name="n", format="bytes")
        )
        request.files.add(path="data", inline_content=b"x" * 100_000)
        version = stub.CreateArtifactVersion(request).artifact_version
        stub.DeleteArtifactVersion(
            wire.DeleteArtifactVersionRequest(project="p", request_id=str(uuid.uuid4()), id=version.id)
        )


def stored_files(home: Path) -> list[Path]:
    return [path for path in (home / "blobs").rglob("*") if path.is_file() and path.name[0] != "."]


def age_last_sweep(home: Path) -> None:
    long_ago = time.time() - OCCASION_EVERY - 1
    os.utime(home / "last_sweep", (long_ago, long_ago))


def test_processes_may_create_a_home_at_the_same_time(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [sys.executable, "-c", SAVE, str(home)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    printed = sorted(process.communicate(timeout=60)[0] for process in processes)
    assert printed == ["1\n", "2\n", "3\n", "4\n"]


def test_a_home_that_cannot_be_made_is_a_status_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(grpc.RpcError) as caught:
        open_channel(tmp_path / "file/home")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert f"{tmp_path}/file/home cannot be created (Not a directory)" in str(caught.value.details())


def test_a_home_without_room_for_blobs_is_a_status(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("in the way")
    with pytest.raises(grpc.RpcError) as caught:
        open_channel(tmp_path)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_an_unknown_durability_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="use 'full' or 'process'"):
        open_channel(tmp_path, durability="eternal")
    assert list(tmp_path.iterdir()) == []


def test_closing_sweeps_when_the_last_sweep_was_long_ago(tmp_path: Path) -> None:
    save_and_delete(tmp_path)
    assert len(stored_files(tmp_path)) == 1
    age_last_sweep(tmp_path)
    open_channel(tmp_path).close()
    assert stored_files(tmp_path) == []
    assert time.time() - (tmp_path / "last_sweep").stat().st_mtime < OCCASION_EVERY


def test_closing_does_not_sweep_when_the_last_sweep_was_just_now(tmp_path: Path) -> None:
    save_and_delete(tmp_path)
    open_channel(tmp_path).close()
    assert len(stored_files(tmp_path)) == 1


def test_of_two_channels_one_sweeps(tmp_path: Path) -> None:
    save_and_delete(tmp_path)
    age_last_sweep(tmp_path)
    first, second = open_channel(tmp_path), open_channel(tmp_path)
    first.close()
    swept_at = (tmp_path / "last_sweep").stat().st_mtime_ns
    second.close()
    assert (tmp_path / "last_sweep").stat().st_mtime_ns == swept_at


def test_closing_leaves_the_sweep_to_a_server_that_leads(tmp_path: Path) -> None:
    save_and_delete(tmp_path)
    age_last_sweep(tmp_path)
    server = build(StoreConfig(tmp_path))
    with server.metadata.lead() as leads:
        assert leads
        open_channel(tmp_path).close()
        assert len(stored_files(tmp_path)) == 1
    open_channel(tmp_path).close()
    assert stored_files(tmp_path) == []
    server.close()


@pytest.mark.parametrize("name", ["a b", "a?b", "?mode=ro", "a#b", "a%20b", "a%b", "a%3Fb", "a@b:c", "file:a", "ü"])
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    with open_channel(tmp_path / name):
        assert (tmp_path / name / "metadata.db").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are no UTF-8")
def test_a_home_may_have_a_name_that_is_no_text(tmp_path: Path) -> None:
    home = tmp_path / os.fsdecode(b"odd\xff")
    with open_channel(home):
        assert (home / "metadata.db").stat().st_size > 0
