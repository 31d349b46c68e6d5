"""Saves and loads whose bytes are in a bucket, with deaths and breaks on the way: nothing is lost, mixed or left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from argosy import ArtifactVersion
from argosy.errors import CorruptDataError
from argosy.transport.connection import disconnect_all
from tests.backends.bucket import lead_to
from tests.backends.object_store import KINDS, new_bucket
from tests.faults.bucket_stand import PART_BYTES, BucketStand
from tests.faults.s3_proxy import S3Proxy, answers, cuts_after, resets
from tests.faults.stand import MEBIBYTE, array_of, in_background, rows
from tests.waiting import wait_until

VALUE = array_of(32 * MEBIBYTE)
pytestmark = pytest.mark.timeout(300)
TALK_BYTES = 128 << 10
"""What requests, headers and frames of one save take at most beside the content."""


@pytest.fixture(params=KINDS)
def stand(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketStand]:
    """A server whose bytes are in a bucket, which it reaches through a proxy."""
    bucket = lead_to(new_bucket(request.param), monkeypatch)
    with S3Proxy(bucket.port) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        stand = BucketStand(tmp_path / "data", bucket, store)
        yield stand
        disconnect_all()
        stand.close()


def save(stand: BucketStand, name: str = "weights") -> Callable[[], ArtifactVersion]:
    return lambda: stand.client().save_artifact(VALUE, name)


def assert_saved_once(stand: BucketStand, saved: ArtifactVersion) -> None:
    """The value is there, equal, as the first and only version; nothing is left over."""
    assert saved.version == "1"
    np.testing.assert_array_equal(stand.client().load_artifact("weights"), VALUE)
    assert rows(stand.data, "SELECT count(*) FROM versions") == [(1,)]
    stand.assert_clean()


@pytest.mark.parametrize("percent", [10, 99], ids=["no part is whole", "all but the last part are"])
def test_a_save_outlives_a_sigkill_of_the_server_and_goes_on_after_its_parts(stand: BucketStand, percent: int) -> None:
    place = VALUE.nbytes * percent // 100
    stand.proxy.up.hold_at(place)
    saving = in_background(save(stand))
    stand.proxy.up.wait_for(place)
    whole = (place - TALK_BYTES) // PART_BYTES * PART_BYTES
    wait_until(lambda: stand.kept() == whole, "all whole parts are kept")
    kept = stand.kept()
    stand.kill()
    stand.start()
    stand.proxy.go_on()
    saved = saving.result()
    assert stand.proxy.up.passed - VALUE.nbytes <= place - kept + TALK_BYTES
    assert_saved_once(stand, saved)


def test_a_server_killed_between_the_last_byte_and_the_commit_gets_nothing_again(stand: BucketStand) -> None:
    stand.proxy.up.hold_before(b"/CommitUpload")
    saving = in_background(save(stand))
    stand.proxy.up.wait_for_marker()
    assert stand.kept() > VALUE.nbytes
    stand.kill()
    assert rows(stand.data, "SELECT count(*) FROM blobs") == [(0,)]
    stand.start()
    stand.proxy.go_on()
    saved = saving.result()
    assert stand.proxy.up.passed <= VALUE.nbytes + TALK_BYTES
    assert_saved_once(stand, saved)


def test_a_server_killed_while_the_parts_are_put_together_ends_well(stand: BucketStand) -> None:
    def dies(handler: object, request: object) -> None:
        stand.kill()
        resets(handler, request)  # type: ignore[arg-type]  # what the proxy gives

    stand.store.goes_wrong("complete_multipart_upload", dies)
    saving = in_background(save(stand))
    wait_until(lambda: stand.server.process.poll() is not None, "the server is dead")
    stand.start()
    assert_saved_once(stand, saving.result())


def test_a_server_killed_when_the_object_is_made_but_nobody_knows_ends_well(stand: BucketStand) -> None:
    def dies_after(handler: object, request: object) -> None:
        handler.ask(request)  # type: ignore[attr-defined]  # what the proxy gives
        dies(handler, request)

    def dies(handler: object, request: object) -> None:
        stand.kill()
        resets(handler, request)  # type: ignore[arg-type]  # what the proxy gives

    stand.store.goes_wrong("complete_multipart_upload", dies_after)
    saving = in_background(save(stand))
    wait_until(lambda: stand.server.process.poll() is not None, "the server is dead")
    assert len(stand.bucket.objects()) == 2  # it, and whose bucket it is
    stand.start()
    assert_saved_once(stand, saving.result())


def test_a_save_goes_on_after_each_cut_and_sends_little_again(stand: BucketStand) -> None:
    places = [3 * MEBIBYTE, 12 * MEBIBYTE, 25 * MEBIBYTE]
    stand.proxy.up.cut_at(*places)
    saved = save(stand)()
    assert stand.proxy.accepted >= 1 + len(places)
    # Begun anew each time it would be all that came before each cut: 40 MiB.
    assert stand.proxy.up.passed - VALUE.nbytes <= len(places) * PART_BYTES + TALK_BYTES
    assert_saved_once(stand, saved)


def test_a_load_goes_on_after_each_cut_and_each_break_of_the_store(stand: BucketStand) -> None:
    saved = save(stand)()
    before = stand.proxy.down.passed
    stand.proxy.down.cut_at(before + 3 * MEBIBYTE, before + 20 * MEBIBYTE)
    stand.store.goes_wrong("get_object", cuts_after(10 * MEBIBYTE))
    np.testing.assert_array_equal(stand.client().load_artifact("weights"), VALUE)
    assert_saved_once(stand, saved)


def test_a_load_outlives_a_sigkill_of_the_server(stand: BucketStand) -> None:
    saved = save(stand)()
    place = stand.proxy.down.passed + VALUE.nbytes // 2
    stand.proxy.down.hold_at(place)
    loading = in_background(lambda: stand.client().load_artifact("weights"))
    stand.proxy.down.wait_for(place)
    stand.kill()
    stand.start()
    stand.proxy.go_on()
    np.testing.assert_array_equal(loading.result(), VALUE)
    assert_saved_once(stand, saved)


def test_a_server_that_is_stopped_with_little_grace_keeps_the_parts(stand: BucketStand) -> None:
    place = VALUE.nbytes // 2
    stand.restart_with("--grace=0.2")
    stand.proxy.up.hold_at(place)
    saving = in_background(save(stand))
    stand.proxy.up.wait_for(place)
    wait_until(lambda: stand.kept() == place - PART_BYTES, "all whole parts are kept")
    stand.stop()
    kept = stand.kept()
    assert kept == place - PART_BYTES
    stand.start()
    stand.proxy.go_on()
    saved = saving.result()
    assert stand.proxy.up.passed - VALUE.nbytes <= place - kept + TALK_BYTES
    assert_saved_once(stand, saved)


@pytest.mark.parametrize("stand", ["versitygw"], indirect=True)  # what answers here is the proxy
def test_a_store_that_is_away_for_longer_than_the_server_waits_costs_only_the_parts_on_their_way(
    stand: BucketStand,
) -> None:
    place = VALUE.nbytes // 2
    stand.proxy.up.hold_at(place)
    saving = in_background(save(stand))
    stand.proxy.up.wait_for(place)
    wait_until(lambda: stand.kept() == place - PART_BYTES, "all whole parts are kept")
    stand.store.goes_wrong("*", answers(503, "SlowDown"), times=10_000)
    failing = len(stand.store.seen)
    stand.proxy.go_on()
    wait_until(lambda: stand.proxy.up.passed > place + PART_BYTES, "the save goes on")
    wait_until(lambda: "it asks for fewer requests" in stand.server.log(), "the server gave up")
    assert len(stand.store.seen) > failing
    stand.store.goes_well()
    saved = saving.result()
    assert stand.store.count("create_multipart_upload") == 1
    assert_saved_once(stand, saved)


def test_equal_saves_at_once_keep_one_object(stand: BucketStand) -> None:
    with ThreadPoolExecutor(3) as pool:
        saved = list(pool.map(lambda name: save(stand, name)(), ["weights", "weights", "others"]))
    assert sorted(version.version for version in saved) == ["1", "1", "2"]
    for name in ("weights", "others"):
        np.testing.assert_array_equal(stand.client().load_artifact(name), VALUE)
    stand.assert_clean()
    assert len(stand.bucket.objects()) == 2  # it, and whose bucket it is


def test_an_object_that_was_removed_behind_our_back_is_data_loss_until_it_is_saved_again(stand: BucketStand) -> None:
    save(stand)()
    [location] = [key for key in stand.bucket.objects() if key != "store-id"]
    key = f"{stand.bucket.prefix}/{location}"
    stand.bucket.client().delete_object(Bucket=stand.bucket.bucket, Key=key)
    with pytest.raises(CorruptDataError, match="is damaged: its bytes are gone; save the same value again"):
        stand.client().load_artifact("weights")
    stand.assert_clean(damage="missing", code=13)
    assert save(stand)().version == "2"
    np.testing.assert_array_equal(stand.client().load_artifact("weights", version=1), VALUE)
    stand.assert_clean()


def test_an_object_that_was_changed_behind_our_back_is_data_loss(stand: BucketStand) -> None:
    save(stand)()
    [location] = [key for key in stand.bucket.objects() if key != "store-id"]
    changed = {"Bucket": stand.bucket.bucket, "Key": f"{stand.bucket.prefix}/{location}"}
    stand.bucket.client().put_object(**changed, Body=bytes(VALUE.nbytes + 128))
    with pytest.raises(CorruptDataError, match="do not match their checksum"):
        stand.client().load_artifact("weights")
    stand.bucket.client().put_object(**changed, Body=b"short")
    with pytest.raises(CorruptDataError, match="ends at byte 5"):
        stand.client().load_artifact("weights")
    stand.assert_clean(damage="truncated", code=12)
