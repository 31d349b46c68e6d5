"""The files of the store itself: written once, mapped, verified; nothing else is ever read or written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from argosy.config import resolve
from argosy.errors import CorruptDataError, NotFoundError, UnavailableError
from argosy.materializers.files import FileContent
from argosy.transport.bypass.direct_files import DirectFiles
from argosy.transport.clients.blob_client import BlobClient
from argosy.transport.connection import Connection, connect, disconnect_all
from argosy.transport.download.open_version import find_version
from argosy.transport.rpc import retry
from argosy.transport.upload.save_version import save_version
from argosy.transport.upload.upload_files import upload_files
from argosy.v1.artifact_pb2 import ArtifactSpec, VersionSelector
from argosy.v1.blob_pb2 import DirectAccess
from argosy.v1.blob_service_pb2 import CommitUploadResponse
from tests.unit.transport.memory_store import digest_of

BIG = bytes(range(256)) * 4096 * 9 + b"tail"
"""A little more than two pieces."""
TOKEN = "0123456789abcdef" * 4


def content(data: bytes = BIG) -> FileContent:
    return FileContent("big", buffers=(memoryview(data),))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0001)
    yield connect(resolve(home=tmp_path / "home"))
    disconnect_all()


def direct_of(store: Connection) -> DirectFiles:
    assert store.direct is not None
    return store.direct


def files_of(store: Connection) -> list[Path]:
    """The files of blobs and uploads."""
    found = sorted(path for path in direct_of(store).folder.rglob("*") if path.is_file())
    return [path for path in found if path.name[0] != "."]


def write(store: Connection, data: bytes = BIG) -> str:
    digest = direct_of(store).write(store.blobs, content(data), lambda _: None)
    assert digest is not None
    return digest


def mapped_of(store: Connection, digest: str, size: int) -> bytes | None:
    mapped = direct_of(store).map(store.blobs, digest, size)
    return None if mapped is None else bytes(mapped)


def test_a_large_file_is_written_to_the_store_itself_and_mapped_back(store: Connection) -> None:
    steps: list[int] = []
    digest = direct_of(store).write(store.blobs, content(), steps.append)
    assert (digest, sum(steps)) == (digest_of(BIG), len(BIG))
    (path,) = files_of(store)
    assert path.read_bytes() == BIG
    assert mapped_of(store, digest_of(BIG), len(BIG)) == BIG
    with store.blobs.read_blob(digest_of(BIG)) as messages:  # the server's checksums of its pieces are right too
        assert b"".join(bytes(message.chunk) for message in messages) == BIG


def test_what_is_written_to_a_mapping_stays_with_the_process(store: Connection) -> None:
    digest = write(store)
    mapped = direct_of(store).map(store.blobs, digest, len(BIG))
    assert mapped is not None
    mapped[:4] = b"mine"
    assert mapped_of(store, digest, len(BIG)) == BIG


@pytest.mark.parametrize("place", [0, 4 << 20, len(BIG) - 1])
def test_a_byte_that_was_changed_in_the_file_is_found(store: Connection, place: int) -> None:
    digest = write(store)
    (path,) = files_of(store)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(bytes([BIG[place] ^ 1]))
    direct = direct_of(store)
    with pytest.raises(CorruptDataError, match=r"has blake3:.*nothing of it was used: save the same value again"):
        direct.map(store.blobs, digest, len(BIG))
    stream = direct.stream(store.blobs, digest, len(BIG), lambda _count: None)
    assert stream is not None
    with (
        stream,
        pytest.raises(CorruptDataError, match=r"has blake3:.*nothing of it was used: save the same value again"),
    ):
        stream.readall()


@pytest.mark.parametrize("step", [1000, 1 << 20, 64 << 20])
def test_a_stream_gives_the_bytes_in_order_and_tells_how_many(store: Connection, step: int) -> None:
    told: list[int] = []
    stream = direct_of(store).stream(store.blobs, write(store), len(BIG), told.append)
    assert stream is not None
    with stream:
        first = stream.read(step)
        assert first + stream.readall() == BIG
        assert stream.read(1) == b""
    assert sum(told) == len(BIG)


def test_a_file_that_is_cut_while_it_is_streamed_is_found(store: Connection) -> None:
    digest = write(store)
    stream = direct_of(store).stream(store.blobs, digest, len(BIG), lambda _count: None)
    assert stream is not None
    (path,) = files_of(store)
    os.truncate(path, len(BIG) - 10)
    with stream, pytest.raises(CorruptDataError, match="ends 10 bytes early"):
        stream.readall()


def test_a_blob_of_a_row_or_of_another_size_is_not_mapped(store: Connection) -> None:
    (files,) = upload_files(store, [[content(b"x" * 5000)]], inline_bytes=0)
    assert direct_of(store).map(store.blobs, files[0].digest, 5000) is None
    assert direct_of(store).map(store.blobs, write(store), len(BIG) + 1) is None
    with pytest.raises(NotFoundError):
        direct_of(store).map(store.blobs, digest_of(b"absent"), 6)


def test_a_file_that_cannot_be_read_leaves_nothing(store: Connection) -> None:
    class Unreadable(FileContent):
        def chunks(self, start: int = 0, chunk_bytes: int = 0) -> Iterator[bytes | memoryview]:
            yield BIG[:1000]
            raise OSError("the disk reports an error")

    with pytest.raises(OSError, match="the disk reports an error"):
        direct_of(store).write(store.blobs, Unreadable("x", buffers=()), lambda _: None)
    assert files_of(store) == []


class Unheard(BlobClient):
    """Loses every answer to a commit; the store has it all the same."""

    def commit_upload(
        self,
        upload_id: str,
        digest: str,
        size_bytes: int,
        piece_checksums: bytes = b"",
        deadline: float | None = None,
    ) -> CommitUploadResponse:
        super().commit_upload(upload_id, digest, size_bytes, piece_checksums)
        raise UnavailableError("the line broke")


def test_the_file_of_a_commit_nobody_heard_of_is_left_for_it_may_be_the_blobs(store: Connection) -> None:
    unheard = Unheard(store.channel, store.blobs._calls)
    with pytest.raises(UnavailableError, match="the line broke"):
        direct_of(store).write(unheard, content(), lambda _: None)
    assert mapped_of(store, digest_of(BIG), len(BIG)) == BIG


class Refused(BlobClient):
    """Refuses every commit before the store hears of it."""

    def commit_upload(
        self,
        upload_id: str,
        digest: str,
        size_bytes: int,
        piece_checksums: bytes = b"",
        deadline: float | None = None,
    ) -> CommitUploadResponse:
        raise UnavailableError("the line broke")


def test_the_file_of_an_upload_that_was_given_up_is_removed(store: Connection) -> None:
    refused = Refused(store.channel, store.blobs._calls)
    with pytest.raises(UnavailableError):
        direct_of(store).write(refused, content(), lambda _: None)
    assert files_of(store) == []


def test_a_file_longer_or_shorter_than_it_was_is_what_it_is_when_it_is_written(store: Connection) -> None:
    class Growing(FileContent):
        @property
        def size_bytes(self) -> int:
            return len(BIG) // 2

    ((file,),) = upload_files(store, [[Growing("x", buffers=(memoryview(BIG),))]])
    assert file.digest == digest_of(BIG)


def test_a_server_that_lets_nobody_use_its_files_any_more_gets_the_bytes_by_the_wire(store: Connection) -> None:
    stale = replace(store, direct=replace(direct_of(store), token="0" * 64))
    save_version(stale, ArtifactSpec(name="x", format="bytes"), [content()])
    version = find_version(stale, VersionSelector(name="x"))
    assert version.read("big") == version.buffer("big") == BIG


def test_content_the_store_knows_is_hashed_and_not_written(store: Connection) -> None:
    write(store)
    before = files_of(store)
    other = bytes(len(BIG))  # of the same size, so that it is hashed first too
    files = upload_files(store, [[content(), FileContent("other", buffers=(memoryview(other),))]])[0]
    assert [file.digest for file in files] == [digest_of(BIG), digest_of(other)]
    assert len(files_of(store)) == len(before) + 1
    assert mapped_of(store, digest_of(other), len(other)) == other


def test_content_that_changes_between_hashing_and_writing_never_gets_the_digest_it_had(store: Connection) -> None:
    write(store)  # now the store knows the size, so that content of it is hashed before it is written
    texts = [bytes([fill]) * len(BIG) for fill in (1, 2, 3)]

    class Changing(FileContent):
        def chunks(self, start: int = 0, chunk_bytes: int = 0) -> Iterator[bytes | memoryview]:
            yield texts.pop(0)

    ((file,),) = upload_files(store, [[Changing("x", buffers=(memoryview(bytes(len(BIG))),))]])
    assert file.digest == digest_of(bytes([2]) * len(BIG))
    assert mapped_of(store, file.digest, len(BIG)) == bytes([2]) * len(BIG)


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
from pathlib import Path
from argosy.config import resolve
from argosy.errors import ResourceExhaustedError
from argosy.materializers.files import FileContent
from argosy.transport.connection import connect
store = connect(resolve(home=Path(sys.argv[1])))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (6 << 20, 6 << 20))
try:
    store.direct.write(store.blobs, FileContent("x", buffers=(memoryview(bytes(9 << 20)),)), lambda _: None)
except ResourceExhaustedError as error:
    print(error.reason, error)
print([path.name for path in store.direct.folder.rglob("*") if path.is_file() and path.name[0] != "."])
"""
    home = str(tmp_path / "home")
    shown = subprocess.run([sys.executable, "-c", code, home], capture_output=True, text=True, check=True)
    told, left = shown.stdout.splitlines()
    assert told.startswith("STORAGE_FULL no room left where the store keeps its files (File too large); free space")
    assert left == "[]"


