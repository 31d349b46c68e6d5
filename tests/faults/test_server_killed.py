"""The server dies, or is stopped, while the SDK saves: started again on its port, the save goes on and ends well.

What holds of loads, and of every kind of client, stands in ``tests/contracts/client_faults.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from argosy import ArtifactVersion
from tests.faults.stand import (
    MARK_BYTES,
    MEBIBYTE,
    Stand,
    array_of,
    assert_clean,
    files_of,
    in_background,
    kept_bytes,
    rows,
)
from tests.waiting import wait_until

VALUE = array_of(32 * MEBIBYTE)
TALK_BYTES = 128 << 10
"""What requests, headers and frames of one save take at most beside the content."""


def save(stand: Stand) -> Callable[[], ArtifactVersion]:
    return lambda: stand.client().save_artifact(VALUE, "weights")


def assert_saved_once(stand: Stand, saved: ArtifactVersion) -> None:
    """The value is there, equal, as the first and only version; nothing is left over."""
    assert saved.version == "1"
    np.testing.assert_array_equal(stand.client().load_artifact("weights"), VALUE)
    assert stand.client().load_artifact("weights").dtype == VALUE.dtype
    assert rows(stand.data, "SELECT count(*) FROM versions") == [(1,)]
    assert_clean(stand.data)


def written_bytes(stand: Stand) -> int:
    """Return how far the one file has come."""
    return max(files_of(stand.data).values(), default=0)


@pytest.mark.parametrize("percent", [10, 99])
def test_a_save_outlives_a_sigkill_of_the_server_and_sends_little_again(stand: Stand, percent: int) -> None:
    place = VALUE.nbytes * percent // 100
    stand.proxy.up.hold_at(place)
    saving = in_background(save(stand))
    stand.proxy.up.wait_for(place)
    wait_until(lambda: kept_bytes(stand.data) >= place - MARK_BYTES, "a mark at most 16 MiB behind")
    stand.kill()
    written, kept = written_bytes(stand), kept_bytes(stand.data)
    assert 0 <= written - kept <= MARK_BYTES
    stand.start()
    stand.proxy.go_on()
    saved = saving.result()
    sent_again = stand.proxy.up.passed - VALUE.nbytes
    in_flight = place - written
    assert sent_again <= MARK_BYTES + in_flight + TALK_BYTES
    assert_saved_once(stand, saved)


def test_a_server_killed_between_the_sync_and_the_commit_gets_nothing_again(stand: Stand) -> None:
    stand.restart_with("--durability=full")
    stand.proxy.up.hold_before(b"/CommitUpload")
    saving = in_background(save(stand))
    stand.proxy.up.wait_for_marker()
    assert kept_bytes(stand.data) == written_bytes(stand) > VALUE.nbytes
    stand.kill()
    assert rows(stand.data, "SELECT count(*) FROM blobs") == [(0,)]
    stand.start()
    stand.proxy.go_on()
    saved = saving.result()
    assert stand.proxy.up.passed <= VALUE.nbytes + TALK_BYTES
    assert_saved_once(stand, saved)


@pytest.mark.parametrize("method", [b"/CommitUpload", b"/CreateArtifactVersion"])
def test_a_server_killed_after_a_commit_whose_answer_was_lost_does_it_once(stand: Stand, method: bytes) -> None:
    table = {b"/CommitUpload": "blobs", b"/CreateArtifactVersion": "versions"}[method]
    stand.proxy.up.hold_answers_after(method)
    saving = in_background(save(stand))
    wait_until(lambda: rows(stand.data, f"SELECT count(*) FROM {table}") == [(1,)], "the commit happened")
    stand.kill()
    stand.start()
    stand.proxy.go_on()
    saved = saving.result()
    assert stand.proxy.up.passed <= VALUE.nbytes + TALK_BYTES
    assert_saved_once(stand, saved)


def test_a_save_outlives_several_deaths_in_a_row(stand: Stand) -> None:
    places = [VALUE.nbytes * part // 4 for part in (1, 2, 3)]
    stand.proxy.up.hold_at(places[0])
    saving = in_background(save(stand))
    for number, place in enumerate(places, 1):
        stand.proxy.up.wait_for(place)
        stand.kill()
        if number < len(places):
            stand.proxy.up.hold_at(places[number])
        stand.start()
        stand.proxy.go_on()
    assert_saved_once(stand, saving.result())


def test_a_save_outlives_a_server_that_is_stopped_with_little_grace(stand: Stand) -> None:
    place = VALUE.nbytes // 2
    stand.restart_with("--grace=0.2")
    stand.proxy.up.hold_at(place)
    saving = in_background(save(stand))
    stand.proxy.up.wait_for(place)
    stand.stop()
    kept = kept_bytes(stand.data)
    assert kept == written_bytes(stand)  # a server that is stopped keeps all that arrived
    stand.start()
    stand.proxy.go_on()
    saved = saving.result()
    assert stand.proxy.up.passed - VALUE.nbytes <= place - kept + TALK_BYTES
    assert_saved_once(stand, saved)
