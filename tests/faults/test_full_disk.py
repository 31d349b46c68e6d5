"""The disk is full: the save is refused and gives its room back, reading works, and saving once there is room."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from grpc import StatusCode

from argosy import Client
from argosy.errors import ResourceExhaustedError
from argosy_server.embedded import open_channel
from tests.api.calls import commit, download, expect_refusal, open_upload, upload_parts, write_parts
from tests.api.conftest import Service, service_on
from tests.faults.stand import MEBIBYTE, Stand, array_of, assert_clean, files_of, rows

SMALL, LARGE = array_of(2 * MEBIBYTE, seed=1), array_of(30 * MEBIBYTE, seed=2)


@pytest.fixture(params=["server", "direct"])
def store(request: pytest.FixtureRequest, small_disk: Path) -> Iterator[tuple[Client, Path]]:
    """A store on the small disk: behind a server, or in this process, which writes its files itself."""
    home = small_disk / "store"
    if request.param == "direct":
        client = Client(f"embedded://{home}")
        assert client.connection.direct is not None
        yield client, home
        return
    stand = Stand(home)
    yield stand.client(), home
    stand.close()


def fill(disk: Path) -> Path:
    """Leave room for about half of ``LARGE``."""
    ballast = disk / "ballast"
    room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    ballast.write_bytes(bytes(room - LARGE.nbytes // 2))
    return ballast


def room_on(disk: Path) -> int:
    return os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize


def test_a_save_that_does_not_fit_is_refused_and_one_that_does_works_afterwards(
    store: tuple[Client, Path], small_disk: Path
) -> None:
    client, home = store
    client.save_artifact(SMALL, "kept")
    ballast = fill(small_disk)
    with pytest.raises(ResourceExhaustedError, match=r"no room left .* free space there") as refused:
        client.save_artifact(LARGE, "weights")
    assert refused.value.reason == "STORAGE_FULL"
    assert list(files_of(home).values()) == [SMALL.nbytes + 128]
    assert room_on(small_disk) > LARGE.nbytes // 4
    np.testing.assert_array_equal(client.load_artifact("kept"), SMALL)
    ballast.unlink()
    assert client.save_artifact(LARGE, "weights").version == "1"
    np.testing.assert_array_equal(client.load_artifact("weights"), LARGE)
    assert_clean(home)


@pytest.fixture(params=["server", "embedded"])
def service(request: pytest.FixtureRequest, small_disk: Path) -> Iterator[Service]:
    """Raw stubs of a store on the small disk."""
    home = small_disk / "store"
    if request.param == "embedded":
        with open_channel(home) as channel:
            yield service_on("embedded", home, channel)
        return
    stand = Stand(home)
    with stand.direct_channel() as channel:
        yield stand.stubs(channel)
    stand.close()


def test_streams_that_do_not_fit_are_refused_and_an_upload_goes_on_when_there_is_room(
    service: Service, small_disk: Path
) -> None:
    content, project = LARGE.tobytes(), "default"
    service.artifacts.UploadArtifact(upload_parts(project, "kept", SMALL.tobytes()))
    ballast = fill(small_disk)
    upload = open_upload(service, project)
    with expect_refusal(StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL"):
        service.blobs.WriteUpload(write_parts(project, upload.id, content))
    with expect_refusal(StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL"):
        service.artifacts.UploadArtifact(upload_parts(project, "weights", content))
    assert list(files_of(service.home).values()) == [SMALL.nbytes]
    assert download(service, project, name="kept") == SMALL.tobytes()
    ballast.unlink()
    service.blobs.WriteUpload(write_parts(project, upload.id, content))
    commit(service, project, upload.id, content)
    saved = service.artifacts.UploadArtifact(upload_parts(project, "weights", content)).artifact_version
    assert saved.version == "1"
    assert download(service, project, name="weights") == content
    assert_clean(service.home)


def open_uploads_for_ever(service: Service) -> None:
    """Write rows until the log of the database has to grow."""
    while True:
        open_upload(service, "default")


def test_a_disk_without_any_room_at_all_still_answers_and_recovers(service: Service, small_disk: Path) -> None:
    project = "default"
    service.artifacts.UploadArtifact(upload_parts(project, "kept", SMALL.tobytes()))
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 12))
    assert room_on(small_disk) == 0
    with expect_refusal(StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL"):
        open_uploads_for_ever(service)
    assert download(service, project, name="kept") == SMALL.tobytes()
    ballast.unlink()
    service.artifacts.UploadArtifact(upload_parts(project, "weights", LARGE.tobytes()))
    assert download(service, project, name="weights") == LARGE.tobytes()
    assert rows(service.home, "SELECT count(*) FROM versions") == [(2,)]
    assert_clean(service.home)
