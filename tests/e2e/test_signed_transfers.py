"""Large files go to a bucket and come from it past the server: the proxy before the server sees little of them."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import argosy
import argosy.aio
from argosy import Client
from bench import memory
from tests.api.server_process import ServerProcess
from tests.backends.object_store import KINDS, ObjectStore, new_bucket
from tests.faults.proxy import Proxy
from tests.faults.stand import MEBIBYTE, array_of

VALUE = array_of(65 * MEBIBYTE)
TALK_BYTES = 256 << 10
"""What requests, headers and frames of a few saves and loads take at most."""
on_the_stricter_one = pytest.mark.parametrize("bucket", ["versitygw"], indirect=True)
"""Marks what no kind of bucket makes different: it is done with the one that checks signatures."""
SECRET = re.compile(r"X-Amz|AWS4|[Ss]ignature|uploadId")


@pytest.fixture(params=KINDS)
def bucket(request: pytest.FixtureRequest) -> ObjectStore:
    return new_bucket(request.param)


@pytest.fixture
def server(bucket: ObjectStore, tmp_path: Path, home: Path) -> Iterator[ServerProcess]:
    options = (f"--blobs={bucket.url}", "--durability=process", "--log-level=debug")
    with ServerProcess(tmp_path / "data", *options, **bucket.environment) as process:
        yield process


@pytest.fixture
def proxy(server: ServerProcess) -> Iterator[Proxy]:
    """What stands between the SDK and the server, and counts."""
    with Proxy(int(server.address.rpartition(":")[2])) as proxy:
        yield proxy
        from argosy.transport.connection import disconnect_all

        disconnect_all()


def test_a_large_array_passes_the_server_by(proxy: Proxy, bucket: ObjectStore) -> None:
    client = Client(proxy.address)
    seen: list[tuple[int, int]] = []
    saved = client.save_artifact(
        VALUE, "weights", on_progress=lambda told: seen.append((told.done_bytes, told.total_bytes))
    )
    loaded = client.load_artifact("weights", on_progress=lambda told: seen.append((told.done_bytes, told.total_bytes)))
    np.testing.assert_array_equal(loaded, VALUE)
    loaded[0] += 1  # it is the caller's own
    assert proxy.up.passed + proxy.down.passed < TALK_BYTES
    size = max(bucket.objects().values())
    assert VALUE.nbytes < size <= saved.size_bytes
    assert bucket.unfinished() == []
    assert seen[-1] == (size, size)


def test_a_large_file_passes_the_server_by_and_is_fetched_whole(proxy: Proxy, tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(VALUE.tobytes())
    client = Client(proxy.address)
    saved = client.save_artifact(file, "model")
    saved.download(tmp_path / "there")
    (fetched,) = [path for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert fetched.read_bytes() == file.read_bytes()
    assert proxy.up.passed + proxy.down.passed < TALK_BYTES


@on_the_stricter_one
def test_neither_server_nor_client_holds_what_passes_by(proxy: Proxy, server: ServerProcess, tmp_path: Path) -> None:
    client = Client(proxy.address)
    file = tmp_path / "model.bin"
    for content, allowed in ((VALUE, None), (array_of(130 * MEBIBYTE, seed=1), 48.0)):
        file.write_bytes(content.tobytes())
        del content
        before = memory.peak(server.process.pid)
        memory.forget_peak()
        own = memory.now()
        saved = client.save_artifact(file, "model")
        saved.download(tmp_path / f"there-{saved.version}")
        if allowed is not None:
            assert memory.peak(server.process.pid) - before < allowed
            assert memory.peak() - own < allowed


@on_the_stricter_one
def test_bytes_the_store_has_are_not_sent_again(proxy: Proxy, bucket: ObjectStore) -> None:
    client = Client(proxy.address)
    for name in ("one", "other"):
        client.save_artifact(VALUE, name)
    assert len([size for size in bucket.objects().values() if size > VALUE.nbytes]) == 1


@on_the_stricter_one
def test_all_of_it_can_be_switched_off(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_SIGNED_TRANSFERS", "off")
    client = Client(proxy.address)
    client.save_artifact(VALUE, "weights")
    assert proxy.up.passed > VALUE.nbytes
    np.testing.assert_array_equal(client.load_artifact("weights"), VALUE)
    assert proxy.down.passed > VALUE.nbytes


@on_the_stricter_one
def test_asyncio_passes_the_server_by_too(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", proxy.address)

    async def serve() -> None:
        async with argosy.aio.Client() as client:
            await client.save_artifact(VALUE, "weights")
            np.testing.assert_array_equal(await client.load_artifact("weights"), VALUE)

    asyncio.run(serve())
    assert proxy.up.passed + proxy.down.passed < TALK_BYTES


@on_the_stricter_one
def test_parts_of_a_value_come_verified_through_the_server(proxy: Proxy) -> None:
    client = Client(proxy.address)
    table = VALUE.reshape(65, MEBIBYTE)
    client.save_artifact(table, "table")
    np.testing.assert_array_equal(client.load_artifact("table", rows=slice(3, 5)), table[3:5])
    assert proxy.down.passed > 2 * MEBIBYTE


@on_the_stricter_one
def test_no_url_is_logged_by_anybody(
    proxy: Proxy, server: ServerProcess, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = logging.getLogger("urllib3.connectionpool")
    # Heard itself, whatever others in this process have told it and those above it.
    monkeypatch.setattr(library, "disabled", False)
    monkeypatch.setattr(library, "handlers", [caplog.handler])
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, library.name):
        client = Client(proxy.address)
        client.save_artifact(VALUE, "weights")
        client.load_artifact("weights")
    assert [record for record in caplog.records if record.name == "urllib3.connectionpool"] != []
    for record in caplog.records:
        assert not SECRET.search(f"{record.getMessage()} {record.args} {record.exc_text}")
    assert "CreateTransferGrants" in server.log()
    assert not SECRET.search(server.log())
