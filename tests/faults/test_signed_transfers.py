"""Transfers past the server when the bucket is away, breaks off, or lies, and when client or server die."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import urllib3

import argosy.aio
from argosy import ArtifactVersion
from argosy.config import resolve
from argosy.errors import CorruptDataError
from argosy.materializers.files import FileContent
from argosy.transport.connection import connect
from argosy.transport.upload.signed_upload import send_by_parts
from tests.api.calls import digest_of, missing, open_upload, read_blob
from tests.api.signed_calls import CONTENT, ask, commit_request, described, parts_of
from tests.api.test_direct_access import checksums_of
from tests.backends.bucket import lead_to
from tests.backends.free_port import free_port
from tests.backends.object_store import ObjectStore, new_bucket
from tests.faults.proxy import Proxy
from tests.faults.stand import MEBIBYTE, SETTINGS, Stand, array_of, in_background, rows
from tests.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[2]
SIZE = 65 * MEBIBYTE
VALUE = array_of(SIZE)
TALK_BYTES = 256 << 10
SAVE = """
import sys
from argosy import Client
from tests.faults.stand import array_of
Client(sys.argv[1]).save_artifact(array_of(int(sys.argv[2])), "weights")
"""


class BucketStand(Stand):
    """A server over a bucket, with a proxy before the server, and one that is the only way of clients to the bucket."""

    def __init__(self, data: Path, bucket: ObjectStore) -> None:
        self.bucket = bucket
        super().__init__(data, "--durability=process", f"--blobs={bucket.url}", "--sweep-interval=0")
        self.way_to_bucket = Proxy(bucket.port)

    @property
    def port_to_bucket(self) -> int:
        return int(self.way_to_bucket.address.rpartition(":")[2])

    @property
    def past_the_server(self) -> int:
        """How much has gone to the bucket and come from it by the way of clients."""
        return self.way_to_bucket.up.passed + self.way_to_bucket.down.passed

    @property
    def through_the_server(self) -> int:
        return self.proxy.up.passed + self.proxy.down.passed

    def close(self) -> None:
        self.way_to_bucket.__exit__(None, None, None)
        super().close()


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketStand]:
    from argosy.transport.connection import disconnect_all

    bucket = lead_to(new_bucket("versitygw"), monkeypatch)
    stand = BucketStand(tmp_path / "data", bucket)
    # The server was started without it: only clients go to the bucket by the proxy.
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{stand.port_to_bucket}")
    monkeypatch.setenv("no_grpc_proxy", "127.0.0.1")
    yield stand
    disconnect_all()
    stand.close()


@pytest.fixture
def restarting(stand: BucketStand, monkeypatch: pytest.MonkeyPatch) -> BucketStand:
    """The same, where also a server that is started again goes to the bucket without the proxy."""
    start = stand.start

    def start_without_proxy() -> None:
        proxy = os.environ.pop("http_proxy")
        try:
            start()
        finally:
            os.environ["http_proxy"] = proxy

    monkeypatch.setattr(stand, "start", start_without_proxy)
    return stand


def save(stand: BucketStand) -> ArtifactVersion:
    return stand.client().save_artifact(VALUE, "weights")


def assert_saved_once(stand: BucketStand) -> None:
    """The value is there, equal, and once the leases are over nothing else is, not even an unfinished part."""
    np.testing.assert_array_equal(stand.client().load_artifact("weights"), VALUE)
    assert rows(stand.data, "SELECT label FROM versions") == [("1",)]
    assert_swept(stand)
    assert len(rows(stand.data, "SELECT * FROM version_files")) > 0


def operate(stand: BucketStand, *arguments: str) -> None:
    """Run ``argosy-server`` on the data and the bucket; it must end well."""
    where = [f"--data={stand.data}", f"--blobs={stand.bucket.url}"]
    environment = {**SETTINGS, **stand.bucket.environment}
    command = [sys.executable, "-m", "argosy_server", *arguments, *where]
    subprocess.run(command, env=environment, check=True, timeout=PATIENCE)


def assert_swept(stand: BucketStand) -> None:
    rows(stand.data, "UPDATE uploads SET expires_at = 0")
    rows(stand.data, "UPDATE blobs SET lease_expires_at = 0")
    operate(stand, "gc", "--execute", "--grace=0s")
    recorded = {location for (location,) in rows(stand.data, "SELECT location FROM blobs WHERE location <> ''")}
    assert stand.bucket.objects().keys() == recorded | {"store-id"}
    assert stand.bucket.unfinished() == []


def test_clients_that_cannot_reach_the_bucket_go_through_the_server_and_do_not_try_each_time(
    stand: BucketStand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    told: list[int] = []
    client = stand.client()
    with caplog.at_level(logging.INFO, "argosy.transport"):
        client.save_artifact(VALUE, "weights", on_progress=lambda seen: told.append(seen.done_bytes))
        client.save_artifact(VALUE + 1, "weights")
        np.testing.assert_array_equal(client.load_artifact("weights"), VALUE + 1)
    assert stand.past_the_server == 0
    assert stand.through_the_server > 3 * SIZE
    assert told[-1] > SIZE
    assert caplog.text.count("large files go through the server for 300 s") == 1
    assert_swept(stand)


def test_a_bucket_that_takes_connections_and_says_nothing_is_given_up_before_anything_is_sent_to_it(
    stand: BucketStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        monkeypatch.setenv("ARGOSY_IDLE_TIMEOUT", "3")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{silent.getsockname()[1]}")
        save(stand)
        np.testing.assert_array_equal(stand.client().load_artifact("weights"), VALUE)
        assert stand.through_the_server > 2 * SIZE
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):  # nobody came after the first
            silent.accept()


@pytest.mark.parametrize("percent", [0, 99])
def test_parts_that_broke_off_are_sent_again_past_the_server(stand: BucketStand, percent: int) -> None:
    warm = stand.client()
    warm.save_artifact(VALUE[::-1], "other")  # who was there before is waited for
    begun = stand.way_to_bucket.up.passed
    stand.way_to_bucket.up.cut_at(*(begun + SIZE * percent // 100 + at * 100_000 for at in range(1, 4)))
    warm.save_artifact(VALUE, "weights")
    assert stand.through_the_server < 2 * TALK_BYTES
    assert stand.way_to_bucket.up.passed > 2 * SIZE
    np.testing.assert_array_equal(warm.load_artifact("weights"), VALUE)


def test_a_bucket_that_dies_for_a_client_halfway_leaves_the_rest_to_the_server(stand: BucketStand) -> None:
    stand.way_to_bucket.up.hold_at(SIZE // 2)
    told: list[int] = []
    saving = in_background(
        lambda: stand.client().save_artifact(VALUE, "weights", on_progress=lambda seen: told.append(seen.done_bytes))
    )
    stand.way_to_bucket.up.wait_for(SIZE // 2)
    stand.way_to_bucket.refuse()
    stand.way_to_bucket.cut()
    saved = saving.result()
    assert saved.version == "1"
    assert VALUE.nbytes < told[-1] <= saved.size_bytes
    assert stand.through_the_server > SIZE
    assert_saved_once(stand)


def test_a_url_the_bucket_refuses_as_when_it_expired_is_replaced(stand: BucketStand) -> None:
    stand.way_to_bucket.up.flip_in(b"some/prefix")  # another key than was signed: 403
    save(stand)
    stand.way_to_bucket.up.flip_in(b"some/prefix")
    np.testing.assert_array_equal(stand.client().load_artifact("weights"), VALUE)
    assert stand.through_the_server < 2 * TALK_BYTES


def test_a_request_that_changed_on_the_way_to_the_bucket_is_made_again(stand: BucketStand) -> None:
    stand.way_to_bucket.up.flip_in(b"partNumber=3")  # no such request: 405, unless the connection breaks before
    save(stand)
    assert stand.through_the_server < 2 * TALK_BYTES


def test_what_was_sent_in_vain_is_aborted_at_once_and_taken_back_from_the_progress(stand: BucketStand) -> None:
    connection = connect(resolve(server=stand.proxy.address))
    assert connection.signed is not None
    content = FileContent("data.bin", buffers=(VALUE.data,))
    told: list[int] = []
    stand.way_to_bucket.up.cut_at(*range(SIZE // 2, SIZE, 100_000))
    assert not send_by_parts(connection.signed, connection.blobs, content, digest_of(VALUE.tobytes()), told.append)
    assert (sum(told), max(told) > 0) == (0, True)
    assert rows(stand.data, "SELECT state FROM uploads") == [("aborted",)]
    assert stand.bucket.unfinished() == []


def test_a_cancelled_task_gives_its_parts_up(stand: BucketStand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", stand.proxy.address)
    stand.way_to_bucket.up.hold_at(SIZE // 2)

    async def serve() -> None:
        saving = asyncio.create_task(argosy.aio.save_artifact(VALUE, "weights"))
        await asyncio.to_thread(stand.way_to_bucket.up.wait_for, SIZE // 2)
        saving.cancel()
        stand.way_to_bucket.go_on()
        with pytest.raises(asyncio.CancelledError):
            await saving

    asyncio.run(serve())
    wait_until(lambda: rows(stand.data, "SELECT state FROM uploads") == [("aborted",)], "the upload is given up")
    assert rows(stand.data, "SELECT * FROM versions") == []
    assert_swept(stand)


@pytest.mark.parametrize("percent", [1, 99])
def test_a_load_that_breaks_off_goes_on_where_it_was(stand: BucketStand, percent: int) -> None:
    save(stand)
    client = stand.client()
    down = stand.way_to_bucket.down
    place = down.passed + SIZE * percent // 100
    down.cut_at(place, place + 1000, place + 2000)
    np.testing.assert_array_equal(client.load_artifact("weights"), VALUE)
    assert down.passed < SIZE + 8 * MEBIBYTE
    assert stand.through_the_server < 2 * TALK_BYTES


def test_a_bucket_that_dies_for_a_client_in_a_load_leaves_the_rest_to_the_server(stand: BucketStand) -> None:
    save(stand)
    stand.way_to_bucket.down.hold_at(stand.way_to_bucket.down.passed + SIZE // 2)
    loading = in_background(lambda: stand.client().load_artifact("weights"))
    stand.way_to_bucket.down.wait_for(SIZE // 2)
    stand.way_to_bucket.refuse()
    stand.way_to_bucket.cut()
    np.testing.assert_array_equal(loading.result(), VALUE)
    assert SIZE // 4 < stand.proxy.down.passed < SIZE


def test_a_bucket_that_dies_while_a_file_is_fetched_leaves_the_rest_to_the_server(
    stand: BucketStand, tmp_path: Path
) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(VALUE.tobytes())
    saved = stand.client().save_artifact(file, "model")
    stand.way_to_bucket.down.hold_at(stand.way_to_bucket.down.passed + SIZE // 2)
    fetching = in_background(lambda: saved.download(tmp_path / "there"))
    stand.way_to_bucket.down.wait_for(SIZE // 2)
    stand.way_to_bucket.refuse()
    stand.way_to_bucket.cut()
    fetching.result()
    (fetched,) = [path for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert fetched.read_bytes() == file.read_bytes()
    assert SIZE // 4 < stand.proxy.down.passed < SIZE


def test_a_bit_that_falls_over_on_the_way_to_the_bucket_is_sent_again(stand: BucketStand) -> None:
    stand.way_to_bucket.up.flip_in(VALUE[1000:1016].tobytes())
    save(stand)
    assert stand.through_the_server < 2 * TALK_BYTES
    assert_saved_once(stand)


def test_a_bit_that_falls_over_on_the_way_back_is_read_through_the_server(stand: BucketStand) -> None:
    save(stand)
    stand.way_to_bucket.down.flip_in(VALUE[40 * MEBIBYTE : 40 * MEBIBYTE + 16].tobytes())
    np.testing.assert_array_equal(stand.client().load_artifact("weights"), VALUE)
    assert stand.proxy.down.passed > SIZE


@pytest.mark.parametrize("read", ["whole", "as a stream"])
def test_damage_in_the_bucket_is_never_a_value_and_saving_again_repairs_it(
    stand: BucketStand, tmp_path: Path, read: str
) -> None:
    saved = save(stand)
    key, size = max(stand.bucket.objects().items(), key=lambda found: found[1])
    store = stand.bucket.client()
    where = {"Bucket": stand.bucket.bucket, "Key": f"{stand.bucket.prefix}/{key}"}
    content = bytearray(store.get_object(**where)["Body"].read())
    content[size // 2] ^= 1
    store.put_object(**where, Body=bytes(content))
    with pytest.raises(CorruptDataError):
        saved.load() if read == "whole" else saved.download(tmp_path / "there")
    assert [path for path in tmp_path.glob("there/**/*") if path.is_file()] == []
    stand.client().save_artifact(VALUE, "again")
    for name in ("weights", "again"):
        np.testing.assert_array_equal(stand.client().load_artifact(name), VALUE)


def test_a_server_that_dies_between_the_parts_and_the_commit_loses_nothing(restarting: BucketStand) -> None:
    stand = restarting
    # The commit tells the checksum of the second piece; npy puts 128 bytes before an array.
    stand.proxy.up.hold_before(checksums_of(VALUE.tobytes()[4 * MEBIBYTE - 128 : 8 * MEBIBYTE - 128]))
    saving = in_background(lambda: save(stand))
    stand.proxy.up.wait_for_marker()
    sent = stand.way_to_bucket.up.passed
    assert sent > SIZE
    stand.kill()
    stand.start()
    stand.proxy.cut()
    assert saving.result().version == "1"
    assert stand.way_to_bucket.up.passed == sent
    assert_saved_once(stand)


def test_a_commit_goes_on_after_its_server_died_in_it(restarting: BucketStand) -> None:
    stand = restarting
    with stand.direct_channel() as channel:
        stubs = stand.stubs(channel)
        upload = open_upload(stubs, "default")
        parts = parts_of(CONTENT)
        granted = ask(stubs, "default", upload.id, *[described(number, part) for number, part in enumerate(parts, 1)])
        with urllib3.PoolManager() as http:
            for how, part in zip(granted.write_puts, parts, strict=True):
                assert http.request("PUT", how.url, body=part, headers=dict(how.headers)).status == 200
        request = commit_request("default", upload.id, CONTENT)
        committing = stubs.blobs.CommitUpload.future(request)
        wait_until(lambda: stand.bucket.unfinished() == [], "the parts are put together")
        stand.kill()
        committing.cancel()
        stand.start()
    with stand.direct_channel() as channel:
        stubs = stand.stubs(channel)
        assert stubs.blobs.CommitUpload(request, wait_for_ready=True).size_bytes == len(CONTENT)
        assert missing(stubs, "default", digest_of(CONTENT)) == []
        assert read_blob(stubs, "default", digest_of(CONTENT)) == CONTENT


def test_the_parts_of_a_client_that_died_are_swept(stand: BucketStand) -> None:
    stand.way_to_bucket.up.hold_at(SIZE // 2)
    environment = {**SETTINGS, "PYTHONPATH": str(ROOT), "http_proxy": os.environ["http_proxy"]}
    environment["no_grpc_proxy"] = "127.0.0.1"
    environment.pop("NO_PROXY", None)
    program = subprocess.Popen([sys.executable, "-c", SAVE, stand.proxy.address, str(SIZE)], env=environment)
    try:
        stand.way_to_bucket.up.wait_for(SIZE // 2)
    finally:
        program.kill()
        program.wait()
    assert len(stand.bucket.unfinished()) == 1
    assert rows(stand.data, "SELECT * FROM versions") == []
    assert_swept(stand)
    assert stand.bucket.objects().keys() == {"store-id"}


def test_parts_of_a_writer_that_was_overtaken_are_swept_and_those_of_the_last_one_are_not(stand: BucketStand) -> None:
    with stand.direct_channel() as channel:
        stubs = stand.stubs(channel)
        upload = open_upload(stubs, "default")
        for _ in range(2):
            ask(stubs, "default", upload.id, described(1, CONTENT))
    ((writer,),) = rows(stand.data, "SELECT writer FROM uploads")
    assert len(stand.bucket.unfinished()) == 2
    operate(stand, "gc", "--execute", "--grace=0s")
    assert [key for key, _ in stand.bucket.unfinished()] == [f"{upload.id[:2]}/{upload.id}.{writer}"]


def test_verify_finds_nothing_wrong_with_what_came_past_the_server(stand: BucketStand) -> None:
    save(stand)
    operate(stand, "verify")
