"""Versions on their way out: what a value is made of was verified, whatever the server sends."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from argosy.config import ClientConfig
from argosy.errors import CorruptDataError, InternalServiceError, NotFoundError
from argosy.materializers.files import FileSource
from argosy.transport.connection import connect
from argosy.transport.download import small_files
from argosy.transport.download.open_version import DownloadedVersion, open_version
from argosy.transport.progress import Progress
from argosy.transport.rpc import retry
from argosy.v1.artifact_pb2 import ArtifactFile, ArtifactVersion, VersionSelector
from argosy.v1.artifact_service_pb2 import GetArtifactVersionRequest, GetArtifactVersionResponse
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceServicer
from argosy.v1.blob_service_pb2 import (
    BatchReadBlobsRequest,
    BatchReadBlobsResponse,
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    ReadBlobRequest,
    ReadBlobResponse,
)
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer
from argosy.v1.errors_pb2 import ItemStatus
from tests.unit.transport.memory_store import digest_of, refuse

Open = Callable[..., DownloadedVersion]
MIB = 1 << 20
BIG = 3 << 20
"""A version with a file of this size does not come by one call."""
MIDDLE = 200 << 10
"""A file of this size comes with others."""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0001)


class Store(ArtifactServiceServicer, BlobServiceServicer):
    """Holds one version; counts the calls, and sends other bytes for the paths in ``damaged``.

    Attributes:
        calls: what was asked for, in order.
        cut: how many of the next ReadBlob calls end after their first chunk.
        statuses: how the items of paths in it end in a batch.
    """

    def __init__(self, files: dict[str, bytes], **limits: int) -> None:
        self.files = files
        self.damaged: dict[str, bytes] = {}
        self.statuses: dict[str, ItemStatus] = {}
        self.calls: list[str] = []
        self.cut = 0
        self._limits = {"max_batch_bytes": 2 << 20, "max_batch_items": 1000, **limits}

    def GetCapabilities(
        self, request: GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> GetCapabilitiesResponse:
        return GetCapabilitiesResponse(
            protocol_revision=1,
            oldest_protocol_revision=1,
            **self._limits,  # type: ignore[arg-type]  # all of them are numbers
        )

    def GetArtifactVersion(
        self, request: GetArtifactVersionRequest, context: grpc.ServicerContext
    ) -> GetArtifactVersionResponse:
        self.calls.append("GetArtifactVersion")
        files = [
            ArtifactFile(path=path, digest=digest_of(content), size_bytes=len(content))
            for path, content in self.files.items()
        ]
        size = sum(file.size_bytes for file in files)
        version = ArtifactVersion(id="the-id", name="x", version="1", files=files, size_bytes=size)
        contents = [self.damaged.get(path, content) for path, content in self.files.items()]
        return GetArtifactVersionResponse(
            artifact_version=version, contents=contents if size <= request.max_content_bytes else []
        )

    def ReadBlob(self, request: ReadBlobRequest, context: grpc.ServicerContext) -> Iterator[ReadBlobResponse]:
        path = self._path(request.digest)
        self.calls.append(f"ReadBlob {path}")
        content = self.damaged.get(path, self.files[path])
        stop = request.offset + request.limit if request.limit else len(content)
        for start in range(request.offset, min(stop, len(content)), MIB):
            yield ReadBlobResponse(chunk=content[start : min(start + MIB, stop)])
            if self.cut:
                self.cut -= 1
                refuse(context, grpc.StatusCode.UNAVAILABLE)

    def BatchReadBlobs(self, request: BatchReadBlobsRequest, context: grpc.ServicerContext) -> BatchReadBlobsResponse:
        paths = [self._path(digest) for digest in request.digests]
        self.calls.append(f"BatchReadBlobs {' '.join(paths)}")
        response = BatchReadBlobsResponse()
        for path in paths:
            response.results.add(
                content=self.damaged.get(path, self.files[path]), status=self.statuses.get(path, ItemStatus())
            )
        return response

    def _path(self, digest: str) -> str:
        return next(path for path, content in self.files.items() if digest_of(content) == digest)


Serve = Callable[..., ClientConfig]


def store_of(files: dict[str, bytes], **limits: int) -> Store:
    return Store(files, **limits)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED


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
    assert store.calls == ["GetArtifactVersion"]


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


def test_of_a_large_version_only_the_files_that_are_read_are_moved(serve: Serve) -> None:
    store = store_of({"a": big(1), "b": big(2), "c": b"c"})
    with opened(serve, store) as source:
        assert source.paths == ["a", "b", "c"]
        assert store.calls == ["GetArtifactVersion"]
        assert source.read("b") == store.files["b"]
    assert store.calls == ["GetArtifactVersion", "ReadBlob b"]


def test_a_large_file_is_streamed_by_as_few_calls_as_reading_ahead_allows(serve: Serve) -> None:
    store = store_of({"a": big(1)})
    with opened(serve, store) as source, source.open("a") as stream:
        target = bytearray(BIG)
        assert stream.readinto(target) == BIG  # type: ignore[attr-defined]  # BinaryIO lacks readinto
    assert target == store.files["a"]
    assert store.calls == ["GetArtifactVersion", "ReadBlob a"]


@pytest.mark.parametrize("way", ["read", "open", "buffer"])
def test_a_large_file_that_breaks_on_its_way_goes_on(serve: Serve, way: str) -> None:
    store = store_of({"a": big(1)[:-1] + b"!"})
    store.cut = 2
    with opened(serve, store) as source:
        got = source.open("a").read() if way == "open" else bytes(getattr(source, way)("a"))
    assert got == store.files["a"]


def test_small_files_of_a_large_version_come_many_at_a_time(serve: Serve) -> None:
    small = {f"s{number}": bytes([number]) * MIDDLE for number in range(4)}
    store = store_of({"a": big(1), **small})
    with opened(serve, store) as source:
        assert {path: source.read(path) for path in small} == small
    assert store.calls == ["GetArtifactVersion", "BatchReadBlobs s0 s1 s2 s3"]


def test_a_batch_begins_with_what_is_wanted_and_brings_no_more_than_one_call_may(serve: Serve) -> None:
    small = {f"s{number}": bytes([number]) * MIDDLE for number in range(6)}
    store = store_of({"a": big(1), **small}, max_batch_bytes=2 * MIDDLE)
    with opened(serve, store) as source:
        for path in ("s2", "s3", "s4"):
            assert source.read(path) == small[path]
    assert store.calls[1:] == ["BatchReadBlobs s2 s3", "BatchReadBlobs s4 s5"]
    few = store_of({"a": big(1), **small}, max_batch_items=3)
    with opened(serve, few) as source:
        assert source.read("s0") == small["s0"]
    assert few.calls[1:] == ["BatchReadBlobs s0 s1 s2"]


def test_equal_small_files_move_once(serve: Serve) -> None:
    store = store_of({"a": big(1), "s0": b"same" * 1000, "s1": b"same" * 1000})
    with opened(serve, store) as source:
        assert source.read("s1") == source.read("s0") == b"same" * 1000
    assert store.calls == ["GetArtifactVersion", "BatchReadBlobs s0"]


@pytest.mark.parametrize("order", ["forward", "backward", "scattered"])
def test_small_files_come_once_in_whatever_order_they_are_read(serve: Serve, order: str) -> None:
    small = {f"s{number}": bytes([number % 256]) * 2000 + bytes([number // 256]) for number in range(600)}
    store = store_of({"a": big(1), **small}, max_batch_items=100)
    paths = list(small)
    if order == "backward":
        paths.reverse()
    elif order == "scattered":
        random.Random(1).shuffle(paths)
    with opened(serve, store) as source:
        assert all(source.read(path) == small[path] for path in paths)
    moved = [path for call in store.calls[1:] for path in call.split()[1:]]
    assert sorted(moved) == sorted(small)
    assert len(store.calls) <= 1 + 12


def test_files_named_by_numbers_come_in_the_order_of_the_numbers(serve: Serve) -> None:
    small = {f"items/{number}/data": bytes([number]) * MIDDLE for number in (0, 1, 10, 11, 2, 3)}
    store = store_of({"a": big(1), **small}, max_batch_bytes=3 * MIDDLE)
    with opened(serve, store) as source:
        for number in (0, 1, 2, 3, 10, 11):
            source.read(f"items/{number}/data")
    assert store.calls[1:] == [
        "BatchReadBlobs items/0/data items/1/data items/2/data",
        "BatchReadBlobs items/3/data items/10/data items/11/data",
    ]


def test_what_came_along_takes_a_bounded_part_of_memory(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_files, "KEPT_BYTES", 3 * MIDDLE)
    small = {f"s{number}": bytes([number]) * MIDDLE for number in range(6)}
    store = store_of({"a": big(1), **small}, max_batch_bytes=6 * MIDDLE)
    with opened(serve, store) as source:
        assert [source.read(path) for path in small] == list(small.values())
    assert 2 <= len(store.calls[1:]) <= 4


def test_an_item_of_a_batch_that_is_refused_is_told_by_its_path(serve: Serve) -> None:
    store = store_of({"a": big(1), "s0": b"0" * 5000, "s1": b"1" * 5000})
    status = ItemStatus(code=grpc.StatusCode.DATA_LOSS.value[0], reason="BLOB_CORRUPT", message="damaged")
    store.statuses = {"s1": status}
    with opened(serve, store) as source, pytest.raises(CorruptDataError, match="file 's1': damaged"):
        source.read("s0")


def test_wrong_bytes_of_a_batch_are_never_returned(serve: Serve) -> None:
    store = store_of({"a": big(1), "s0": b"0" * 5000})
    store.damaged = {"s0": b"0" * 4999 + b"!"}
    with opened(serve, store) as source, pytest.raises(CorruptDataError, match="file 's0' arrived as"):
        source.read("s0")


def test_memory_of_a_file_may_be_written_to_and_is_the_callers_own(serve: Serve) -> None:
    store = store_of({"a": big(1), "s": b"small"})
    with opened(serve, store) as source:
        for path in ("a", "s"):
            memory = source.buffer(path)
            memory[0] = 255
            assert bytes(source.buffer(path)) == store.files[path]


def test_two_files_can_be_read_side_by_side(serve: Serve) -> None:
    store = store_of({"a": big(1), "b": big(2)})
    with opened(serve, store) as source, source.open("a") as first, source.open("b") as second:
        assert (first.read(), second.read()) == (store.files["a"], store.files["b"])


def test_what_arrives_is_told_and_comes_out_even(serve: Serve) -> None:
    class Counted(Progress):
        total = done = 0

        def expect(self, total_bytes: int) -> None:
            self.total += total_bytes

        def advance(self, count: int) -> None:
            self.done += count

    for files in ({"x": b"1", "y": b"22"}, {"a": big(1), "b": big(2), "s": b"small"}):
        counted = Counted()
        with open_version(connect(serve(store_of(files))), VersionSelector(name="x"), counted) as source:
            source.buffer("a" if "a" in files else "x")
            for path in list(files)[1:]:
                source.open(path).read()
        size = sum(len(content) for content in files.values())
        assert (counted.total, counted.done) == (size, size)


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
        for read in (source.read, source.buffer, lambda path: source.open(path).read()):
            with pytest.raises(CorruptDataError, match="file 'b'"):
                read("b")


def test_fetching_writes_every_file_of_the_value(serve: Serve, tmp_path: Path) -> None:
    store = store_of({"a": big(1), "d/b": big(2), "d/empty": b"", ".argosy/previews/p": b"p"})
    with opened(serve, store) as source:
        source.fetch(tmp_path)
    written = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert {"a", "d/b", "d/empty"} == set(written)
    assert all(path.read_bytes() == store.files[name] for name, path in written.items())


class Answering(ArtifactServiceServicer):
    """Answers every question for a version alike."""

    def __init__(self, answer: GetArtifactVersionResponse) -> None:
        self._answer = answer

    def GetArtifactVersion(
        self, request: GetArtifactVersionRequest, context: grpc.ServicerContext
    ) -> GetArtifactVersionResponse:
        return self._answer


def test_a_server_that_breaks_the_contract_is_refused(serve: Serve) -> None:
    version = ArtifactVersion(files=[ArtifactFile(path="x", digest=digest_of(b"x"), size_bytes=1)], size_bytes=1)
    answer = GetArtifactVersionResponse(artifact_version=version, contents=[b"x", b"y"])
    peer = Answering(answer)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    with pytest.raises(InternalServiceError, match="2 contents for 1 files"):
        open_version(connect(serve(peer)), VersionSelector(name="x"))


def test_a_version_that_was_deleted_is_not_found(serve: Serve) -> None:
    answer = GetArtifactVersionResponse(artifact_version=ArtifactVersion(name="x", version="3", deleted=True))
    peer = Answering(answer)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    with pytest.raises(NotFoundError, match="'x' version 3 was deleted"):
        open_version(connect(serve(peer)), VersionSelector(name="x"))
