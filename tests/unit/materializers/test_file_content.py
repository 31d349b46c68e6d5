"""Content about to be sent can be read from any place, in pieces of a bounded size, without a copy of what is large."""

from __future__ import annotations

from pathlib import Path

import pytest

from argosy.materializers.files import FileContent

LARGE = bytes(range(256)) * 1000


def content(*buffers: bytes) -> FileContent:
    return FileContent("x", buffers=tuple(memoryview(buffer) for buffer in buffers))


@pytest.mark.parametrize(
    ("buffers", "expected"),
    [
        ([], []),
        ([b"abc"], [b"abc"]),
        ([b"abcdefgh"], [b"abcd", b"efgh"]),
        ([b"a", b"b", b"c"], [b"abc"]),
        ([b"a", b"bcdefghij"], [b"a", b"bcde", b"fghi", b"j"]),
        ([b"abcde", b"f", b"ghi"], [b"abcd", b"e", b"fghi"]),
        ([b"ab", b"cd", b"ef"], [b"abcd", b"ef"]),
    ],
)
def test_buffers_are_cut_and_small_neighbours_joined(buffers: list[bytes], expected: list[bytes]) -> None:
    assert [bytes(piece) for piece in content(*buffers).chunks(0, 4)] == expected


@pytest.mark.parametrize("start", [0, 1, 255, 256, 300, len(LARGE), len(LARGE) + 3, 2 * len(LARGE) + 3])
@pytest.mark.parametrize("where", ["buffers", "file"])
def test_reading_begins_anywhere(start: int, where: str, tmp_path: Path) -> None:
    whole = LARGE + b"abc" + LARGE
    if where == "file":
        (tmp_path / "big").write_bytes(whole)
        item = FileContent("x", local_path=tmp_path / "big")
    else:
        item = content(LARGE, b"abc", LARGE)
    pieces = [bytes(piece) for piece in item.chunks(start, 1000)]
    assert b"".join(pieces) == whole[start:]
    assert all(0 < len(piece) <= 1000 for piece in pieces)


def test_large_buffers_are_not_copied() -> None:
    pieces = list(content(LARGE).chunks(0, 100_000))
    assert all(isinstance(piece, memoryview) and piece.obj is LARGE for piece in pieces)


def test_pieces_of_a_local_file_never_change_although_more_is_read(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(LARGE)
    pieces = list(FileContent("x", local_path=tmp_path / "big").chunks(0, 1000))
    assert b"".join(pieces) == LARGE
