"""What every client promises when the server, or the way to it, breaks. Subclass it; give it a ``stand``."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from argosy import Client
from argosy.errors import CorruptDataError, DeadlineError, ResourceExhaustedError
from tests.contracts.client_contract import Calls
from tests.contracts.client_kinds import Kind
from tests.faults.stand import MARK_BYTES, MEBIBYTE, Stand, array_of, assert_clean, files_of, kept_bytes, rows
from tests.waiting import wait_until

VALUE = array_of(32 * MEBIBYTE, seed=9)
HALF, MOST = VALUE.nbytes // 2, VALUE.nbytes * 3 // 4
THREE_RANGES = array_of(65 * MEBIBYTE, seed=10)
"""Of 32 MiB each, which may come at once."""
TALK_BYTES = 256 << 10
"""What requests, headers and frames of one save take at most beside the content."""
MARKER = b"a byte of these words is changed"


@pytest.fixture
def store(kind: Kind, stand: Stand) -> Calls:
    """A client whose way leads through the proxy."""
    return Calls(kind, kind.client(stand.proxy.address))


def assert_saved_once(store: Calls, stand: Stand, value: NDArray[np.uint8] = VALUE) -> None:
    np.testing.assert_array_equal(store.load_artifact("weights"), value)
    assert rows(stand.data, "SELECT label FROM versions") == [("1",)]
    assert_clean(stand.data)


class ClientFaultsContract:
    """Runs with every kind of client, on a server of its own."""

    def test_a_save_outlives_a_sigkill_of_the_server(self, store: Calls, stand: Stand) -> None:
        stand.proxy.up.hold_at(MOST)
        saving = store.kind.start(lambda: store.client.save_artifact(VALUE, "weights"))
        stand.proxy.up.wait_for(MOST)
        wait_until(lambda: kept_bytes(stand.data) >= MOST - MARK_BYTES, "a mark at most 16 MiB behind")
        stand.kill()
        stand.start()
        stand.proxy.go_on()
        assert saving.result().version == "1"
        assert stand.proxy.up.passed - VALUE.nbytes <= MARK_BYTES + TALK_BYTES
        assert_saved_once(store, stand)

    def test_a_load_outlives_a_sigkill_of_the_server(self, store: Calls, stand: Stand) -> None:
        store.save_artifact(VALUE, "weights")
        place = stand.proxy.down.passed + HALF
        stand.proxy.down.hold_at(place)
        loading = store.kind.start(lambda: store.client.load_artifact("weights"))
        stand.proxy.down.wait_for(place)
        stand.kill()
        stand.start()
        stand.proxy.go_on()
        np.testing.assert_array_equal(loading.result(), VALUE)
        assert stand.proxy.down.passed - (place - HALF) - VALUE.nbytes <= 8 * MEBIBYTE
        assert_saved_once(store, stand)

    def test_transfers_go_on_after_each_cut(self, store: Calls, stand: Stand) -> None:
        places = [part * MEBIBYTE for part in (3, 15, 28)]
        stand.proxy.up.cut_at(*places)
        assert store.save_artifact(VALUE, "weights").version == "1"
        assert stand.proxy.up.passed - VALUE.nbytes < sum(places) - MARK_BYTES
        before = stand.proxy.down.passed
        stand.proxy.down.cut_at(before + 3 * MEBIBYTE, before + 25 * MEBIBYTE)
        assert_saved_once(store, stand)
        assert stand.proxy.down.passed - before - VALUE.nbytes <= 2 * 8 * MEBIBYTE
        assert stand.proxy.accepted >= 1 + len(places) + 2

    @pytest.mark.parametrize("method", [b"/CommitUpload", b"/CreateArtifactVersion"])
    def test_what_the_server_did_before_its_answer_was_lost_is_done_once(
        self, store: Calls, stand: Stand, method: bytes
    ) -> None:
        table = {b"/CommitUpload": "blobs", b"/CreateArtifactVersion": "versions"}[method]
        stand.proxy.up.hold_answers_after(method)
        saving = store.kind.start(lambda: store.client.save_artifact(VALUE, "weights"))
        wait_until(lambda: rows(stand.data, f"SELECT count(*) FROM {table}") == [(1,)], "it happened")
        stand.proxy.cut()
        assert saving.result().version == "1"
        assert stand.proxy.up.passed <= VALUE.nbytes + TALK_BYTES
        assert_saved_once(store, stand)

    def test_a_large_file_comes_over_several_connections(
        self, kind: Kind, stand: Stand, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ARGOSY_TRANSFER_STREAMS", "3")
        store = Calls(kind, kind.client(stand.proxy.address))
        store.save_artifact(THREE_RANGES, "weights")
        before = stand.proxy.accepted
        assert_saved_once(store, stand, THREE_RANGES)
        assert stand.proxy.accepted - before == 2

    def test_bytes_the_store_has_are_not_sent_again(self, store: Calls, stand: Stand) -> None:
        store.save_artifact(VALUE, "weights")
        before = stand.proxy.up.passed
        assert store.save_artifact(VALUE, "copy").version == "1"
        assert stand.proxy.up.passed - before < TALK_BYTES

    @pytest.mark.parametrize("direction", ["up", "down"])
    def test_a_transfer_that_stands_still_goes_on_over_a_new_connection(
        self, kind: Kind, stand: Stand, direction: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ARGOSY_IDLE_TIMEOUT", "2")
        store = Calls(kind, kind.client(stand.proxy.address))
        if direction == "down":
            store.save_artifact(VALUE, "weights")
        way = getattr(stand.proxy, direction)
        way.hold_at(way.passed + 20 * MEBIBYTE)
        if direction == "up":
            store.save_artifact(VALUE, "weights")
        assert_saved_once(store, stand)
        assert stand.proxy.accepted >= 2

    def test_a_server_that_does_not_answer_in_time_is_told(
        self, kind: Kind, stand: Stand, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Client(stand.proxy.address).save_artifact(1, "value")
        monkeypatch.setenv("ARGOSY_UNARY_DEADLINE", "0.5")
        store = Calls(kind, kind.client(stand.proxy.address))
        saved = in_time(lambda: store.get_artifact_version("value"))
        stand.pause()
        calls: list[Callable[[], Any]] = [
            lambda: store.load_artifact("value"),
            lambda: store.get_artifact_version("value"),
            lambda: store.kind.do(saved.set_alias("prod")),
            lambda: store.list_artifacts(),
            lambda: store.kind.begin(store.client.watch_artifacts("value", timeout=60)),
            lambda: store.watch_run("training"),
        ]
        for call in calls:
            with pytest.raises(DeadlineError, match="raise ARGOSY_UNARY_DEADLINE"):
                call()
        stand.resume()
        assert in_time(lambda: store.load_artifact("value")) == 1

    def test_a_watch_goes_on_when_the_server_dies_and_misses_and_repeats_nothing(
        self, store: Calls, stand: Stand
    ) -> None:
        watch = store.kind.begin(store.client.watch_artifacts("weights"))
        taking = store.kind.start(lambda: store.kind.taken(watch, 60))
        direct = Client(f"grpc://{stand.server.address}")
        for number in range(60):
            if number == 20:
                stand.kill()
                stand.start()
            if number % 15 == 5:
                stand.proxy.cut()
            direct.save_artifact(number, "weights")
        assert [event.version for event in taking.result()] == [str(number) for number in range(1, 61)]
        store.kind.do(watch.close())

    def test_watches_that_nobody_has_any_more_leave_room_for_others(self, store: Calls, stand: Stand) -> None:
        stand.restart_with("--durability=process", "--max-watchers=3")
        run = Client(f"grpc://{stand.server.address}").connection.pipelines.create_run("training").run.id
        collection_was_on = gc.isenabled()
        gc.disable()
        try:
            for number in range(1, 11):
                watch = begun_soon(store)
                store.save_artifact(number, "value")
                assert [event.version for event in store.kind.take(watch, 1)] == [str(number)]
                del watch
                begun_soon(store)
                wait_until(lambda: refused_watch(lambda: store.client.watch_run(run)) is None, "there is room")
        finally:
            if collection_was_on:
                gc.enable()

    @pytest.mark.parametrize("size", [1_000, 300_000, 16 * MEBIBYTE], ids=["inline", "middle", "large"])
    def test_a_bit_changed_on_the_way_is_noticed(self, store: Calls, stand: Stand, size: int) -> None:
        content = marked(size)
        stand.proxy.up.flip_in(MARKER)
        with pytest.raises(CorruptDataError, match=r"received .* send the bytes again"):
            store.save_artifact(content, "weights")
        assert (files_of(stand.data), rows(stand.data, "SELECT count(*) FROM versions")) == ({}, [(0,)])
        assert store.save_artifact(content, "weights").version == "1"
        assert store.load_artifact("weights") == content
        stand.proxy.down.flip_in(MARKER)
        with pytest.raises(CorruptDataError, match=r"is recorded; .* and if that fails .*restore the store"):
            store.load_artifact("weights")
        assert store.load_artifact("weights") == content
        assert_clean(stand.data)


def marked(size: int) -> bytes:
    """Return content with the marker at six places: at most few of them can be cut by the end of a read or frame."""
    content = bytearray(VALUE[:size].tobytes())
    for place in range(size // 8, size - len(MARKER), size // 7):
        content[place : place + len(MARKER)] = MARKER
    return bytes(content)


def begun_soon(store: Calls) -> Any:
    """Return a watch, once the server has room for it: what ended just now may still be on its way."""
    begun: list[Any] = []
    wait_until(
        lambda: refused_watch(lambda: begun.append(store.kind.begin(store.client.watch_artifacts("value")))) is None,
        "there is room",
    )
    return begun.pop()


def refused_watch(begin: Callable[[], object]) -> ResourceExhaustedError | None:
    """Begin a watch; return why it was refused, if it was for want of room."""
    try:
        begin()
    except ResourceExhaustedError as error:
        return error
    return None


def in_time(call: Callable[[], Any]) -> Any:
    """Return what a call brings, once it is answered in time: a busy machine may not do so at first."""
    answers: list[Any] = []

    def is_answered() -> bool:
        with suppress(DeadlineError):
            answers.append(call())
        return bool(answers)

    wait_until(is_answered, "the server answers in time")
    return answers[0]


__all__ = ["ClientFaultsContract", "store"]
