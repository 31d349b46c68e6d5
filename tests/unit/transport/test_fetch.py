"""Files of a version are written below the directory that was asked for, and nowhere else."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from argosy.errors import CorruptDataError
from argosy.transport.fetch import write_file


@pytest.mark.parametrize(
    "path", ["/etc/x", "../x", "a/../../x", "a/./x", "a//x", "", "a\\x", "C:x", "a\0b", "..", "a/"]
)
def test_a_path_that_leads_out_is_refused_and_nothing_is_written(path: str, tmp_path: Path) -> None:
    with pytest.raises(CorruptDataError, match="leads out of"):
        write_file(tmp_path / "in", path, io.BytesIO(b"x"))
    assert list(tmp_path.iterdir()) == []


def test_directories_are_made_on_the_way(tmp_path: Path) -> None:
    written = write_file(tmp_path / "in", "a/b/c.txt", io.BytesIO(b"content"))
    assert (tmp_path / "in" / "a" / "b" / "c.txt", b"content") == (written, written.read_bytes())


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").symlink_to(tmp_path / "out")
    with pytest.raises(FileExistsError, match="is a link, which is not followed"):
        write_file(tmp_path / "in", "a/b", io.BytesIO(b"x"))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").symlink_to(tmp_path / "out")
    with pytest.raises(FileExistsError, match="exists already"):
        write_file(tmp_path / "in", "a", io.BytesIO(b"x"))
    assert not (tmp_path / "out").exists()


def test_a_failing_stream_leaves_no_file(tmp_path: Path) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object, /) -> int:
            raise CorruptDataError("damaged")

    with pytest.raises(CorruptDataError, match="damaged"):
        write_file(tmp_path, "a", io.BufferedReader(Broken()))
    assert list(tmp_path.iterdir()) == []
