"""The way to the server breaks, stands still or crawls: the SDK goes on, or says what is wrong.

Cuts, silence and changed bytes met by every kind of client stand in ``tests/contracts/client_faults.py``.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from argosy.errors import UnavailableError
from argosy.transport.rpc import retry
from argosy.transport.upload import upload_session
from tests.faults.stand import (
    MARK_BYTES,
    MEBIBYTE,
    Stand,
    array_of,
    assert_clean,
    files_of,
    in_background,
    rows,
)
from tests.waiting import wait_until

VALUE = array_of(24 * MEBIBYTE, seed=1)


def assert_saved(stand: Stand) -> None:
    np.testing.assert_array_equal(stand.client().load_artifact("weights"), VALUE)
    assert rows(stand.data, "SELECT label FROM versions") == [("1",)]
    assert_clean(stand.data)


@pytest.fixture
def attempts(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What the SDK logs while it tries again."""
    caplog.set_level(logging.DEBUG, "argosy.transport")
    return caplog


def count_failed(attempts: pytest.LogCaptureFixture) -> int:
    return sum(" failed (" in record.getMessage() for record in attempts.records)


def test_a_save_goes_on_after_answers_were_cut_off(stand: Stand) -> None:
    connection = stand.client().connection
    assert connection.capabilities.mark_bytes == MARK_BYTES
    stand.proxy.down.cut_at(*(stand.proxy.down.passed + 100 * number for number in range(5)))
    assert stand.client().save_artifact(VALUE, "weights").version == "1"
    assert_saved(stand)


def test_a_save_waits_for_a_server_that_cannot_be_reached_for_a_while(
    stand: Stand, attempts: pytest.LogCaptureFixture
) -> None:
    stand.proxy.up.hold_at(20 * MEBIBYTE)
    saving = in_background(lambda: stand.client().save_artifact(VALUE, "weights"))
    stand.proxy.up.wait_for(20 * MEBIBYTE)
    stand.proxy.refuse()
    stand.proxy.cut()
    wait_until(lambda: count_failed(attempts) >= 2, "the SDK tries again")
    stand.proxy.accept()
    assert saving.result().version == "1"
    assert_saved(stand)


def test_a_save_gives_up_after_enough_attempts_without_progress_and_says_so(
    stand: Stand, attempts: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(upload_session, "COMES_BACK_SECONDS", 0.2)
    stand.proxy.up.hold_at(20 * MEBIBYTE)
    saving = in_background(lambda: stand.client().save_artifact(VALUE, "weights"))
    stand.proxy.up.wait_for(20 * MEBIBYTE)
    stand.proxy.refuse()
    stand.proxy.cut()
    with pytest.raises(UnavailableError, match=rf"at {stand.proxy.address} cannot be reached .*correct ARGOSY_SERVER"):
        saving.result()
    assert count_failed(attempts) == retry.ATTEMPTS - 1
    assert f"gave up after {retry.ATTEMPTS} attempts without progress" in attempts.text
    stand.proxy.accept()
    assert rows(stand.data, "SELECT count(*) FROM versions") == [(0,)]
    assert_clean(stand.data)
    assert files_of(stand.data) == {}


def test_a_save_outlives_a_server_that_stands_still(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, attempts: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ARGOSY_IDLE_TIMEOUT", "2")
    stand.proxy.up.hold_at(20 * MEBIBYTE)
    saving = in_background(lambda: stand.client().save_artifact(VALUE, "weights"))
    stand.proxy.up.wait_for(20 * MEBIBYTE)
    stand.pause()
    stand.proxy.go_on()
    wait_until(lambda: count_failed(attempts), "the SDK noticed")
    stand.resume()
    assert saving.result().version == "1"
    assert_saved(stand)


def test_a_stream_that_stands_still_on_a_sound_connection_is_given_up_for_another_one(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, attempts: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ARGOSY_IDLE_TIMEOUT", "5")  # a connection that brings nothing for so long is not sound
    stand.proxy.up.hold_at(4 * MEBIBYTE)
    saving = in_background(lambda: stand.client().save_artifact(VALUE, "weights"))
    stand.proxy.up.wait_for(4 * MEBIBYTE)
    with closing(sqlite3.connect(stand.data / "metadata.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")  # no mark of the upload can be recorded
        stand.proxy.go_on()
        wait_until(lambda: "stood still for 5.0 s" in attempts.text, "the watchdog noticed")
    assert saving.result().version == "1"
    assert stand.proxy.accepted == 1
    assert_saved(stand)


def test_bytes_that_come_one_at_a_time_arrive_as_well(stand: Stand) -> None:
    value = VALUE[: 2 * MEBIBYTE]
    stand.proxy.up.trickle(20_000)
    stand.proxy.down.trickle(20_000)
    stand.client().save_artifact(value, "weights")
    stand.proxy.up.trickle(2_000)
    stand.proxy.down.trickle(20_000)
    np.testing.assert_array_equal(stand.client().load_artifact("weights"), value)
    assert_clean(stand.data)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_slow_transfer_is_not_taken_for_one_that_stands_still(
    stand: Stand, direction: str, monkeypatch: pytest.MonkeyPatch, attempts: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ARGOSY_IDLE_TIMEOUT", "5")
    value = VALUE[: 12 * MEBIBYTE]
    way = getattr(stand.proxy, direction)
    way.pause_between_parts = 0.03  # more than 5 s in all, less for what is in buffers
    stand.client().save_artifact(value, "weights")
    np.testing.assert_array_equal(stand.client().load_artifact("weights"), value)
    assert "stood still" not in attempts.text
    assert_clean(stand.data)
