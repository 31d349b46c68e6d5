"""Versions on their way out: what a value is made of was verified, whatever the server sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from blake3 import blake3

from argosy.config import ClientConfig
from argosy.errors import CorruptDataError, InternalServiceError, NotFoundError
from argosy.materializers.files import FileSource
from argosy.transport.connection import connect
from argosy.transport.download import DownloadedVersion, open_version
from argosy.v1.artifact_pb2 import ArtifactFile, ArtifactVersion, VersionSelector
from argosy.v1.artifact_service_pb2 import (
    DownloadArtifactRequest,
    DownloadArtifactResponse,
    DownloadFileEnd,
    DownloadFileStart,
)
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceServicer
from argosy.v1.blob_service_pb2 import (
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    ReadBlobRequest,
    ReadBlobResponse,
)
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer

Open = Callable[..., DownloadedVersion]
BIG = 3 << 20
"""Two files of this size are more than is kept in memory."""


def digest_of(content: bytes) -> str:
    return f"blake3:{blake3(content).hexdigest()}"


class Store(ArtifactServiceServicer, BlobServiceServicer):
    """Holds one version; counts the calls, and sends other bytes for the paths in ``damaged``."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.damaged: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.completed = 0

    def GetCapabilities(
        self, request: GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> GetCapabilitiesResponse:
        return GetCapabilitiesResponse(protocol_revision=1, oldest_protocol_revision=1)

    def DownloadArtifact(
        self, request: DownloadArtifactRequest, context: grpc.ServicerContext
    ) -> Iterator[DownloadArtifactResponse]:
        self.calls.append("DownloadArtifact")
        files = [
            ArtifactFile(path=path, digest=digest_of(content), size_bytes=len(content))
            for path, content in self.files.items()
        ]
        size = sum(file.size_bytes for file in files)
        yield DownloadArtifactResponse(version=ArtifactVersion(id="the-id", files=files, size_bytes=size))
        for file in files:
            content = self.damaged.get(file.path, self.files[file.path])
            yield DownloadArtifactResponse(file_start=DownloadFileStart(file=file))
            for start in range(0, len(content), 1 << 20):
                yield DownloadArtifactResponse(chunk=content[start : start + (1 << 20)])
            yield DownloadArtifactResponse(file_end=DownloadFileEnd(sent_bytes=len(content)))
        self.completed += 1

    def ReadBlob(self, request: ReadBlobRequest, context: grpc.ServicerContext) -> Iterator[ReadBlobResponse]:
        path = next(path for path, content in self.files.items() if digest_of(content) == request.digest)
        self.calls.append(f"ReadBlob {path}")
        content = self.damaged.get(path, self.files[path])
        for start in range(0, len(content), 1 << 20):
            yield ReadBlobResponse(chunk=content[start : start + (1 << 20)])


class OnlyArtifacts(ArtifactServiceServicer):
    """Hands the artifact calls of a test to a function."""

    def __init__(self, answer: Callable[[], Iterator[DownloadArtifactResponse]]) -> None:
        self._answer = answer

    def DownloadArtifact(
        self, request: DownloadArtifactRequest, context: grpc.ServicerContext
    ) -> Iterator[DownloadArtifactResponse]:
        return self._answer()


Serve = Callable[..., ClientConfig]


def store_of(files: dict[str, bytes]) -> Store:
    return Store(files)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED


def opened(serve: Serve, store: Store) -> DownloadedVersion:
    return open_version(connect(serve(store)), VersionSelector(name="x"))


def big(fill: int) -> bytes:
    return bytes([fill]) * BIG


def test_a_small_version_is_whole_after_one_call(serve: Serve) -> None:
    store = store_of({"b": b"bytes", "a/empty": b"", "a/c": b"more"})
    with opened(serve, store) as source:
        assert source.version.id == "the-id"
        assert source.paths == ["b", "a/empty", "a/c"]
        assert [source.size(path) for path in source.paths] == [5, 0, 4]
        assert [source.read(path) for path in ("a/c", "a/empty", "b")] == [b"more", b"", b"bytes"]
        assert source.open("b").read() == b"bytes"
    assert (store.calls, store.completed) == (["DownloadArtifact"], 1)


def test_it_is_the_source_materializers_ask_for(serve: Serve) -> None:
    source: FileSource = opened(serve, store_of({"x": b"1"}))
    assert source.child("items").paths == []


def test_a_child_sees_its_own_files_only(serve: Serve) -> None:
    child = opened(serve, store_of({"items/0/x": b"0", "items/1/x": b"1", "y": b"y"})).child("items/1")
    assert (child.paths, child.read("x"), child.size("x")) == (["x"], b"1", 1)
    with pytest.raises(NotFoundError, match=r"no file 'items/1/y'; it has items/0/x, items/1/x, y"):
        child.read("y")


def test_previews_are_no_files_of_the_value(serve: Serve) -> None:
    with opened(serve, store_of({".argosy/previews/head.html": b"<p>", "x": b"1"})) as source:
        assert source.paths == ["x"]


def test_a_large_version_is_streamed_in_one_call(serve: Serve) -> None:
    store = store_of({"a": big(1), "b": big(2)})
    with opened(serve, store) as source:
        for path in ("a", "b"):
            with source.open(path) as stream:
                target = bytearray(BIG)
                assert stream.readinto(target) == BIG  # type: ignore[attr-defined]  # BinaryIO lacks readinto
            assert target == store.files[path]
    assert (store.calls, store.completed) == (["DownloadArtifact"], 1)


def test_small_files_in_the_way_of_a_large_one_are_kept(serve: Serve) -> None:
    store = store_of({"meta": b"m", ".argosy/previews/p": b"p", "a": big(1), "b": big(2)})
    with opened(serve, store) as source:
        assert source.read("a") == store.files["a"]
        assert source.read("meta") == b"m"
    assert store.calls == ["DownloadArtifact"]


def test_large_files_out_of_order_are_read_by_calls_of_their_own(serve: Serve) -> None:
    store = store_of({"a": big(1) + big(1), "b": big(2)})
    with opened(serve, store) as source:
        assert source.read("b") == store.files["b"]
        assert source.read("a") == store.files["a"]
        assert source.read("a") == store.files["a"]
    assert store.calls == ["DownloadArtifact", "ReadBlob b", "ReadBlob a"]


def test_a_file_left_half_read_does_not_spoil_the_next(serve: Serve) -> None:
    store = store_of({"a": big(1), "b": big(2)})
    with opened(serve, store) as source:
        with source.open("a") as stream:
            assert stream.read(10) == bytes([1]) * 10
        assert source.read("b") == store.files["b"]
    assert store.calls == ["DownloadArtifact", "ReadBlob b"]


def test_two_files_can_be_read_side_by_side(serve: Serve) -> None:
    store = store_of({"a": big(1), "b": big(2)})
    with opened(serve, store) as source, source.open("a") as first, source.open("b") as second:
        assert (first.read(), second.read()) == (store.files["a"], store.files["b"])


@pytest.mark.parametrize("damage", [b"other", b"", b"bytes and more"])
def test_a_small_version_with_wrong_bytes_is_never_opened(serve: Serve, damage: bytes) -> None:
    store = store_of({"a": b"fine", "x": b"bytes"})
    store.damaged = {"x": damage}
    with pytest.raises(CorruptDataError, match="file 'x'"):
        opened(serve, store)


def test_a_large_file_with_wrong_bytes_is_found_by_every_way_of_reading(serve: Serve, tmp_path: Path) -> None:
    store = store_of({"a": big(1), "b": big(2)})
    store.damaged = {"b": big(2)[:-1] + b"!"}
    with opened(serve, store) as source:
        with pytest.raises(CorruptDataError, match="file 'b'"):
            source.fetch(tmp_path / "target")
        assert list((tmp_path / "target").iterdir()) == []
        with pytest.raises(CorruptDataError, match="file 'b'"):
            source.read("b")


def test_fetching_writes_every_file_of_the_value(serve: Serve, tmp_path: Path) -> None:
    store = store_of({"a": big(1), "d/b": big(2), "d/empty": b"", ".argosy/previews/p": b"p"})
    with opened(serve, store) as source:
        source.fetch(tmp_path)
    written = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert {"a", "d/b", "d/empty"} == set(written)
    assert all(path.read_bytes() == store.files[name] for name, path in written.items())


def message(**part: object) -> DownloadArtifactResponse:
    return DownloadArtifactResponse(**part)  # type: ignore[arg-type]  # one of the parts


FILE = ArtifactFile(path="x", digest=digest_of(b"x"), size_bytes=1)
OTHER = ArtifactFile(path="y", digest=digest_of(b"y"), size_bytes=1)
VERSION = message(version=ArtifactVersion(files=[FILE], size_bytes=1))
BEGIN, CHUNK = message(file_start=DownloadFileStart(file=FILE)), message(chunk=b"x")


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([], "does not begin with the version"),
        ([BEGIN], "does not begin with the version"),
        ([VERSION], "file 'x' does not begin where it should"),
        ([VERSION, message(file_start=DownloadFileStart(file=OTHER))], "file 'x' does not begin where it should"),
        ([VERSION, BEGIN, BEGIN], "file_start came inside file 'x'"),
        ([VERSION, BEGIN], "ends inside file 'x'"),
        ([VERSION, BEGIN, CHUNK], "ends inside file 'x'"),
        ([VERSION, BEGIN, CHUNK, CHUNK], "a file is longer than recorded"),
        ([VERSION, BEGIN, CHUNK, message(file_end=DownloadFileEnd()), CHUNK], "something follows the last file"),
    ],
)
def test_a_server_that_breaks_the_contract_is_refused(
    serve: Serve, messages: list[DownloadArtifactResponse], complaint: str
) -> None:
    peer = OnlyArtifacts(lambda: iter(messages))  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    with pytest.raises(InternalServiceError, match=complaint):
        open_version(connect(serve(peer)), VersionSelector(name="x"))
