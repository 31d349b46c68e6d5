from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from argosy_server.adapters.blobs import local_storage, open_storage
from argosy_server.adapters.blobs.local_storage import LocalStorage
from argosy_server.domain.errors import StorageFull, StorageUnavailable
from argosy_server.domain.identifiers import new_id
from argosy_server.usecases.ports import BlobStorage
from tests.contracts.blob_storage import BlobStorageContract, location, put

__all__ = ["location"]
FULL_DEVICE = Path("/dev/full")


@pytest.fixture(params=["full", "process"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStorage:
    return open_storage(str(tmp_path / "blobs"), durability=request.param)


class TestLocalStorage(BlobStorageContract):
    pass


class Disk:
    """Records the inode of what is told to reach the disk, and may fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.synced: list[int] = []
        self.failure = 0
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self._fsync)

    def _fsync(self, descriptor: int) -> None:
        if self.failure:
            raise OSError(self.failure, os.strerror(self.failure))
        self._sync(descriptor)
        self.synced.append(os.fstat(descriptor).st_ino)


def inodes(*paths: Path) -> list[int]:
    return [path.stat().st_ino for path in paths]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_stores_that_claim_a_folder_at_once_agree_whose_it_is_and_leave_nothing_else(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        owners = set(pool.map(LocalStorage(tmp_path, sync=False).claim, [new_id() for _ in range(16)]))
    assert len(owners) == 1
    assert [path.name for path in tmp_path.iterdir()] == [".store-id"]


def test_a_folder_without_links_is_claimed_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    storage, store_id = LocalStorage(tmp_path, sync=False), new_id()
    assert (storage.claim(store_id), storage.owner()) == (store_id, store_id)
    assert [path.name for path in tmp_path.iterdir()] == [".store-id"]


@pytest.mark.parametrize("text", ["", "half-an-i", "x" * 36])
def test_a_folder_nobody_can_tell_whose_it_is_is_refused_with_the_cure(tmp_path: Path, text: str) -> None:
    (tmp_path / ".store-id").write_text(text)
    storage = LocalStorage(tmp_path, sync=False)
    for use in (storage.owner, lambda: storage.claim(new_id())):
        with pytest.raises(StorageUnavailable, match="remove it if these blobs belong to this database"):
            use()


def test_the_id_of_a_store_reaches_the_disk_before_its_name(tmp_path: Path, disk: Disk) -> None:
    LocalStorage(tmp_path, sync=False).claim(new_id())
    assert disk.synced == inodes(tmp_path / ".store-id")


def test_full_durability_syncs_the_file_its_folder_and_every_new_parent(tmp_path: Path, disk: Disk) -> None:
    storage = LocalStorage(tmp_path / "new/blobs", sync=True)
    assert disk.synced == inodes(tmp_path, tmp_path / "new")
    disk.synced.clear()
    put(storage, "ab/one", b"bytes")
    folder = tmp_path / "new/blobs/ab"
    assert disk.synced == inodes(folder / "one", folder, folder.parent)
    disk.synced.clear()
    put(storage, "ab/two", b"bytes")
    assert disk.synced == inodes(folder / "two", folder)


def test_a_folder_somebody_else_made_is_synced_as_well_for_he_may_have_died_before_he_did(
    tmp_path: Path, disk: Disk
) -> None:
    storage = LocalStorage(tmp_path, sync=True)
    (tmp_path / "ab").mkdir()
    put(storage, "ab/one", b"bytes")
    assert disk.synced == inodes(tmp_path / "ab/one", tmp_path / "ab", tmp_path)


def test_process_durability_syncs_nothing(tmp_path: Path, disk: Disk) -> None:
    put(LocalStorage(tmp_path / "blobs", sync=False), "ab/one", b"bytes")
    assert disk.synced == []


def test_a_failed_sync_fails_the_write_and_the_bytes_can_be_discarded(tmp_path: Path, disk: Disk) -> None:
    storage = LocalStorage(tmp_path / "blobs", sync=True)
    writer = storage.open_writer("one")
    writer.write(b"bytes")
    disk.failure = errno.EIO
    with pytest.raises(StorageUnavailable, match="the device reports an error; check the disk"):
        writer.finish()
    writer.discard()
    assert list(storage.locations()) == []


def test_a_mark_brings_the_bytes_to_the_disk_and_only_with_full_durability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(local_storage, "_sync_data", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    for sync, expected in ((False, []), (True, [5, 11])):
        writer = LocalStorage(tmp_path / str(sync), sync=sync).open_writer("one")
        writer.write(b"first")
        assert writer.mark()
        writer.write(b"second")
        assert writer.mark()
        writer.finish()
        assert synced == expected


def test_a_file_whose_name_cannot_be_synced_is_nobody_elses_before_it_is_discarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path / "blobs", sync=True)
    writer = storage.open_writer("one")
    writer.write(b"bytes")
    real = os.fsync

    def fail_for_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail_for_folders)
    with pytest.raises(StorageUnavailable, match="the device reports an error"):
        writer.suspend()
    monkeypatch.setattr(os, "fsync", real)
    assert storage.resume_writer("one", 5) is None
    writer.discard()
    assert list(storage.locations()) == []


def test_a_later_writer_waits_for_one_that_is_about_to_let_go(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path, sync=False)
    writer = storage.open_writer("one")
    writer.write(b"bytes")
    leaving = threading.Timer(0.2, writer.suspend)
    leaving.start()
    later = storage.resume_writer("one", 5)
    leaving.join()
    assert later is not None
    later.discard()


def test_another_process_that_writes_keeps_the_file(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path, sync=False)
    code = (
        "import sys; from argosy_server.adapters.blobs.local_storage import LocalStorage\n"
        "writer = LocalStorage(sys.argv[1], sync=False).open_writer('one')\n"
        "writer.write(b'bytes'); print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert storage.resume_writer("one", 5) is None
        process.kill()
    later = storage.resume_writer("one", 5)
    assert later is not None
    later.discard()


@pytest.mark.timeout(10)
def test_only_a_plain_file_is_adopted(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path, sync=True)
    assert storage.adopt("absent") is None
    (tmp_path / "file").write_bytes(b"bytes")
    assert storage.adopt("file") == 5
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        with pytest.raises(StorageUnavailable):
            storage.adopt(name)


def test_a_file_that_is_adopted_is_as_durable_as_one_that_was_written(tmp_path: Path, disk: Disk) -> None:
    storage = LocalStorage(tmp_path, sync=True)
    path = storage.local_path("ab/one")
    path.write_bytes(b"bytes")
    disk.synced.clear()
    assert storage.adopt("ab/one") == 5
    assert disk.synced == inodes(path, path.parent, tmp_path)


def test_a_location_is_never_written_twice(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path, sync=False)
    put(storage, "one", b"first")
    with pytest.raises(StorageUnavailable, match="a file is in the way"):
        storage.open_writer("one")
    assert b"".join(storage.read("one", 0, 5)) == b"first"


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path, sync=False)
    writer = storage.open_writer("one")
    # What a file on a full disk does, without the disk.
    device = os.open(FULL_DEVICE, os.O_WRONLY)
    os.dup2(device, writer._file.fileno())  # type: ignore[attr-defined]  # the descriptor under the writer
    os.close(device)
    with pytest.raises(StorageFull, match=r"no room left for blobs in .* free space there, reading still works"):
        writer.write(b"bytes")
    writer.discard()
    assert list(storage.locations()) == []


def test_a_root_that_is_a_file_is_refused_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageUnavailable, match="a file is in the way"):
        LocalStorage(tmp_path / "file", sync=False)
    with pytest.raises(StorageUnavailable, match="a file is in the way; remove it"):
        LocalStorage(tmp_path / "file/blobs", sync=False)


def test_a_file_url_is_a_folder_with_real_durability(tmp_path: Path, disk: Disk) -> None:
    storage = open_storage((tmp_path / "with space").as_uri(), durability="full")
    put(storage, "one", b"bytes")
    assert (tmp_path / "with space/one").read_bytes() == b"bytes"
    assert inodes(tmp_path / "with space/one")[0] in disk.synced


def test_stored_files_are_not_executable(tmp_path: Path) -> None:
    put(LocalStorage(tmp_path, sync=False), "one", b"bytes")
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) & 0o111 == 0
