"""The storage of buckets, on each server of the S3 protocol there is."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from argosy_server.adapters.blobs import open_storage
from argosy_server.adapters.blobs.s3.multipart import part_size
from argosy_server.adapters.blobs.s3.storage import S3Storage
from argosy_server.adapters.metadata import open_metadata
from argosy_server.domain.blob import BlobHasher
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.domain.identifiers import new_id
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.commit_upload import commit_upload
from argosy_server.usecases.blobs.kept_hashers import KeptHashers
from argosy_server.usecases.blobs.upload_blob import create_upload, get_upload, write_upload
from argosy_server.usecases.ports import BlobStorage, BlobWriter, MetadataStore
from argosy_server.usecases.upkeep.sweep import sweep
from tests.backends.bucket import bucket
from tests.backends.object_store import ObjectStore
from tests.contracts.blob_storage import MIB, BlobStorageContract, get, location, names, put

__all__ = ["bucket", "location"]

PART = 5 * MIB
"""The least that stores take of all parts but the last."""


def bytes_of(size: int, seed: int = 0) -> bytes:
    """Return bytes of which no two stretches are equal, nor two seeds."""
    blocks = (hashlib.sha256(b"%d.%d" % (seed, number)).digest() for number in range(-(-size // 4096)))
    return b"".join(block * 128 for block in blocks)[:size]


CONTENT = bytes_of(2 * PART + 1 * MIB + 17)


@pytest.fixture
def storage(bucket: ObjectStore) -> BlobStorage:
    return open_storage(bucket.url, durability="full")


class TestS3Storage(BlobStorageContract):
    pass


def of_small_parts(bucket: ObjectStore) -> S3Storage:
    """Open the bucket as one process does; another call stands for another process."""
    storage = S3Storage(bucket.url, part_bytes=PART)
    storage.bucket.patience = 2.0  # moto calls an upload that is gone a defect of its own, which might pass
    return storage


def write_in_chunks(storage: BlobStorage, location: str, content: bytes) -> None:
    writer = storage.open_writer(location)
    for start in range(0, len(content), MIB):
        writer.write(content[start : start + MIB])
    writer.finish()


@pytest.mark.parametrize("size", [PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1])
def test_a_large_object_is_sent_in_parts_and_a_small_one_at_once(bucket: ObjectStore, location: str, size: int) -> None:
    storage = of_small_parts(bucket)
    write_in_chunks(storage, location, CONTENT[:size])
    assert get(storage, location, 0, size) == CONTENT[:size]
    tag = bucket.client().head_object(Bucket=bucket.bucket, Key=f"{bucket.prefix}/{location}")["ETag"].strip('"')
    assert tag.partition("-")[2] == ("" if size <= PART else str(-(-size // PART)))
    assert bucket.unfinished() == []


def test_parts_are_sent_to_where_the_object_will_be_and_nowhere_else(bucket: ObjectStore, location: str) -> None:
    storage = of_small_parts(bucket)
    writer = storage.open_writer(location)
    writer.write(CONTENT)
    assert [key for key, _ in bucket.unfinished()] == [location]
    assert (bucket.objects(), names(storage)) == ({}, [location])
    with pytest.raises(FileNotFoundError):
        get(storage, location, 0, 1)
    writer.finish()
    assert (bucket.objects(), bucket.unfinished()) == ({location: len(CONTENT)}, [])


def test_ten_thousand_parts_hold_more_than_any_object_may() -> None:
    sizes = [part_size(number, 8 * MIB) for number in range(1, 10_001)]
    assert sum(sizes) > 5 << 40
    assert sizes[:1000] == [8 * MIB] * 1000
    assert sizes == sorted(sizes)
    assert max(sizes) <= 5 << 30


@pytest.mark.parametrize("same_process", [True, False])
def test_another_process_goes_on_after_the_last_whole_part(
    bucket: ObjectStore, location: str, same_process: bool
) -> None:
    storage = of_small_parts(bucket)
    writer = storage.open_writer(location)
    writer.write(CONTENT)
    kept = writer.suspend()
    assert kept == storage.size(location) == 2 * PART
    storage = storage if same_process else of_small_parts(bucket)
    assert storage.resume_writer(location, kept - 1) is None  # no part ends there
    later = storage.resume_writer(location, kept)
    assert later is not None
    assert (later.readable, later.known) == (False, kept if same_process else 0)
    later.write(CONTENT[kept:])
    later.finish()
    assert get(storage, location, 0, len(CONTENT)) == CONTENT
    assert bucket.unfinished() == []


def test_parts_that_nobody_told_of_are_not_part_of_the_object(bucket: ObjectStore, location: str) -> None:
    lost = of_small_parts(bucket).open_writer(location)
    lost.write(CONTENT)
    assert lost.suspend() == 2 * PART
    storage = of_small_parts(bucket)
    later = storage.resume_writer(location, PART)
    assert later is not None
    later.write(b"the end")
    later.finish()
    assert get(storage, location, 0, PART + 7) == CONTENT[:PART] + b"the end"
    assert storage.size(location) == PART + 7


def test_a_writer_that_finds_all_parts_sent_has_only_to_put_them_together(bucket: ObjectStore, location: str) -> None:
    """As after a server that died just then."""
    writer = of_small_parts(bucket).open_writer(location)
    writer.write(CONTENT)
    writer._send()  # type: ignore[attr-defined]  # what finish does before it puts the parts together
    assert writer.suspend() == len(CONTENT)
    storage = of_small_parts(bucket)
    later = storage.resume_writer(location, len(CONTENT))
    assert later is not None
    later.finish()
    assert get(storage, location, 0, len(CONTENT)) == CONTENT


def test_whoever_has_more_to_send_goes_on_before_a_last_part_or_begins_again(
    bucket: ObjectStore, location: str
) -> None:
    storage = of_small_parts(bucket)
    writer = storage.open_writer(location)
    writer.write(CONTENT)
    writer._send()  # type: ignore[attr-defined]  # what finish does before it puts the parts together
    assert writer.suspend() == len(CONTENT)
    later = storage.resume_writer(location, len(CONTENT))
    assert later is not None
    with pytest.raises(StorageUnavailable, match="nothing can follow it"):
        later.write(b"more")
    assert later.salvage() == 2 * PART
    last = storage.resume_writer(location, 2 * PART)
    assert last is not None
    end_with(last, CONTENT[2 * PART :] + b"more")
    whole = storage.resume_writer(location, len(CONTENT) + 4)
    assert whole is not None
    with pytest.raises(StorageUnavailable, match="nothing can follow it"):
        whole.write(b"and more")
    assert whole.salvage() == 0
    assert get(storage, location, 0, len(CONTENT) + 4) == CONTENT + b"more"


def test_an_object_that_is_whole_can_be_gone_on_with_at_its_end_only(bucket: ObjectStore, location: str) -> None:
    storage = of_small_parts(bucket)
    write_in_chunks(storage, location, CONTENT)
    assert storage.resume_writer(location, PART) is None
    later = storage.resume_writer(location, len(CONTENT))
    assert later is not None
    assert later.readable
    with pytest.raises(StorageUnavailable, match="nothing can follow it"):
        later.write(b"more")
    later.discard()
    later.finish()
    assert get(storage, location, 0, len(CONTENT)) == CONTENT


def test_a_later_writer_waits_for_one_of_its_process_that_is_about_to_let_go(
    bucket: ObjectStore, location: str
) -> None:
    storage = of_small_parts(bucket)
    writer = storage.open_writer(location)
    writer.write(CONTENT)
    leaving = threading.Timer(0.2, writer.suspend)
    leaving.start()
    later = storage.resume_writer(location, 2 * PART)
    leaving.join()
    assert later is not None
    assert later.known == 2 * PART
    later.discard()


def test_what_a_given_up_writer_still_sends_cannot_get_into_the_object(bucket: ObjectStore, location: str) -> None:
    given_up = of_small_parts(bucket).open_writer(location)
    given_up.write(CONTENT[: PART + 1])
    later = of_small_parts(bucket).resume_writer(location, wait_for_mark(given_up))
    assert later is not None
    later.write(CONTENT[PART:])
    while later.mark() < 2 * PART:
        pass
    given_up.write(bytes(2 * PART))  # overwrites the second part
    while given_up.mark() < 2 * PART:
        pass
    with pytest.raises(StorageUnavailable):
        later.finish()
    assert bucket.objects() == {}


def test_a_given_up_writer_that_sent_the_same_does_no_harm(bucket: ObjectStore, location: str) -> None:
    given_up = of_small_parts(bucket).open_writer(location)
    given_up.write(CONTENT[: PART + 1])
    storage = of_small_parts(bucket)
    later = storage.resume_writer(location, wait_for_mark(given_up))
    assert later is not None
    later.write(CONTENT[PART:])
    given_up.write(CONTENT[PART + 1 :])
    later.finish()
    with pytest.raises(StorageUnavailable):
        end_with(given_up, bytes(3 * PART))
    given_up.discard()
    assert get(storage, location, 0, len(CONTENT)) == CONTENT


def test_a_given_up_writer_that_makes_the_object_first_makes_the_later_one_fail(
    bucket: ObjectStore, location: str
) -> None:
    given_up = of_small_parts(bucket).open_writer(location)
    given_up.write(bytes(PART + 1))
    later = of_small_parts(bucket).resume_writer(location, wait_for_mark(given_up))
    assert later is not None
    given_up.finish()
    with pytest.raises(StorageUnavailable):
        end_with(later, CONTENT[PART:])
    later.discard()
    assert bucket.objects() == {location: PART + 1}


def wait_for_mark(writer: BlobWriter) -> int:
    while not (kept := writer.mark()):
        pass
    return kept


def end_with(writer: BlobWriter, content: bytes) -> None:
    writer.write(content)
    writer.finish()


def test_deleting_and_discarding_throw_unfinished_parts_away(bucket: ObjectStore) -> None:
    storage = of_small_parts(bucket)
    writers = {name: storage.open_writer(name) for name in ("ab/deleted", "ab/discarded", "ab/deleted.not")}
    for writer in writers.values():
        writer.write(CONTENT)
        while writer.mark() < 2 * PART:
            pass  # a part on its way may bring an upload back
    storage.delete("ab/deleted")
    writers["ab/discarded"].discard()
    assert [key for key, _ in bucket.unfinished()] == ["ab/deleted.not"]
    with pytest.raises(StorageUnavailable):
        writers["ab/deleted"].finish()


def test_of_several_that_claim_a_bucket_at_once_one_has_it(bucket: ObjectStore) -> None:
    ids = [new_id() for _ in range(6)]
    storages = [of_small_parts(bucket) for _ in ids]
    with ThreadPoolExecutor(len(ids)) as pool:
        owners = set(pool.map(lambda pair: pair[0].claim(pair[1]), zip(storages, ids, strict=True)))
    assert len(owners) == 1
    assert owners == {storages[0].owner()}
    assert bucket.objects() == {"store-id": 36}


def test_two_prefixes_of_one_bucket_are_two_storages(bucket: ObjectStore) -> None:
    first, whole = S3Storage(f"{bucket.url}/first"), S3Storage(f"s3://{bucket.bucket}")
    put(first, "ab/one", b"1")
    put(of_small_parts(bucket), "ab/two", b"2")
    assert (names(first), names(of_small_parts(bucket))) == (["ab/one"], ["ab/two", "first/ab/one"])
    assert whole.size(f"{bucket.prefix}/ab/two") == 1


def test_more_objects_than_one_page_has_are_all_listed(bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = of_small_parts(bucket)
    expected = [f"ab/{number}" for number in range(7)]
    for name in expected:
        put(storage, name, b"1")
    once = storage.bucket.once
    monkeypatch.setattr(
        storage.bucket,
        "once",
        lambda call, **facts: once(call, **facts, **({"MaxKeys": 2} if call == "list_objects_v2" else {})),
    )
    assert names(storage) == expected


@pytest.fixture
def metadata(tmp_path: Path) -> Iterator[MetadataStore]:
    store = open_metadata(f"sqlite:///{tmp_path}/metadata.db", durability="process")
    yield store
    store.close()


def broken_after(content: bytes, count: int) -> Iterator[bytes]:
    for start in range(0, count, MIB):
        yield content[start : min(start + MIB, count)]
    raise ConnectionError("the client is gone")


@pytest.mark.parametrize("same_process", [True, False])
def test_an_upload_that_broke_ends_on_any_replica_with_the_right_digest(
    bucket: ObjectStore, metadata: MetadataStore, same_process: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits, hashers, storage = Limits(), KeptHashers(), of_small_parts(bucket)
    with metadata.write() as tx:
        upload = create_upload(tx, limits, "default", None, len(CONTENT))
    with pytest.raises(ConnectionError):
        write_upload(
            metadata, storage, limits, hashers, "default", upload.id, 0, 1, broken_after(CONTENT, 2 * PART + MIB)
        )
    assert get_upload(metadata, "default", upload.id).size == 2 * PART
    if not same_process:
        hashers, storage = KeptHashers(), of_small_parts(bucket)
    read: list[int] = []
    real = storage.read

    def counted(location: str, start: int, stop: int) -> Iterator[bytes]:
        read.append(stop - start)
        return real(location, start, stop)

    monkeypatch.setattr(storage, "read", counted)
    rest = iter([CONTENT[2 * PART :]])
    assert write_upload(metadata, storage, limits, hashers, "default", upload.id, 2 * PART, 2, rest) == len(CONTENT)
    # What this process hashed itself need not be read; what another one sent is.
    assert read == ([] if same_process else [len(CONTENT)])
    hasher = BlobHasher()
    hasher.update(CONTENT)
    with metadata.write() as tx:
        blob = commit_upload(tx, limits, "default", upload.id, hasher.digest(), len(CONTENT), None)
    assert (blob.pieces, blob.location) == (hasher.pieces(), get_upload(metadata, "default", upload.id).location)
    assert bucket.objects() == {blob.location: len(CONTENT)}


def test_a_sweep_takes_what_nobody_goes_on_with(bucket: ObjectStore, metadata: MetadataStore) -> None:
    limits, storage = Limits(), of_small_parts(bucket)
    with metadata.write() as tx:
        kept = create_upload(tx, limits, "default", None, len(CONTENT))
    with pytest.raises(ConnectionError):
        write_upload(
            metadata, storage, limits, KeptHashers(), "default", kept.id, 0, 1, broken_after(CONTENT, len(CONTENT))
        )
    id_ = new_id()
    for name in (f"{id_[:2]}/{id_}.{new_id()}", "somebody/else"):
        writer = storage.open_writer(name)
        writer.write(CONTENT)
        assert writer.suspend() == 2 * PART
    assert sweep(metadata, storage, limits).orphans == 1
    location = get_upload(metadata, "default", kept.id).location
    assert sorted(key for key, _ in bucket.unfinished()) == sorted([location, "somebody/else"])
