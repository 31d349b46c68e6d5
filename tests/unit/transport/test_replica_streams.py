"""Several servers, as threads and event loops know them by what streams and calls of theirs came to."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from argosy.aio.loop.replica_channel import LoopReplicaChannel
from argosy.errors import UnavailableError
from argosy.transport.channels.replicas import Replica
from argosy.transport.connection import connect
from argosy.v1.blob_service_pb2 import (
    GetUploadRequest,
    ReadBlobRequest,
    ReadBlobResponse,
    WriteUploadRequest,
    WriteUploadResponse,
)
from argosy.v1.blob_service_pb2_grpc import BlobServiceStub
from tests.unit.transport.test_replicas import Peer, Serve, away, list_of
from tests.waiting import wait_until

EMPTY, READ = ReadBlobRequest(digest="empty"), ReadBlobRequest(digest="digest")
WRITE = WriteUploadRequest(chunk=b"content")


class Writable(Peer):
    """A server that takes uploads, too, and has an empty blob."""

    def ReadBlob(self, request: ReadBlobRequest, context: grpc.ServicerContext) -> Iterator[ReadBlobResponse]:
        if request != EMPTY:
            yield from super().ReadBlob(request, context)

    def WriteUpload(self, requests: Iterator[WriteUploadRequest], context: grpc.ServicerContext) -> WriteUploadResponse:
        self.asked.append("write")
        self.answer(context)
        for _ in requests:
            pass
        return WriteUploadResponse()


def peers() -> list[Writable]:
    return [Writable(), Writable()]  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED


class Held:
    """Holds the call that it answers until it is let go, which finds the server away then."""

    def __init__(self) -> None:
        self.has_begun, self.let_go = threading.Event(), threading.Event()

    def __call__(self, context: grpc.ServicerContext) -> None:
        self.has_begun.set()
        self.let_go.wait(60)
        away(context)


def in_trouble(channel: Any) -> list[Replica]:
    """Return the servers of a channel, as if each had just been spared."""
    members: list[Replica] = channel._ways.replicas.members
    for replica in members:
        replica.rests, replica.trouble = 3, UnavailableError("away")
    return members


def known(members: list[Replica]) -> list[tuple[int, bool]]:
    return sorted((replica.rests, replica.trouble is None) for replica in members)


def well(_: grpc.ServicerContext) -> None:
    """Answer well."""


ONE_ANSWERED = [(0, True), (3, False)]


@pytest.mark.parametrize("direction", ["read", "empty", "written"])
def test_a_server_that_serves_a_stream_has_answered_threads(serve: Serve, direction: str) -> None:
    channel = connect(list_of(*[serve(one) for one in peers()])).channel
    members, stub = in_trouble(channel), BlobServiceStub(channel)
    if direction == "written":
        stub.WriteUpload(iter([WRITE]))
    elif direction == "empty":
        assert list(stub.ReadBlob(EMPTY)) == []
    else:
        reading = stub.ReadBlob(READ)
        assert next(reading).chunk == b"content"
        assert known(members) == ONE_ANSWERED  # a watch never ends
        in_trouble(channel)
        assert list(reading) == []
    assert known(members) == ONE_ANSWERED


@pytest.mark.parametrize("direction", ["read", "empty", "written"])
def test_a_server_that_serves_a_stream_has_answered_an_event_loop(serve: Serve, direction: str) -> None:
    config = list_of(*[serve(one) for one in peers()])

    async def stream() -> list[tuple[int, bool]]:
        async with LoopReplicaChannel.to(config) as channel:
            await channel.make_contact(10)
            members, stub = in_trouble(channel), BlobServiceStub(channel)
            if direction == "written":
                writing: Any = stub.WriteUpload()
                await writing.write(WRITE)
                await writing.done_writing()
                await writing
            else:
                reading: Any = stub.ReadBlob(EMPTY if direction == "empty" else READ)
                if direction == "read":
                    assert (await reading.read()).chunk == b"content"
                    assert known(members) == ONE_ANSWERED  # a watch never ends
                    in_trouble(channel)
                assert await reading.read() is grpc.aio.EOF
            return known(members)

    assert asyncio.run(stream()) == ONE_ANSWERED


KINDS = ["call", "read", "write"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_ends_late_tells_nothing_of_a_server_that_was_away_and_came_back_threads(
    serve: Serve, kind: str
) -> None:
    both = peers()
    first = both[0]
    channel = connect(list_of(*[serve(one) for one in both])).channel
    stub, replica = BlobServiceStub(channel), in_trouble(channel)[0]

    def ask_until(times: int) -> None:
        while len(first.asked) < times:
            with contextlib.suppress(grpc.RpcError):  # a stream that is written is not begun again
                if kind == "call":
                    stub.GetUpload(GetUploadRequest(upload_id="upload"), timeout=60)
                elif kind == "read":
                    list(stub.ReadBlob(READ))
                else:
                    stub.WriteUpload(iter([WRITE]))

    first.answer = held = Held()
    late = threading.Thread(target=ask_until, args=(1,))
    late.start()
    assert held.has_begun.wait(60)
    first.answer = away
    ask_until(2)
    wait_until(lambda: replica.times_ready == 2, "it is back")
    first.store, first.answer = "another", well  # so that no other greeting makes it one of them again
    held.let_go.set()
    late.join()
    assert replica.is_ready
    ask_until(3)  # it has its turn


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_ends_late_tells_nothing_of_a_server_that_was_away_and_came_back_an_event_loop(
    serve: Serve, kind: str
) -> None:
    both = peers()
    first = both[0]
    config = list_of(*[serve(one) for one in both])

    async def ask(stub: Any) -> None:
        if kind == "call":
            await stub.GetUpload(GetUploadRequest(upload_id="upload"), timeout=60)
        elif kind == "read":
            reading = stub.ReadBlob(READ)
            while await reading.read() is not grpc.aio.EOF:
                pass
        else:
            writing = stub.WriteUpload()
            with contextlib.suppress(grpc.RpcError, asyncio.InvalidStateError):  # its status tells why
                await writing.write(WRITE)
                await writing.done_writing()
            await writing

    async def ask_until(stub: Any, times: int) -> None:
        while len(first.asked) < times:
            with contextlib.suppress(grpc.RpcError):  # a stream that is written is not begun again
                await ask(stub)

    async def go() -> None:
        async with LoopReplicaChannel.to(config) as channel:
            await channel.make_contact(10)
            stub, replica = BlobServiceStub(channel), in_trouble(channel)[0]
            first.answer = held = Held()
            late = asyncio.create_task(ask_until(stub, 1))
            while not held.has_begun.is_set():
                await asyncio.sleep(0.01)
            first.answer = away
            await ask_until(stub, 2)
            while replica.times_ready < 2:
                await asyncio.sleep(0.01)
            first.store, first.answer = "another", well
            held.let_go.set()
            await late
            assert replica.is_ready
            await ask_until(stub, 3)  # it has its turn

    asyncio.run(asyncio.wait_for(go(), 60))
