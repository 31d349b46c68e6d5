"""What is decided about the object store before anything goes there, and what its errors tell."""

from __future__ import annotations

import socket
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from argosy.config import resolve
from argosy.transport.bypass.signed_http import StoreHttp
from argosy.transport.bypass.signed_store import SignedStore
from argosy.transport.bypass.store_error import StoreError
from argosy.v1.blob_pb2 import SignedTransfers
from argosy.v1.blob_service_pb2 import GetCapabilitiesResponse
from argosy.v1.transfer_grants_pb2 import SignedPut

MIB = 1 << 20
OFFER = SignedTransfers(min_bytes=64 * MIB, part_bytes=16 * MIB, max_parts=10_000)


def store_of(offer: SignedTransfers = OFFER, said: str = "auto") -> SignedStore | None:
    return SignedStore.of(GetCapabilitiesResponse(signed_transfers=offer), resolve(signed_transfers=said))


def test_nothing_passes_a_server_by_that_does_not_offer_it_or_when_it_is_switched_off() -> None:
    assert SignedStore.of(GetCapabilitiesResponse(), resolve()) is None
    assert store_of(said="off") is None


def test_small_files_go_through_the_server() -> None:
    store = store_of()
    assert store is not None
    assert [store.takes(size) for size in (64 * MIB - 1, 64 * MIB)] == [False, True]


def test_after_a_pause_nothing_goes_past_the_server() -> None:
    store = store_of()
    assert store is not None
    store.pause(StoreError("away"))
    assert not store.takes(64 * MIB)


@pytest.mark.parametrize(
    ("size", "part_bytes"),
    [
        (64 * MIB, 16 * MIB),
        (10_000 * 16 * MIB, 16 * MIB),
        (10_000 * 16 * MIB + 1, 32 * MIB),
        (5 * MIB * MIB, 528 * MIB),
    ],
    ids=["smallest", "most of these", "one byte more", "5 TiB"],
)
def test_parts_become_larger_where_there_would_be_too_many(size: int, part_bytes: int) -> None:
    store = store_of()
    assert store is not None
    assert store.part_bytes(size) == part_bytes
    assert -(-size // part_bytes) <= 10_000


def test_parts_end_where_pieces_end_whatever_a_server_says() -> None:
    store = store_of(SignedTransfers(min_bytes=1, part_bytes=5 * MIB, max_parts=10))
    assert store is not None
    assert (store.part_bytes(1), store.part_bytes(81 * MIB)) == (8 * MIB, 16 * MIB)


def test_a_commit_may_take_longer_the_more_there_is_to_read_back() -> None:
    store = store_of()
    assert store is not None
    assert (store.commit_seconds(0), store.commit_seconds(1024 * MIB)) == (30.0, 94.0)


@pytest.mark.parametrize(
    ("status", "may_pass"),
    [(None, True), (400, False), (403, False), (404, False), (409, True), (429, True), (500, True), (503, True)],
)
def test_what_may_pass_is_tried_again(status: int | None, may_pass: bool) -> None:
    assert StoreError("told", status).may_pass is may_pass


@pytest.mark.parametrize(
    ("status", "is_refusal"),
    [(None, False), (302, False), (400, True), (403, True), (405, True), (409, False), (429, False), (503, False)],
)
def test_what_the_store_refuses_may_go_well_by_another_url(status: int | None, is_refusal: bool) -> None:
    assert StoreError("told", status).is_refusal is is_refusal


def test_a_store_that_was_never_there_is_not_waited_for() -> None:
    store = store_of()
    assert store is not None
    errors = [StoreError("no way", was_there=False), StoreError("broke off"), StoreError("busy", 503)]
    assert [store.worth_another_try(error) for error in errors] == [False, True, True]


def test_a_store_that_was_silent_is_not_waited_for_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/bucket/key?x=1"
        http = StoreHttp(1, 0.2)
        chunk = bytes(MIB)
        for ask in (
            lambda: http.get(url, 0, 1),
            lambda: http.put(url, {"Content-Length": str(64 * MIB)}, [chunk] * 64),
        ):
            with pytest.raises(StoreError) as stood_still:
                ask()
            store = store_of()
            assert store is not None
            assert (stood_still.value.was_silent, store.worth_another_try(stood_still.value)) == (True, False)


def test_one_greeting_tells_of_a_silent_store_and_what_comes_beside_it_does_not_wait_as_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/bucket/key?x=1"
        capabilities = GetCapabilitiesResponse(signed_transfers=OFFER)
        store = SignedStore.of(capabilities, resolve(idle_timeout=1))
        assert store is not None
        with ThreadPoolExecutor(4) as pool:
            errors = [found.exception() for found in [pool.submit(store.get, url, 0, 1) for _ in range(4)]]
        assert sorted(isinstance(error, StoreError) and error.was_silent for error in errors) == [False] * 3 + [True]
        assert not store.takes(64 * MIB)
        heard = accepted(silent)
    assert heard.startswith(b"HEAD / HTTP/1.1\r\n")
    assert b"x=1" not in heard


def accepted(listening: socket.socket) -> bytes:
    """Return what the only client sent."""
    connection, _ = listening.accept()
    with connection:
        heard = connection.recv(MIB)
    listening.setblocking(False)
    with pytest.raises(BlockingIOError):
        listening.accept()
    return heard


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/bucket/key?x=1", "ftp://127.0.0.1/x?x=1"])
def test_what_goes_to_a_server_by_tls_goes_to_no_store_without(url: str) -> None:
    capabilities = GetCapabilitiesResponse(signed_transfers=OFFER)
    store = SignedStore.of(capabilities, resolve(server="grpcs://db.example:9000"))
    assert store is not None
    with pytest.raises(StoreError, match=r"not reached by HTTPS") as refused:
        store.put(SignedPut(url=url, headers={"Content-Length": "1"}), [b"x"])
    assert not store.worth_another_try(refused.value)
    with pytest.raises(StoreError, match=r"not reached by HTTPS"):
        store.get(url, 0, 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_error_tells_host_and_reason_and_nothing_a_url_could_be_made_of(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    url = f"{scheme}://127.0.0.1:{port}/bucket/key?partNumber=1&X-Amz-Signature=secret"
    with pytest.raises(StoreError) as refused:
        StoreHttp(1, 1).put(url, {"Content-Length": "1"}, iter([b"x"]))
    assert str(refused.value) == f"the object store at 127.0.0.1:{port} cannot be reached (ConnectionRefusedError)"
    assert "secret" not in "".join(traceback.format_exception(refused.value))
    assert "secret" not in repr(refused.value.__context__)


def test_what_reading_the_content_raises_is_told_unchanged() -> None:
    def broken() -> object:
        yield b"x"
        raise OSError("the disk is gone")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/bucket/key?x=1"
        with pytest.raises(OSError, match=r"^the disk is gone$"):
            StoreHttp(1, 1).put(url, {"Content-Length": "2"}, broken())  # type: ignore[arg-type]
