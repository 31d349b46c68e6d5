"""Files of a version are written below the directory that was asked for, and nowhere else; all of them or none."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from argosy.errors import CorruptDataError
from argosy.transport.download.folder_writer import FolderWriter


def write(directory: Path, *paths: str) -> list[Path]:
    with FolderWriter(directory) as folder:
        for path in paths:
            folder.write(path, io.BytesIO(path.encode()))
    return folder.written


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "a/./x", "a//x", "", "a\\x", "a\0b", "..", "a/"])
def test_a_path_that_leads_out_is_refused_and_nothing_is_written(path: str, tmp_path: Path) -> None:
    with pytest.raises(CorruptDataError, match="leads out of"):
        write(tmp_path / "in", path)
    with FolderWriter(tmp_path / "in") as folder, pytest.raises(CorruptDataError, match="leads out of"):
        folder.make_directory(path)
    assert list(tmp_path.iterdir()) == []


def test_directories_are_made_on_the_way(tmp_path: Path) -> None:
    written = write(tmp_path / "in", "a/b/c.txt", "a/d", "e")
    assert written == [tmp_path / "in/a/b/c.txt", tmp_path / "in/a/d", tmp_path / "in/e"]
    assert [path.read_text() for path in written] == ["a/b/c.txt", "a/d", "e"]


def test_an_empty_directory_is_made_unless_it_is_there(tmp_path: Path) -> None:
    with FolderWriter(tmp_path) as folder:
        folder.make_directory("a/b")
        folder.make_directory("a/b")
    assert (tmp_path / "a/b").is_dir()


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").symlink_to(tmp_path / "out")
    with pytest.raises(FileExistsError, match="is a link; nothing is written through links"):
        write(tmp_path / "in", "a/b")
    with FolderWriter(tmp_path / "in") as folder, pytest.raises(FileExistsError, match="is a link"):
        folder.make_directory("a/b")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").symlink_to(tmp_path / "out")
    with pytest.raises(FileExistsError, match="exists already; choose an empty directory"):
        write(tmp_path / "in", "a")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_there_stays_as_it_is_and_those_written_before_it_go(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    with pytest.raises(FileExistsError, match="exists already"):
        write(tmp_path, "a", "b", "c")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b": "mine"}


def test_a_stream_that_fails_leaves_no_file(tmp_path: Path) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object, /) -> int:
            raise CorruptDataError("damaged")

    def write_both() -> None:
        with FolderWriter(tmp_path) as folder:
            folder.write("a", io.BytesIO(b"fine"))
            folder.write("b", io.BufferedReader(Broken()))

    with pytest.raises(CorruptDataError, match="damaged"):
        write_both()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_only_part_of_the_last_bytes_is_no_success(tmp_path: Path) -> None:
    # A file system that is full, and a limit of the process, let the system write less than it was asked to.
    code = """
import io, resource, signal, sys
from pathlib import Path
from argosy.transport.download.folder_writer import FolderWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with FolderWriter(Path(sys.argv[1])) as folder:
        folder.write("a", io.BytesIO(bytes(150_000)))
except OSError as error:
    print(error.strerror)
"""
    shown = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert shown.stdout == "File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_a_colon_is_part_of_a_name_where_the_system_allows_it(tmp_path: Path) -> None:
    (written,) = write(tmp_path, "log-08:38:38.txt")
    assert written == tmp_path / "log-08:38:38.txt"
