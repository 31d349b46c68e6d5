"""Text, bytes, files and directories."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from argosy.errors import MaterializerError, PickleRefusedError
from argosy.materializers.registry import extract_metadata
from tests.unit.materializers import samples
from tests.unit.materializers.kept import Kept, keep, roundtrip, same


@pytest.mark.parametrize("value", ["", "a\r\nb\n", "é\x00\ufeff😀", "\udcff", b"", b"\x00\xff", bytearray(b"ab")])
def test_text_and_bytes_come_back(value: Any) -> None:
    assert same(roundtrip(value), value)


@pytest.mark.parametrize(
    ("value", "file_format", "files"),
    [
        ("é", "text", {"data.txt": "é".encode()}),
        (b"\x00", "bytes", {"data.bin": b"\x00"}),
        (bytearray(b"a"), "bytes", {"data.bin": b"a"}),
    ],
)
def test_text_and_bytes_are_stored_as_they_are(value: Any, file_format: str, files: dict[str, bytes]) -> None:
    kept = keep(value)
    assert (kept.saved.format, kept.files) == (file_format, files)


def test_subclasses_of_text_and_bytes_are_not_downgraded() -> None:
    with pytest.raises(PickleRefusedError, match="TextOfMine is a subclass of str"):
        keep(samples.TextOfMine("x"))
    assert type(roundtrip(samples.TextOfMine("x"), allow_pickle=True)) is samples.TextOfMine


def test_broken_text_is_an_error() -> None:
    with pytest.raises(MaterializerError, match="not UTF-8"):
        Kept(keep("a").saved, {"data.txt": b"\xff"}).load()


def test_file_comes_back_under_its_name(tmp_path: Path) -> None:
    source = tmp_path / "model é.onnx"
    source.write_bytes(b"x" * 3_000_000)
    kept = keep(source)
    assert (kept.saved.format, list(kept.files)) == ("file", ["model é.onnx"])
    back = kept.load()
    assert (back.name, back.read_bytes(), type(back)) == (source.name, source.read_bytes(), type(source))
    assert back != source
    assert extract_metadata(source, "argosy.file") == {"size_bytes": 3_000_000}


def test_directory_comes_back_with_its_empty_directories(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    (root / "a" / "b").mkdir(parents=True)
    (root / "empty" / "inner").mkdir(parents=True)
    (root / "a" / "b" / "one.txt").write_text("1")
    (root / "zero").write_bytes(b"")
    kept = keep({"tree": root})
    assert sorted(kept.files) == [
        "data.json",
        "items/0/content/a/b/one.txt",
        "items/0/content/zero",
        "items/0/directory.json",
    ]
    back = kept.load()["tree"]
    assert back.name == "tree"
    assert sorted(path.relative_to(back).as_posix() for path in back.rglob("*")) == [
        "a",
        "a/b",
        "a/b/one.txt",
        "empty",
        "empty/inner",
        "zero",
    ]
    assert extract_metadata(root, "argosy.directory") == {"files": 2, "size_bytes": 1}


def test_directory_given_by_a_relative_path_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert roundtrip(Path()).name == "here"


def test_link_given_as_the_value_means_its_target(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("content")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    back = roundtrip(tmp_path / "link")
    assert (back.name, back.read_text(), back.is_symlink()) == ("link", "content", False)


@pytest.mark.parametrize("target", ["/etc/passwd", "inside", "../..", "nowhere"])
def test_link_inside_a_directory_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "inside").write_text("x")
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(MaterializerError, match=r"link is a symbolic link to .*never followed"):
        keep(tmp_path)


def test_special_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MaterializerError, match="pipe is a special file"):
        keep(tmp_path)
    with pytest.raises(MaterializerError, match="neither a file nor a directory"):
        keep(tmp_path / "pipe")


def test_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(MaterializerError, match="special file"):
            keep(tmp_path)


def test_missing_file_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(MaterializerError, match=r"value\[0\]: .*must exist \(save str\(path\)"):
        keep([tmp_path / "missing"], allow_pickle=True)


@pytest.mark.parametrize("name", [b"new\nline", b"back\\slash", b"\xff"])
def test_name_no_store_can_keep_is_refused(tmp_path: Path, name: bytes) -> None:
    Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_text("x")
    with pytest.raises(MaterializerError, match="rename it"):
        keep(tmp_path)


@pytest.mark.parametrize("name", ["a:b.txt", ".argosy"])
def test_a_name_that_a_file_alone_cannot_have_is_refused_with_the_cure_and_kept_in_a_folder(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(MaterializerError, match="rename it, or save the folder it lies in"):
        keep(tmp_path / name)
    assert (keep(tmp_path).load() / name).read_text() == "x"


@pytest.mark.parametrize("path", ["content/../../evil", "content//evil", "content/a\\b", "content/.", "content/a\x00"])
def test_name_that_would_leave_the_directory_is_refused_at_loading(tmp_path: Path, path: str) -> None:
    saved = keep(tmp_path).saved
    kept = Kept(saved, {"directory.json": b'{"name":"d","empty_directories":[]}', path: b"x"})
    with pytest.raises(MaterializerError):
        kept.load()


@pytest.mark.parametrize(
    "manifest",
    [
        b'{"name":"..","empty_directories":[]}',
        b'{"name":"d","empty_directories":["/tmp/x"]}',
        b'{"name":"d","empty_directories":["../x"]}',
        b'{"name":"a/b","empty_directories":[]}',
        b'{"name":"d"}',
    ],
)
def test_malformed_manifest_is_refused(tmp_path: Path, manifest: bytes) -> None:
    with pytest.raises(MaterializerError):
        Kept(keep(tmp_path).saved, {"directory.json": manifest}).load()


@pytest.mark.parametrize("files", [{}, {"a": b"", "b": b""}, {"a/b": b""}, {"..": b""}])
def test_file_format_is_exactly_one_plain_name(tmp_path: Path, files: dict[str, bytes]) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(MaterializerError):
        Kept(keep(tmp_path / "f").saved, files).load()


def test_loaded_files_are_removed_with_the_process_and_not_by_its_children(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from argosy.materializers.loaded_files import fresh_directory\n"
        "made = fresh_directory()\n"
        "child = os.fork()\n"
        "if child == 0: sys.exit(0)\n"
        "os.waitpid(child, 0)\n"
        "print(made.is_dir(), made.parent.parent)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == f"True {tmp_path}\n"
    assert list(tmp_path.iterdir()) == []
