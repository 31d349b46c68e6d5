"""Connecting: once for each address and process, checked at first contact, refused clearly."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from argosy.config import ClientConfig, resolve
from argosy.errors import ConfigurationError, UnavailableError
from argosy.transport.connection import connect, disconnect_all
from argosy.v1.artifact_pb2 import ArtifactVersion
from argosy.v1.artifact_service_pb2 import (
    DeleteAliasRequest,
    DeleteAliasResponse,
    GetArtifactVersionRequest,
    GetArtifactVersionResponse,
)
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceServicer
from argosy.v1.blob_service_pb2 import (
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    GetUploadRequest,
    GetUploadResponse,
)
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer
from tests.waiting import PATIENCE

Serve = Callable[..., ClientConfig]


class Counting(BlobServiceServicer):
    """Counts first contacts and speaks the revisions it is told."""

    def __init__(self, oldest: int = 1, newest: int = 1) -> None:
        self.contacts = 0
        self._revisions = oldest, newest

    def GetCapabilities(
        self, request: GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> GetCapabilitiesResponse:
        self.contacts += 1
        oldest, newest = self._revisions
        return GetCapabilitiesResponse(
            oldest_protocol_revision=oldest, protocol_revision=newest, server_version="9.8", max_files=7
        )


def test_a_connection_is_made_once_and_shared_by_threads(serve: Serve) -> None:
    peer = Counting()  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    config = serve(peer)
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(connect(config))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ([connect(config)] * 8, 1) == (seen, peer.contacts)
    assert connect(config).capabilities.max_files == 7


def test_projects_of_one_server_share_its_channel(serve: Serve) -> None:
    peer = Counting()  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    config = serve(peer)
    other = connect(resolve(server=config.server, project="other"))
    assert (connect(config).channel, "other", 1) == (other.channel, other.project, peer.contacts)


def test_after_disconnecting_a_new_connection_is_made(serve: Serve) -> None:
    peer = Counting()  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    config = serve(peer)
    first = connect(config)
    disconnect_all()
    assert connect(config) is not first
    assert peer.contacts == 2


@pytest.mark.parametrize(("oldest", "newest", "cure"), [(2, 3, "upgrade the client"), (0, 0, "upgrade the server")])
def test_protocol_revisions_without_overlap_are_refused(serve: Serve, oldest: int, newest: int, cure: str) -> None:
    config = serve(Counting(oldest, newest))  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    with pytest.raises(
        ConfigurationError,
        match=rf"{config.server} \(version 9\.8\) speaks revisions {oldest} to {newest} .*this client 1 to 1; {cure}",
    ):
        connect(config)


def test_a_newer_server_that_still_speaks_ours_is_accepted(serve: Serve) -> None:
    assert connect(serve(Counting(1, 5))).capabilities.protocol_revision == 5  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED


def test_a_grpc_server_that_is_not_ours_is_refused(serve: Serve) -> None:
    config = serve(BlobServiceServicer())  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    with pytest.raises(ConfigurationError, match=rf"what answers at {config.server} is no Argosy server"):
        connect(config)


def test_a_server_that_is_not_there_is_named_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        address = f"grpc://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnavailableError, match=rf"{address} cannot be reached.*ARGOSY_SERVER"):
            connect(resolve(server=address, connect_timeout=600))  # no test may take so long


def test_a_server_that_never_answers_is_named_after_the_connect_timeout() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"grpc://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UnavailableError, match=rf"{address} did not answer within 0.5 s.*ARGOSY_SERVER"):
            connect(resolve(server=address, connect_timeout=0.5))


def test_a_server_behind_a_unix_socket(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"unix:///.*/none.sock cannot be reached"):
        connect(resolve(server=f"unix://{tmp_path}/none.sock"))


class Flaky(ArtifactServiceServicer):
    """Is away for the first two calls."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self.request_ids: list[str] = []
        self._code = code

    def DeleteAlias(self, request: DeleteAliasRequest, context: grpc.ServicerContext) -> DeleteAliasResponse:
        self.request_ids.append(request.request_id)
        if len(self.request_ids) < 3:
            context.abort(self._code, "away")
        return DeleteAliasResponse()


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED], ids=lambda code: code.name)
def test_a_mutation_is_retried_with_the_same_request_id(serve: Serve, code: grpc.StatusCode) -> None:
    peer = Flaky(code)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    artifacts = connect(serve(peer)).artifacts
    artifacts.delete_alias("weights", "prod")
    assert (len(peer.request_ids), len(set(peer.request_ids))) == (3, 1)
    artifacts.delete_alias("weights", "prod")
    assert len(set(peer.request_ids)) == 2


class Echo(ArtifactServiceServicer):
    """Answers with the name asked for."""

    def GetArtifactVersion(
        self, request: GetArtifactVersionRequest, context: grpc.ServicerContext
    ) -> GetArtifactVersionResponse:
        return GetArtifactVersionResponse(
            artifact_version=ArtifactVersion(project=request.project, name=request.selector.name)
        )


FORKING = """
import os, sys
from argosy.config import resolve
from argosy.transport.connection import connect
from argosy.v1.artifact_pb2 import VersionSelector

config = resolve(server=sys.argv[1])
parent = connect(config)
parent.artifacts.get_artifact_version(VersionSelector(name="parent"))
child = os.fork()
if child == 0:
    made = connect(config)
    answer = made.artifacts.get_artifact_version(VersionSelector(name="child")).artifact_version
    os._exit(0 if answer.name == "child" and made is not parent and made.channel is not parent.channel else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
again = parent.artifacts.get_artifact_version(VersionSelector(name="again")).artifact_version.name
print(status, again, connect(config) is parent)
"""


def test_a_forked_child_makes_a_connection_of_its_own(serve: Serve) -> None:
    config = serve(Echo())  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    command = [sys.executable, "-c", FORKING, config.server]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
    assert output.split() == ["0", "again", "True"]


def test_a_server_on_this_machine_is_read_over_one_connection_and_others_over_as_many_as_are_wanted(
    serve: Serve,
) -> None:
    class Peer(Counting):
        """Remembers who connected."""

        def __init__(self) -> None:
            super().__init__()
            self.peers: set[str] = set()

        def GetUpload(self, request: GetUploadRequest, context: grpc.ServicerContext) -> GetUploadResponse:
            self.peers.add(context.peer())
            return GetUploadResponse()

    peer = Peer()  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    config = serve(peer)
    assert config.transfer_streams == 1
    assert len(connect(config).lanes()) == 1
    lanes = connect(replace(config, transfer_streams=3)).lanes()
    for lane in [*lanes, *connect(replace(config, transfer_streams=3)).lanes()]:
        lane.get_upload("x")
    assert len(peer.peers) == len(lanes) == 3
