"""Damaged bytes, a full disk, a store that cannot be written: refused, told, and nothing else breaks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc import StatusCode

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import artifact_service_pb2 as artifacts
from argosy.v1 import artifact_transfer_pb2
from argosy_server.bootstrap import build
from argosy_server.config import StoreConfig
from argosy_server.embedded import EmbeddedRpcError, open_channel
from tests.api.calls import (
    LARGE,
    Refusal,
    create,
    digest_of,
    download,
    expect_refusal,
    missing,
    new_request_id,
    put_blob,
    read_blob,
    upload_parts,
)
from tests.api.conftest import Service, service_on
from tests.backends.damage import flip_a_bit

MEBIBYTE = 1 << 20


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    """A store of this test alone."""
    with open_channel(tmp_path / "home") as channel:
        yield service_on("embedded", tmp_path / "home", channel)


def only_file(home: Path) -> Path:
    (path,) = (path for path in (home / "blobs").rglob("*") if path.is_file() and path.name[0] != ".")
    return path


def test_a_flipped_bit_is_data_loss_never_a_wrong_value(own: Service) -> None:
    own.artifacts.UploadArtifact(upload_parts("default", "weights", LARGE))
    flip_a_bit(only_file(own.home), 3 * MEBIBYTE)
    with expect_refusal(StatusCode.DATA_LOSS, "BLOB_CORRUPT"):
        download(own, "default", name="weights")


def test_a_range_read_is_refused_when_its_piece_is_damaged_and_served_when_not(own: Service) -> None:
    digest = put_blob(own, "default", LARGE)
    flip_a_bit(only_file(own.home), 10)
    with expect_refusal(StatusCode.DATA_LOSS, "BLOB_CORRUPT"):
        read_blob(own, "default", digest, 2 * MEBIBYTE, 1)  # the same piece, another byte
    assert read_blob(own, "default", digest, 4 * MEBIBYTE, 5) == LARGE[4 * MEBIBYTE : 4 * MEBIBYTE + 5]


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_file_that_is_cut_or_gone_is_data_loss(own: Service, damage: str) -> None:
    digest = put_blob(own, "default", LARGE)
    path = only_file(own.home)
    if damage == "cut":
        os.truncate(path, len(LARGE) - 1)
    else:
        path.unlink()
    with expect_refusal(StatusCode.DATA_LOSS, "BLOB_CORRUPT"):
        read_blob(own, "default", digest)


def delete_and_sweep(own: Service, version_id: str) -> None:
    own.artifacts.DeleteArtifactVersion(
        artifacts.DeleteArtifactVersionRequest(project="default", request_id=new_request_id(), id=version_id)
    )
    application = build(StoreConfig(own.home))
    report = application.sweep()
    application.close()
    assert report.blobs > 0


def start_download(own: Service) -> Iterator[artifact_transfer_pb2.DownloadArtifactResponse]:
    request = artifact_transfer_pb2.DownloadArtifactRequest(
        project="default", selector=nouns.VersionSelector(name="weights")
    )
    return own.artifacts.DownloadArtifact(request)


def test_a_download_under_way_goes_on_when_the_version_is_deleted_and_swept(own: Service) -> None:
    own.artifacts.UploadArtifact(upload_parts("default", "weights", LARGE))
    messages = start_download(own)
    version, _, first = next(messages).version, next(messages), next(messages).chunk
    delete_and_sweep(own, version.id)
    assert first + b"".join(message.chunk for message in messages) == LARGE


def test_bytes_swept_before_a_download_came_to_them_are_not_found_and_no_alarm(own: Service) -> None:
    own.artifacts.UploadArtifact(upload_parts("default", "weights", LARGE))
    messages = start_download(own)
    delete_and_sweep(own, next(messages).version.id)
    assert next(messages).HasField("file_start")
    with expect_refusal(StatusCode.NOT_FOUND, "BLOB_NOT_FOUND"):
        next(messages)


def test_a_full_disk_refuses_the_save_and_stays_readable(small_disk: Path) -> None:
    with open_channel(small_disk / "home") as channel:
        stubs = service_on("embedded", small_disk / "home", channel)
        create(stubs, "default", "before", b"kept" * 20_000)
        too_large = bytes(30 * MEBIBYTE)
        with expect_refusal(StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL"):
            stubs.artifacts.UploadArtifact(upload_parts("default", "weights", too_large))
        assert download(stubs, "default", name="before") == b"kept" * 20_000
        assert missing(stubs, "default", digest_of(too_large)) == [digest_of(too_large)]
        assert create(stubs, "default", "weights", b"small").version == "1"
        assert (
            sum(
                path.stat().st_size
                for path in (small_disk / "home/blobs").rglob("*")
                if path.is_file() and path.name[0] != "."
            )
            == 80_000
        )


def test_a_store_on_a_read_only_disk_is_refused_by_name(small_disk: Path) -> None:
    with open_channel(small_disk / "home") as channel:
        create(service_on("embedded", small_disk / "home", channel), "default", "before", b"kept" * 20_000)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(EmbeddedRpcError) as refused:
        open_channel(small_disk / "home").close()
    refusal = Refusal(refused.value)
    assert (refusal.code, refusal.reason) == (StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE")
    assert str(small_disk) in refusal.message


def test_bytes_on_a_disk_that_went_away_are_told_gone(small_disk: Path) -> None:
    with open_channel(small_disk / "home") as channel:
        stubs = service_on("embedded", small_disk / "home", channel)
        create(stubs, "default", "before", b"kept" * 20_000)
        subprocess.run(["umount", "-l", str(small_disk)], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(small_disk)], check=True)
        with expect_refusal(StatusCode.DATA_LOSS, "BLOB_CORRUPT"):
            download(stubs, "default", name="before")  # the bytes are not there; told, not guessed
