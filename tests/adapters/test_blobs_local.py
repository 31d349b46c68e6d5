from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from argosy_server.adapters.blobs import open_storage
from argosy_server.adapters.blobs.local_storage import LocalStorage
from argosy_server.domain.errors import StorageFull, StorageUnavailable
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
