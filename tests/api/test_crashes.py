"""What survives when a process dies at once, without a chance to clean up."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from argosy.v1 import artifact_service_pb2 as artifacts
from argosy.v1 import artifact_transfer_pb2
from argosy_server.bootstrap import build
from argosy_server.config import StoreConfig
from tests.api.calls import (
    CHUNK,
    LARGE,
    create,
    digest_of,
    download,
    expect_refusal,
    get,
    missing,
    start_run,
    start_step,
    upload_parts,
)
from tests.api.conftest import Service, service_on
from tests.api.server_process import NewServerProcess

SAVE_FOREVER = """
import sys
from pathlib import Path
from argosy_server.embedded import open_channel
from tests.api.calls import create
from tests.api.conftest import service_on
home = Path(sys.argv[1])
service = service_on("embedded", home, open_channel(home))
for number in range(1, 10_000):
    create(service, "default", "weights", str(number).encode() * 10_000)
    print(number, flush=True)
"""


def service(server: NewServerProcess, channel: grpc.Channel) -> Service:
    return service_on("server", server.data, channel)


def files_of(data: Path) -> list[Path]:
    return [path for path in (data / "blobs").rglob("*") if path.is_file() and path.name[0] != "."]


def stalled_upload(
    project: str, started: threading.Event, release: threading.Event
) -> Iterator[artifact_transfer_pb2.UploadArtifactRequest]:
    """Send most of an upload, say so, and hang."""
    parts = list(upload_parts(project, "weights", LARGE))
    yield from parts[:-2]
    started.set()
    release.wait(30)


@pytest.mark.parametrize("durability", ["process", "full"])
def test_what_a_server_acknowledged_survives_its_sigkill(tmp_path: Path, durability: str) -> None:
    contents = {str(number): bytes([number]) * (number * 20_000) for number in range(1, 9)}
    with NewServerProcess(tmp_path / "data", f"--durability={durability}") as server, server.channel() as channel:
        for content in contents.values():
            create(service(server, channel), "default", "weights", content)
        server.process.send_signal(signal.SIGKILL)
        server.wait()
    with NewServerProcess(tmp_path / "data") as server, server.channel() as channel:
        again = service(server, channel)
        assert {
            version: download(again, "default", name="weights", version=version) for version in contents
        } == contents
        assert create(again, "default", "weights").version == "9"


def test_an_upload_cut_by_the_death_of_the_server_is_never_visible_and_is_swept(tmp_path: Path) -> None:
    started, release = threading.Event(), threading.Event()
    with NewServerProcess(tmp_path / "data") as server, server.channel() as channel:
        stubs = service(server, channel)
        call = stubs.artifacts.UploadArtifact.future(stalled_upload("default", started, release))
        assert started.wait(20)
        while not any(path.stat().st_size >= CHUNK for path in files_of(server.data)):
            assert not call.done()
        server.process.send_signal(signal.SIGKILL)
        server.wait()
        release.set()
        with pytest.raises(grpc.RpcError):
            call.result(timeout=20)
    with NewServerProcess(tmp_path / "data") as server, server.channel() as channel:
        stubs = service(server, channel)
        with expect_refusal(grpc.StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
            get(stubs, "default", name="weights")
        assert missing(stubs, "default", digest_of(LARGE)) == [digest_of(LARGE)]
        assert create(stubs, "default", "weights").version == "1"
    assert len(files_of(tmp_path / "data")) == 1  # leased still: its uploader might be about to come back
    with sqlite3.connect(tmp_path / "data/metadata.db") as database:
        database.execute("UPDATE uploads SET expires_at = 0")
    database.close()
    application = build(StoreConfig(tmp_path / "data", durability="process"))
    report = application.sweep()
    application.close()
    assert (report.uploads, report.orphans) == (1, 1)
    assert files_of(tmp_path / "data") == []


def test_an_upload_cut_by_the_death_of_the_client_leaves_nothing(tmp_path: Path) -> None:
    started, release = threading.Event(), threading.Event()
    with NewServerProcess(tmp_path / "data") as server:
        channel = server.channel()
        call = service(server, channel).artifacts.UploadArtifact.future(stalled_upload("default", started, release))
        assert started.wait(20)
        call.cancel()
        release.set()
        channel.close()
        with server.channel() as other:
            stubs = service(server, other)
            while files_of(server.data):
                stubs.artifacts.ListArtifacts(artifacts.ListArtifactsRequest(project="default"))
            assert create(stubs, "default", "weights").version == "1"


def test_what_an_embedded_process_acknowledged_survives_its_sigkill(tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, str(home)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = [next(process.stdout).strip() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()
    application = build(StoreConfig(home, durability="process"))
    application.close()
    from argosy_server.embedded import open_channel

    with open_channel(home) as channel:
        stubs = service_on("embedded", home, channel)
        for version in acknowledged:
            assert download(stubs, "default", name="weights", version=version) == version.encode() * 10_000
        following = int(create(stubs, "default", "weights").version)
        assert following in {len(acknowledged) + 1, len(acknowledged) + 2}  # one may be saved but not yet printed


def test_a_run_whose_lease_expired_is_abandoned_and_its_name_is_free(tmp_path: Path) -> None:
    with NewServerProcess(tmp_path / "data") as server, server.channel() as channel:
        stubs = service(server, channel)
        run = start_run(stubs, "default", name="nightly")
        start_step(stubs, run)
        with sqlite3.connect(server.data / "metadata.db", timeout=10) as database:
            database.execute("UPDATE runs SET lease_expires_at = 0")
        database.close()
        with expect_refusal(grpc.StatusCode.ABORTED, "LEASE_EXPIRED"):
            start_step(stubs, run, "evaluate")
        assert start_run(stubs, "default", name="nightly").id != run.id
