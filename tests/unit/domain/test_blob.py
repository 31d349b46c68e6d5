from __future__ import annotations

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_digest

from argosy_server.domain.blob import PIECE_BYTES, Blob, BlobHasher, is_upload_location, upload_location
from argosy_server.domain.byte_range import ByteRange
from argosy_server.domain.errors import InvalidField, ReadPastEnd
from argosy_server.domain.identifiers import new_id


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES])
def test_each_piece_has_the_checksum_of_its_own_bytes(size: int) -> None:
    data = bytes(index % 251 for index in range(1000)) * (size // 1000 + 1)
    data = data[:size]
    hasher = BlobHasher()
    hasher.update(data)
    starts = range(0, size, PIECE_BYTES)
    assert hasher.pieces() == b"".join(xxh3_64_digest(data[start : start + PIECE_BYTES]) for start in starts)
    assert hasher.digest().text == "blake3:" + blake3(data).hexdigest()
    assert hasher.size == size


@given(st.lists(st.integers(0, 3_000_000), max_size=6))
def test_how_bytes_are_cut_into_chunks_changes_nothing(sizes: list[int]) -> None:
    data = memoryview(bytes(9_000_000))
    whole, cut = BlobHasher(), BlobHasher()
    position = 0
    for size in sizes:
        cut.update(data[position : position + size])
        position = min(position + size, data.nbytes)
    whole.update(data[:position])
    assert (cut.digest(), cut.size, cut.pieces()) == (whole.digest(), whole.size, whole.pieces())


def test_a_blob_finds_the_checksum_of_a_piece() -> None:
    hasher = BlobHasher()
    hasher.update(bytes(PIECE_BYTES) + b"tail")
    blob = Blob("default", hasher.digest(), hasher.size, "x", hasher.pieces())
    assert blob.piece_checksum(1) == xxh3_64_digest(b"tail")


@pytest.mark.parametrize(
    ("offset", "limit", "expected"),
    [(0, 0, (0, 10)), (3, 4, (3, 7)), (3, 100, (3, 10)), (10, 0, (10, 10)), (9, 1, (9, 10))],
)
def test_a_range_is_clamped_to_the_end(offset: int, limit: int, expected: tuple[int, int]) -> None:
    wanted = ByteRange.parse(offset, limit, 10)
    assert (wanted.start, wanted.stop) == expected


def test_a_range_that_starts_beyond_the_end_is_refused_with_the_size() -> None:
    with pytest.raises(ReadPastEnd) as refused:
        ByteRange.parse(11, 0, 10)
    assert refused.value.metadata == {"size": "10"}


@pytest.mark.parametrize(("offset", "limit"), [(-1, 0), (0, -1)])
def test_negative_ranges_are_refused(offset: int, limit: int) -> None:
    with pytest.raises(InvalidField):
        ByteRange.parse(offset, limit, 10)


ID = "0a1b2c3d-0000-4000-8000-00000000000f"


@pytest.mark.parametrize("kind", ["", "direct-"])
def test_every_location_of_an_upload_is_known_as_one(kind: str) -> None:
    assert is_upload_location(upload_location(new_id(), f"{kind}{new_id()}"))


@pytest.mark.parametrize(
    "name",
    [
        "thesis.txt",
        f"{ID}.{ID}",
        f"0a/{ID}",
        f"0a/{ID}.",
        f"0a/{ID}.txt",
        f"0a/{ID}.other-{ID}",
        f"0b/{ID}.{ID}",
        f"0a/{ID.upper()}.{ID}",
        f"0a/{ID}.{ID}.bak",
        f"0a/{ID}.{ID}\n",
        f"0a/0a/{ID}.{ID}",
    ],
)
def test_what_another_hand_named_is_no_location_of_an_upload(name: str) -> None:
    assert not is_upload_location(name)
