from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import argosy
from argosy import CorruptDataError
from argosy.errors import ParameterError


def contents(directory: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(directory.rglob("*"))
    }


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "report"
    (root / "figures").mkdir(parents=True)
    (root / "nothing").mkdir()
    (root / "index.html").write_text("<h1>Grüße</h1>")
    (root / "figures" / "auc.svg").write_bytes(b"svg")
    return root


def test_a_nested_value_comes_with_its_subdirectories(tmp_path: Path) -> None:
    saved = argosy.save_artifact({"a": [np.arange(10_000), np.ones(3)], "b": "text"}, "nested")
    target = saved.download(tmp_path / "made" / "here")
    names = {path for path, content in contents(target).items() if content is not None}
    assert names == {file.path for file in saved._message.files if not file.path.startswith(".argosy/")}
    assert any("/" in name for name in names)


def test_a_directory_comes_back_as_it_was(tree: Path, tmp_path: Path) -> None:
    target = argosy.save_artifact(tree, "report").download(tmp_path / "back")
    assert contents(target) == contents(tree)


def test_nothing_is_overwritten_unless_it_is_said(tree: Path, tmp_path: Path) -> None:
    saved = argosy.save_artifact(tree, "report")
    target = tmp_path / "back"
    (target / "figures").mkdir(parents=True)
    (target / "index.html").write_text("mine")
    (target / "other.txt").write_text("mine too")
    before = contents(target)
    with pytest.raises(FileExistsError, match=r"index\.html exists already; choose an empty directory"):
        saved.download(target)
    assert contents(target) == before

    saved.download(target, overwrite=True)
    assert contents(target) == {**contents(tree), "other.txt": b"mine too"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_join_a_directory_that_is_there(tree: Path, tmp_path: Path, overwrite: bool) -> None:
    target = tmp_path / "back"
    (target / "figures").mkdir(parents=True)
    (target / "figures" / "mine").touch()
    argosy.save_artifact(tree, "report").download(target, overwrite=overwrite)
    assert contents(target) == {**contents(tree), "figures/mine": b""}


@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_is_written_through_links_or_over_directories(tree: Path, tmp_path: Path, overwrite: bool) -> None:
    saved = argosy.save_artifact(tree, "report")
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "back"
    target.mkdir()
    (target / "figures").symlink_to(outside)
    with pytest.raises(FileExistsError, match="figures is no directory, and nothing is written through links"):
        saved.download(target, overwrite=overwrite)
    assert (list(outside.iterdir()), os.listdir(target)) == ([], ["figures"])

    (target / "figures").unlink()
    (target / "index.html").mkdir()
    with pytest.raises(FileExistsError, match=r"index\.html"):
        saved.download(target, overwrite=overwrite)
    assert os.listdir(target) == ["index.html"]


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tree: Path, tmp_path: Path) -> None:
    saved = argosy.save_artifact(tree, "report")
    (tmp_path / "outside").write_text("kept")
    target = tmp_path / "back"
    target.mkdir()
    (target / "index.html").symlink_to(tmp_path / "outside")
    with pytest.raises(FileExistsError, match="exists already"):
        saved.download(target)
    saved.download(target, overwrite=True)
    assert (tmp_path / "outside").read_text() == "kept"
    assert contents(target) == contents(tree)


@pytest.mark.parametrize("is_there", [False, True])
def test_damaged_bytes_leave_nothing(home: Path, tmp_path: Path, is_there: bool) -> None:
    saved = argosy.save_artifact({"good": np.zeros(100_000), "bad": np.ones(100_000)}, "value")
    for file in home.rglob("*"):
        if file.is_file() and file.stat().st_size > 500_000 and b"\0\0\xf0\x3f" in file.read_bytes()[-8:]:
            file.chmod(0o600)
            file.write_bytes(file.read_bytes()[:-1] + b"!")
    target = tmp_path / "made" / "back"
    if is_there:
        target.mkdir(parents=True)
    with pytest.raises(CorruptDataError):
        saved.download(target, overwrite=True)
    assert list(tmp_path.glob("made/**/*")) == ([target] if is_there else [])
    assert (tmp_path / "made").exists() is is_there


@pytest.mark.parametrize("directory", ["", "a\0b", None, 5, b"bytes"], ids=["empty", "null", "none", "number", "bytes"])
def test_a_directory_is_a_path_and_the_current_one_is_said(directory: Any) -> None:
    saved = argosy.save_artifact(1, "value")
    with pytest.raises(
        ParameterError, match=r"download takes the path of a directory \('\.' is the current one\), got "
    ):
        saved.download(directory)


def test_a_place_nothing_can_be_written_to_is_named_and_not_what_would_be_made_there() -> None:
    saved = argosy.save_artifact(1, "value")
    words = re.escape("nothing can be written to /dev/null/x (Not a directory); choose another directory")
    with pytest.raises(NotADirectoryError, match=f"^{words}$"):
        saved.download("/dev/null/x")


def test_a_file_is_no_directory_to_write_to(tmp_path: Path) -> None:
    saved = argosy.save_artifact(1, "value")
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="file exists already and is no directory"):
        saved.download(tmp_path / "file", overwrite=True)
