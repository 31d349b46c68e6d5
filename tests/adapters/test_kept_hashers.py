"""A process that goes on with an upload does not hash again what it has hashed, and never what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from argosy_server.adapters.blobs.local_storage import LocalStorage
from argosy_server.adapters.metadata import open_metadata
from argosy_server.domain.blob import BlobHasher
from argosy_server.domain.errors import Superseded
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs import kept_hashers, upload_blob
from argosy_server.usecases.blobs.kept_hashers import KeptHashers
from argosy_server.usecases.blobs.upload_blob import create_upload, get_upload, write_upload

CHUNK = 1 << 20


class Counting(LocalStorage):
    """Counts the bytes that are read, and calls ``then`` with each piece."""

    read_bytes = 0

    def then(self) -> None:
        """Do nothing."""

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        for data in super().read(location, start, stop):
            self.read_bytes += len(data)
            yield data
            self.then()


def fed(size: int) -> BlobHasher:
    hasher = BlobHasher()
    hasher.update(bytes(size))
    return hasher


def test_a_hasher_is_given_once_and_only_for_bytes_that_are_there() -> None:
    hashers = KeptHashers()
    first = fed(10)
    hashers.put("a/b", first)
    assert hashers.take("a/other", 10).size == 0
    assert hashers.take("a/b", 10) is first
    assert hashers.take("a/b", 10).size == 0
    hashers.put("a/b", first)
    assert hashers.take("a/b", 9).size == 0


def test_of_several_places_to_go_on_the_furthest_that_fits_is_given() -> None:
    hashers = KeptHashers()
    hashers.put("a/b", fed(10), fed(20), fed(30))
    assert hashers.take("a/b", 29).size == 20


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_hashers, "MOST", 2)
    hashers = KeptHashers()
    for name in ("a", "b", "c"):
        hashers.put(name, fed(1))
    assert [hashers.take(name, 1).size for name in ("a", "b", "c")] == [0, 1, 1]


def test_hashing_that_is_overtaken_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_blob, "CHECK_SECONDS", 0.0)
    metadata = open_metadata(f"sqlite:///{tmp_path}/metadata.db", durability="process")
    storage, limits = Counting(tmp_path / "blobs", sync=False), Limits()
    with metadata.write() as tx:
        upload_id = create_upload(tx, limits, "p", None, 0).id

    def write(hashers: KeptHashers, chunks: list[bytes], offset: int, epoch: int = 0) -> int:
        return write_upload(metadata, storage, limits, hashers, "p", upload_id, offset, epoch, iter(chunks))

    write(KeptHashers(), [bytes(CHUNK)] * 8, 0)
    hashers = KeptHashers()  # as after a restart

    def overtake() -> None:
        if storage.read_bytes == 3 * CHUNK:
            with metadata.write() as tx:
                upload = tx.uploads.get("p", upload_id)
                tx.uploads.put(replace(upload, epoch=upload.epoch + 1), limits.upload_lease)

    storage.then = overtake  # type: ignore[method-assign]  # a later stream opens just now
    with pytest.raises(Superseded):
        write(hashers, [], 8 * CHUNK)
    assert storage.read_bytes == 4 * CHUNK
    write(hashers, [b"end"], 8 * CHUNK)
    assert storage.read_bytes - 4 * CHUNK <= 5 * CHUNK
    received = get_upload(metadata, "p", upload_id)
    whole = fed(8 * CHUNK)
    whole.update(b"end")
    assert (received.size, received.digest) == (8 * CHUNK + 3, whole.digest())
    metadata.close()
