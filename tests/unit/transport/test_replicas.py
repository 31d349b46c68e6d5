"""Several servers of one store: whose turn it is, who is left out, and what is repeated where."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from argosy.config import ClientConfig, resolve
from argosy.errors import ConfigurationError, NotFoundError, UnavailableError
from argosy.transport.channels.replicas import Replicas
from argosy.transport.clients.blob_client import with_one_replica
from argosy.transport.connection import Connection, connect
from argosy.transport.rpc.error_mapping import DOMAIN
from argosy.v1.artifact_service_pb2 import DeleteAliasRequest, DeleteAliasResponse
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceServicer
from argosy.v1.blob_service_pb2 import (
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    GetUploadRequest,
    GetUploadResponse,
    ReadBlobRequest,
    ReadBlobResponse,
)
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer
from tests.unit.transport.test_error_mapping import Refusal
from tests.waiting import wait_until

Serve = Callable[..., ClientConfig]
Answer = Callable[[grpc.ServicerContext], None]


class Peer(ArtifactServiceServicer, BlobServiceServicer):
    """A server that counts what it is asked, and answers as it is told."""

    def __init__(self, store: str = "one", revision: int = 1) -> None:
        self.store = store
        self.asked: list[str] = []
        self.answer: Answer = lambda _: None
        self._revision = revision

    def GetCapabilities(
        self, request: GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> GetCapabilitiesResponse:
        return GetCapabilitiesResponse(
            store_id=self.store, oldest_protocol_revision=self._revision, protocol_revision=self._revision
        )

    def DeleteAlias(self, request: DeleteAliasRequest, context: grpc.ServicerContext) -> DeleteAliasResponse:
        self.asked.append(request.request_id)
        self.answer(context)
        return DeleteAliasResponse()

    def GetUpload(self, request: GetUploadRequest, context: grpc.ServicerContext) -> GetUploadResponse:
        self.asked.append(request.upload_id)
        self.answer(context)
        return GetUploadResponse()

    def ReadBlob(self, request: ReadBlobRequest, context: grpc.ServicerContext) -> Iterator[ReadBlobResponse]:
        self.asked.append(request.digest)
        self.answer(context)
        yield ReadBlobResponse(chunk=b"content")


def peer(store: str = "one", revision: int = 1) -> Peer:
    return Peer(store, revision)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED


def away(context: grpc.ServicerContext) -> None:
    context.abort(grpc.StatusCode.UNAVAILABLE, "away")


def list_of(*configs: ClientConfig, **settings: object) -> ClientConfig:
    hosts = [config.server.removeprefix("grpc://") for config in configs]
    return resolve(server=f"grpc://{','.join(hosts)}", **settings)


def connected(serve: Serve, *peers: Peer) -> Connection:
    return connect(list_of(*[serve(one) for one in peers]))


def test_servers_take_turns(serve: Serve) -> None:
    peers = [peer(), peer(), peer()]
    artifacts = connected(serve, *peers).artifacts
    for _ in range(12):
        artifacts.delete_alias("weights", "prod")
    assert [len(one.asked) for one in peers] == [4, 4, 4]


def test_a_call_is_repeated_by_another_server_with_its_request_id_and_the_first_is_spared(serve: Serve) -> None:
    first, second = peers = [peer(), peer()]
    artifacts = connected(serve, *peers).artifacts

    def for_good(context: grpc.ServicerContext) -> None:
        first.store = "another"  # so that no greeting makes it one of them again
        away(context)

    first.answer = for_good
    for _ in range(10):
        artifacts.delete_alias("weights", "prod")
    assert (len(first.asked), len(second.asked)) == (1, 10)
    assert first.asked[0] in second.asked


def test_a_server_is_asked_again_once_it_answers(serve: Serve) -> None:
    first, second = peers = [peer(), peer()]
    artifacts = connected(serve, *peers).artifacts
    first.answer = away
    while not first.asked:
        artifacts.delete_alias("weights", "prod")
    first.answer = lambda _: None
    before = len(first.asked)

    def is_asked() -> bool:
        artifacts.delete_alias("weights", "prod")
        return len(first.asked) > before

    wait_until(is_asked, "it is asked")
    assert len(second.asked) > 0


def test_what_another_server_would_refuse_too_is_told_at_once(serve: Serve) -> None:
    first, second = peers = [peer(), peer()]
    artifacts = connected(serve, *peers).artifacts
    first.answer = second.answer = lambda context: context.abort(grpc.StatusCode.NOT_FOUND, "no such alias")
    with pytest.raises(NotFoundError):
        artifacts.delete_alias("weights", "prod")
    assert len(first.asked) + len(second.asked) == 1


def test_when_every_server_is_away_each_is_asked_and_the_error_names_both(serve: Serve) -> None:
    peers = [peer(), peer()]
    connection = connected(serve, *peers)
    for one in peers:
        one.answer = away
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:\d+: away; 127\.0\.0\.1:\d+: away"):
        connection.artifacts.delete_alias("weights", "prod")
    assert all(one.asked for one in peers)
    assert len({request for one in peers for request in one.asked}) == 1


def test_a_call_that_gets_no_answer_is_repeated_by_another_server_in_its_second_half(serve: Serve) -> None:
    first, second = peers = [peer(), peer()]
    connection = connect(list_of(*[serve(one) for one in peers], unary_deadline=6))
    released = threading.Event()

    def late(_: grpc.ServicerContext) -> None:
        released.wait(60)

    first.answer = late
    for _ in range(4):
        connection.artifacts.delete_alias("weights", "prod")
    released.set()
    assert (len(first.asked), len(second.asked)) == (1, 4)


def test_a_stream_begins_on_another_server_when_the_first_says_nothing(serve: Serve) -> None:
    first, second = peers = [peer(), peer()]
    blobs = connected(serve, *peers).blobs
    first.answer = away
    for _ in range(4):
        assert b"".join(message.chunk for message in blobs.read_blob("digest")) == b"content"
    assert (bool(first.asked), len(second.asked)) == (True, 4)


def test_what_goes_on_with_one_server_stays_there_while_it_answers(serve: Serve) -> None:
    peers = [peer(), peer()]
    blobs = with_one_replica(connected(serve, *peers).blobs)
    for _ in range(6):
        blobs.get_upload("upload")
    assert sorted(len(one.asked) for one in peers) == [0, 6]
    (used,) = (one for one in peers if one.asked)
    used.answer = away
    for _ in range(6):
        blobs.get_upload("upload")
    assert sum(len(one.asked) for one in peers) == 13


def test_a_server_that_lacks_its_bucket_is_left_to_calls_that_nobody_else_takes_although_it_answers() -> None:
    replicas = Replicas("grpc://a:1,b:2", lambda _, __: None)
    first, second = replicas.members
    capabilities = GetCapabilitiesResponse(store_id="one")
    lacks = Refusal(grpc.StatusCode.UNAVAILABLE, "no bucket", ErrorInfo(domain=DOMAIN, reason="STORAGE_UNAVAILABLE"))
    for replica in (first, second):
        assert replicas.greeted(replica, capabilities)
    assert replicas.choose((), first) is first
    assert replicas.is_away(first, lacks, first.times_ready)
    assert replicas.greeted(first, capabilities)
    first.answered()  # a call that needs no bucket
    assert [replicas.choose((), first) for _ in range(4)] == [second] * 4
    assert replicas.choose({second}, first) is first
    assert replicas.is_away(second, lacks, second.times_ready)
    assert replicas.choose((), second) is first
    assert replicas.greeted(second, capabilities)
    assert [replicas.choose((), first) for _ in range(4)] == [first] * 4  # the other one is no better


def test_calls_that_find_a_server_away_at_once_spare_it_once_and_those_that_end_late_not_at_all() -> None:
    replicas = Replicas("grpc://a:1,b:2", lambda _, __: None)
    first = replicas.members[0]
    capabilities = GetCapabilitiesResponse(store_id="one")
    refused = Refusal(grpc.StatusCode.UNAVAILABLE, "draining", ErrorInfo(domain=DOMAIN, reason="SERVER_DRAINING"))
    assert replicas.greeted(first, capabilities)
    since = first.times_ready
    for _ in range(5):
        assert replicas.is_away(first, refused, since)
    assert (first.is_ready, first.rests) == (False, 1)
    assert replicas.greeted(first, capabilities)
    assert replicas.is_away(first, refused, since)
    assert (first.is_ready, first.rests) == (True, 1)
    assert replicas.is_away(first, refused, first.times_ready)
    assert (first.is_ready, first.rests) == (False, 2)


def test_a_call_that_ends_late_tells_still_that_a_server_lacks_its_bucket() -> None:
    replicas = Replicas("grpc://a:1,b:2", lambda _, __: None)
    first, second = replicas.members
    lacks = Refusal(grpc.StatusCode.UNAVAILABLE, "no bucket", ErrorInfo(domain=DOMAIN, reason="STORAGE_UNAVAILABLE"))
    for replica in (first, second):
        assert replicas.greeted(replica, GetCapabilitiesResponse(store_id="one"))
    assert replicas.is_away(first, lacks, first.times_ready - 1)
    assert first.is_ready
    assert [replicas.choose((), first) for _ in range(4)] == [second] * 4


def test_one_server_has_nobody_to_go_to(serve: Serve) -> None:
    blobs = connect(serve(peer())).blobs
    assert with_one_replica(blobs) is blobs


def test_servers_of_different_stores_are_refused_by_name(serve: Serve) -> None:
    config = list_of(serve(peer("one")), serve(peer("two")))
    first, second = config.server.removeprefix("grpc://").split(",")
    with pytest.raises(
        ConfigurationError, match=rf"different stores: {first} serves store one; {second} serves store two; correct"
    ):
        connect(config)


def test_a_server_that_comes_later_with_another_store_is_not_used(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = peers = [peer(), peer()]
    artifacts = connected(serve, *peers).artifacts
    second.store, second.answer = "two", away
    with caplog.at_level(logging.WARNING, "argosy.transport"):
        for _ in range(2):
            artifacts.delete_alias("weights", "prod")
        wait_until(lambda: "serve different stores" in caplog.text, "it is found out")
    second.answer = lambda _: None
    asked = len(second.asked)
    for _ in range(6):
        artifacts.delete_alias("weights", "prod")
    assert (len(second.asked), len(first.asked)) == (asked, 8)


def test_a_server_of_another_age_is_left_out_as_long_as_others_will_do(serve: Serve) -> None:
    old, new = peer(), peer(revision=9)
    artifacts = connected(serve, old, new).artifacts
    for _ in range(4):
        artifacts.delete_alias("weights", "prod")
    assert (len(old.asked), len(new.asked)) == (4, 0)
    with pytest.raises(ConfigurationError, match="upgrade the client"):
        connected(serve, peer(revision=9), peer(revision=9))