def token_file(folder: Path, name: str = ".read-token", text: str = TOKEN) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def find(read: Path | str = "", write: Path | str = "") -> DirectFiles | None:
    return DirectFiles.find(DirectAccess(read_token_file=str(read), write_token_file=str(write)))


def test_who_can_read_a_token_may_do_what_it_is_for(tmp_path: Path) -> None:
    read, write = token_file(tmp_path), token_file(tmp_path, ".write-token", "f" * 64)
    assert find(read, tmp_path / "absent/.write-token") == DirectFiles(tmp_path, TOKEN, writes=False)
    assert find(read, write) == DirectFiles(tmp_path, "f" * 64, writes=True)
    assert find() is None


@pytest.mark.parametrize("text", ["", "f" * 63, "f" * 65, "F" * 64, "g" * 64, TOKEN + "\n", "\xff" * 64])
def test_what_is_no_token_is_never_sent(tmp_path: Path, text: str) -> None:
    assert find(token_file(tmp_path, text=text)) is None


def link(path: Path) -> None:
    path.symlink_to(token_file(path.parent, "elsewhere"))


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [link, pipe, Path.mkdir])
def test_only_a_plain_file_is_read_as_a_token(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / ".read-token")
    assert find(tmp_path / ".read-token") is None


def test_a_server_that_names_another_file_as_its_token_learns_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    token_file(tmp_path, "id_token")
    token_file(tmp_path)
    assert find(tmp_path / "id_token") is None
    assert find(".read-token") is None
    assert find(write=tmp_path / ".read-token") is None
