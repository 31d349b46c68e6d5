"""Two sweeps of one store at once, which happens when a leader learns late that another one leads, or to ``gc``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import grpc
import pytest

from argosy.v1.artifact_pb2 import VersionSelector
from argosy.v1.artifact_service_pb2 import DeleteArtifactVersionRequest
from argosy.v1.artifact_transfer_pb2 import DownloadArtifactRequest
from argosy_server.bootstrap import Application, build
from argosy_server.config import StoreConfig
from argosy_server.domain.blob import Blob
from argosy_server.usecases.ports import MetadataStore
from tests.adapters.lock_waits import wait_for_a_lock
from tests.api.calls import create_request, new_request_id
from tests.contracts.metadata_facts import PAST, blob_of, put_blob

NO_CONTEXT = cast("grpc.ServicerContext", None)
"""Only watches look at theirs."""
ROUNDS = 60
SAVERS = 3
CONTENTS = [bytes([number]) * size for number, size in enumerate([100, 100, 100_000, 100_000])]
"""Of each kind: in the database, and in files. Few, so that bytes come back while a sweep removes them."""


def test_bytes_that_come_back_while_a_sweep_removes_their_row_stay(store: MetadataStore, url: str) -> None:
    with store.write() as tx:
        put_blob(tx, b"content", lease=PAST)
        swept = tx.blobs.mark_deleting([blob_of(b"content")])
    assert swept == [blob_of(b"content")]
    with store.write() as tx:
        put_blob(tx, b"content")
        sweep = threading.Thread(target=remove, args=(store, swept))
        sweep.start()
        wait_for_a_lock(url)
    sweep.join()
    with store.read() as tx:
        assert tx.blobs.content(swept[0]) == b"content"


def remove(store: MetadataStore, blobs: list[Blob]) -> None:
    with store.write() as tx:
        tx.blobs.remove(blobs)


@pytest.fixture
def replicas(url: str, tmp_path: Path) -> Iterator[list[Application]]:
    """Three that share a database and a folder, as processes do."""
    config = StoreConfig(tmp_path / "home", database=url, blobs=str(tmp_path / "blobs"), durability="process")
    opened = [build(config) for _ in range(3)]
    yield opened
    for application in opened:
        application.close()


def test_sweeps_at_once_take_nothing_that_is_saved_meanwhile_and_leave_nothing_over(
    replicas: list[Application], tmp_path: Path
) -> None:
    """The same few bytes are saved, loaded and deleted over and over, so that each sweep finds some of them."""
    stop = threading.Event()
    with ThreadPoolExecutor(2 + SAVERS) as pool:
        sweeps = [pool.submit(sweep_until, stop, replica) for replica in replicas[:2]]
        saves = [pool.submit(save_load_delete, replicas[2], f"saver{number}") for number in range(SAVERS)]
        try:
            for saved in saves:
                saved.result()
        finally:
            stop.set()
        swept = [sweep.result() for sweep in sweeps]
    assert all(blobs > 0 for blobs in swept), "both sweeps had something to do"
    replicas[0].sweep()
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file() and path.name[0] != "."] == []
    with replicas[0].metadata.read() as tx:
        assert tx.blobs.unreachable(None, 10) == []


def sweep_until(stop: threading.Event, replica: Application) -> int:
    """Sweep again and again; return how many blobs were removed."""
    blobs = 0
    while not stop.is_set():
        blobs += replica.sweep().blobs
    return blobs


def save_load_delete(replica: Application, name: str) -> None:
    """Save bytes that others save too, as well; they are there until the version is deleted."""
    for number in range(ROUNDS):
        content = CONTENTS[number % len(CONTENTS)]
        request = create_request("p", name, content)
        version = replica.artifacts.CreateArtifactVersion(request, NO_CONTEXT).artifact_version
        assert load(replica, version.id) == content
        replica.artifacts.DeleteArtifactVersion(
            DeleteArtifactVersionRequest(project="p", request_id=new_request_id(), id=version.id), NO_CONTEXT
        )


def load(replica: Application, version_id: str) -> bytes:
    request = DownloadArtifactRequest(project="p", selector=VersionSelector(id=version_id))
    return b"".join(part.chunk for part in replica.artifacts.DownloadArtifact(request, NO_CONTEXT))
