"""A stream of one file ends well only with the bytes that were recorded."""

from __future__ import annotations

from collections.abc import Generator, Iterable

import pytest
from blake3 import blake3

from argosy.errors import CorruptDataError
from argosy.transport.verified_reader import VerifiedReader
from argosy.v1.artifact_pb2 import ArtifactFile

CONTENT = bytes(range(250)) * 4
CHUNKS = [CONTENT[:300], b"", CONTENT[300:301], CONTENT[301:]]


def reader(chunks: Iterable[bytes], content: bytes = CONTENT, ends: list[bool] | None = None) -> VerifiedReader:
    def stream() -> Generator[bytes, None, None]:
        yield from chunks

    file = ArtifactFile(path="data.npy", digest=f"blake3:{blake3(content).hexdigest()}", size_bytes=len(content))
    return VerifiedReader(file, stream(), (ends if ends is not None else []).append)


def test_reading_all_gives_the_content() -> None:
    assert reader(CHUNKS).readall() == CONTENT


def test_pieces_and_buffers_of_any_size_give_the_content() -> None:
    stream = reader(CHUNKS).buffered()
    head, rest = stream.read(7), bytearray(len(CONTENT) - 7)
    assert stream.readinto(rest) == len(rest)
    assert (head + rest, b"") == (CONTENT, stream.read())


def test_an_empty_file_is_read_without_asking_for_chunks() -> None:
    assert reader([], b"").readall() == b""


def test_wrong_bytes_are_found_before_the_last_of_them_is_handed_out() -> None:
    stream = reader([CONTENT[:-1], b"\xff"])
    buffer = bytearray(len(CONTENT))
    assert stream.readinto(buffer) == len(CONTENT) - 1
    with pytest.raises(CorruptDataError, match=r"file 'data.npy' arrived as blake3:.*nothing of it was used"):
        stream.readinto(buffer)


@pytest.mark.parametrize("chunks", [[CONTENT[:-1], b"\xff"], [CONTENT + b"more"], [CONTENT[:-1]]])
def test_wrong_short_and_long_files_are_never_returned(chunks: list[bytes]) -> None:
    with pytest.raises(CorruptDataError, match=r"data\.npy"):
        reader(chunks).readall()
    with pytest.raises(CorruptDataError, match=r"data\.npy"):
        reader(chunks).buffered().read(len(CONTENT))


def test_closing_tells_once_whether_the_end_was_reached() -> None:
    ends: list[bool] = []
    early, whole = reader(CHUNKS, ends=ends), reader(CHUNKS, ends=ends)
    early.buffered().close()
    early.close()
    whole.readall()
    whole.close()
    assert ends == [False, True]
