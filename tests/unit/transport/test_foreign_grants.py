"""A server may name any path; nothing outside of the folder of its token is read or written, whatever it says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from argosy.config import ClientConfig
from argosy.materializers.files import FileContent
from argosy.transport.bypass.direct_files import DirectFiles
from argosy.transport.connection import Connection, connect
from argosy.v1 import blob_service_pb2 as wire
from argosy.v1 import transfer_grants_pb2
from argosy.v1.blob_pb2 import DirectAccess
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer
from tests.unit.transport.memory_store import digest_of

Serve = Callable[..., ClientConfig]
SECRET = b"not for any server" * 100
pytestmark = pytest.mark.timeout(20)


class Granting(BlobServiceServicer):
    """Grants the path it is told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = ""
        self.aborted: list[str] = []
        self.tokens: list[str] = []

    def GetCapabilities(
        self, request: wire.GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> wire.GetCapabilitiesResponse:
        token = str(self.folder / ".write-token")
        return wire.GetCapabilitiesResponse(
            protocol_revision=1, oldest_protocol_revision=1, direct_access=DirectAccess(write_token_file=token)
        )

    def CreateTransferGrants(
        self, request: transfer_grants_pb2.CreateTransferGrantsRequest, context: grpc.ServicerContext
    ) -> transfer_grants_pb2.CreateTransferGrantsResponse:
        self.tokens.append(request.token)
        return transfer_grants_pb2.CreateTransferGrantsResponse(
            read_paths=[self.path] * len(request.read_digests), write_path=self.path
        )

    def CreateUpload(
        self, request: wire.CreateUploadRequest, context: grpc.ServicerContext
    ) -> wire.CreateUploadResponse:
        return wire.CreateUploadResponse(upload=wire.Upload(id="upload", state=wire.UPLOAD_STATE_OPEN))

    def CommitUpload(
        self, request: wire.CommitUploadRequest, context: grpc.ServicerContext
    ) -> wire.CommitUploadResponse:
        return wire.CommitUploadResponse(digest=request.digest, size_bytes=request.size_bytes)

    def AbortUpload(self, request: wire.AbortUploadRequest, context: grpc.ServicerContext) -> wire.AbortUploadResponse:
        self.aborted.append(request.upload_id)
        return wire.AbortUploadResponse()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The store's, beside a secret."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "store").mkdir()
    (tmp_path / "store/.write-token").write_text("a" * 64)
    return tmp_path / "store"


@pytest.fixture
def peer(folder: Path) -> Granting:
    return Granting(folder)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED


@pytest.fixture
def connection(serve: Serve, peer: Granting) -> Connection:
    return connect(serve(peer))


def direct_of(connection: Connection) -> DirectFiles:
    assert connection.direct is not None
    return connection.direct


def outside(folder: Path, secret: Path) -> str:
    return str(secret)


def upwards(folder: Path, secret: Path) -> str:
    return str(folder / "../secret")


def relative(folder: Path, secret: Path) -> str:
    return os.path.relpath(secret)


def by_a_link(folder: Path, secret: Path) -> str:
    (folder / "link").symlink_to(secret)
    return str(folder / "link")


def by_a_linked_folder(folder: Path, secret: Path) -> str:
    (folder / "up").symlink_to(secret.parent)
    return str(folder / "up/secret")


def a_folder(folder: Path, secret: Path) -> str:
    (folder / "inner").mkdir()
    return str(folder / "inner")


def a_pipe(folder: Path, secret: Path) -> str:
    os.mkfifo(folder / "pipe")
    return str(folder / "pipe")


def absent(folder: Path, secret: Path) -> str:
    return str(folder / "absent/file")


WAYS = [outside, upwards, relative, by_a_link, by_a_linked_folder, a_folder, a_pipe, absent]


@pytest.mark.parametrize("way", WAYS)
def test_no_other_file_is_read(connection: Connection, peer: Granting, way: Callable[[Path, Path], str]) -> None:
    secret = peer.folder.parent / "secret"
    peer.path = way(peer.folder, secret)
    size = os.stat(peer.path).st_size if way in {a_folder, a_pipe} else len(SECRET)
    assert direct_of(connection).map(connection.blobs, digest_of(SECRET), size) is None


def test_a_file_inside_is_read(connection: Connection, peer: Granting) -> None:
    (peer.folder / "ab").mkdir()
    (peer.folder / "ab/blob").write_bytes(SECRET)
    peer.path = str(peer.folder / "ab/blob")
    mapped = direct_of(connection).map(connection.blobs, digest_of(SECRET), len(SECRET))
    assert mapped is not None
    assert bytes(mapped) == SECRET
    assert peer.tokens == ["a" * 64]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_written_elsewhere_or_over_what_is_there(
    connection: Connection, peer: Granting, way: Callable[[Path, Path], str]
) -> None:
    secret = peer.folder.parent / "secret"
    peer.path = way(peer.folder, secret)
    before = sorted(peer.folder.parent.rglob("*"))
    file = FileContent("x", buffers=(memoryview(b"new"),))
    assert direct_of(connection).write(connection.blobs, file, lambda _: None) is None
    assert (sorted(peer.folder.parent.rglob("*")), secret.read_bytes()) == (before, SECRET)
    assert peer.aborted == ["upload"]


def test_no_new_file_is_made_outside(connection: Connection, peer: Granting) -> None:
    peer.path = str(peer.folder.parent / "new")
    file = FileContent("x", buffers=(memoryview(b"new"),))
    assert direct_of(connection).write(connection.blobs, file, lambda _: None) is None
    assert not Path(peer.path).exists()


def test_a_new_file_inside_is_written(connection: Connection, peer: Granting) -> None:
    peer.path = str(peer.folder / "new")
    file = FileContent("x", buffers=(memoryview(b"new"),))
    assert direct_of(connection).write(connection.blobs, file, lambda _: None) == digest_of(b"new")
    assert Path(peer.path).read_bytes() == b"new"
