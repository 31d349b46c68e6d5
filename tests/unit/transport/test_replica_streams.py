"""Several servers, as threads and event loops know them by what streams and calls of theirs came to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from argosy.aio.replica_channel import LoopReplicaChannel
from argosy.errors import UnavailableError
from argosy.transport.connection import connect
from argosy.transport.replicas import Replica
from argosy.v1.blob_service_pb2 import ReadBlobRequest, ReadBlobResponse, WriteUploadRequest, WriteUploadResponse
from argosy.v1.blob_service_pb2_grpc import BlobServiceStub
from tests.unit.transport.test_replicas import Peer, Serve, list_of

EMPTY, READ = ReadBlobRequest(digest="empty"), ReadBlobRequest(digest="digest")
WRITE = WriteUploadRequest(chunk=b"content")


class Writable(Peer):
    """A server that takes uploads, too, and has an empty blob."""

    def ReadBlob(self, request: ReadBlobRequest, context: grpc.ServicerContext) -> Iterator[ReadBlobResponse]:
        if request != EMPTY:
            yield from super().ReadBlob(request, context)

    def WriteUpload(self, requests: Iterator[WriteUploadRequest], context: grpc.ServicerContext) -> WriteUploadResponse:
        for _ in requests:
            pass
        return WriteUploadResponse()


def peers() -> list[Writable]:
    return [Writable(), Writable()]  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED


def in_trouble(channel: Any) -> list[Replica]:
    """Return the servers of a channel, as if each had just been spared."""
    members: list[Replica] = channel._ways.replicas.members
    for replica in members:
        replica.rests, replica.trouble = 3, UnavailableError("away")
    return members


def known(members: list[Replica]) -> list[tuple[int, bool]]:
    return sorted((replica.rests, replica.trouble is None) for replica in members)


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
