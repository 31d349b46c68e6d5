from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from argosy.execution.caching.file_digest import file_digest, path_digest
from argosy.execution.caching.value_digest import UnhashableValueError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "a.csv").write_text("1")
    (root / "deep" / "b.csv").write_text("2")
    return root


def rename(root: Path) -> None:
    (root / "a.csv").rename(root / "c.csv")


def move(root: Path) -> None:
    (root / "deep" / "b.csv").rename(root / "b.csv")


def rewrite(root: Path) -> None:
    (root / "deep" / "b.csv").write_text("3")


def add(root: Path) -> None:
    (root / "deep" / "er" / "c.csv").touch()


def remove(root: Path) -> None:
    (root / "empty").rmdir()


def touch(root: Path) -> None:
    os.utime(root / "a.csv", (1, 1))


def protect(root: Path) -> None:
    (root / "a.csv").chmod(0o400)


def test_a_file_counts_by_its_bytes_alone(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("a", "b", "c"))
    first.write_bytes(b"same")
    second.write_bytes(b"same")
    other.write_bytes(b"other")
    assert path_digest(first) == path_digest(second)
    assert path_digest(first) != path_digest(other)


@pytest.mark.parametrize("change", [rename, move, rewrite, add, remove])
def test_a_directory_counts_by_the_names_and_bytes_of_all_below_it(tree: Path, change: Callable[[Path], None]) -> None:
    before = path_digest(tree)
    change(tree)
    assert path_digest(tree) != before


@pytest.mark.parametrize("change", [touch, protect])
def test_times_and_permissions_do_not_count(tree: Path, change: Callable[[Path], None]) -> None:
    before = path_digest(tree)
    change(tree)
    assert path_digest(tree) == before


def test_a_directory_elsewhere_with_the_same_content_is_the_same(tree: Path, tmp_path: Path) -> None:
    before = path_digest(tree)
    tree.rename(tmp_path / "elsewhere")
    assert path_digest(tmp_path / "elsewhere") == before


def test_a_link_counts_by_what_it_leads_to(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("1")
    (tree / "linked").symlink_to(tmp_path / "outside")
    before = path_digest(tree)
    (tmp_path / "outside").write_text("22")
    assert path_digest(tree) != before
    (tmp_path / "outside").unlink()
    assert path_digest(tree) not in ("", before)


def test_a_link_into_the_directory_it_lies_in_is_refused(tree: Path) -> None:
    (tree / "deep" / "again").symlink_to(tree)
    with pytest.raises(UnhashableValueError, match="again is a link to a directory it lies in"):
        path_digest(tree)


def test_what_is_neither_file_nor_directory_is_refused_and_not_waited_for(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    for path in (tree, tree / "pipe"):
        with pytest.raises(UnhashableValueError, match="pipe is neither a file nor a directory"):
            path_digest(path)


def test_a_file_that_does_not_exist_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.csv"):
        path_digest(tmp_path / "absent.csv")


def test_a_file_that_was_written_just_now_is_read_again(tmp_path: Path) -> None:
    """Its times may not show the next change: file systems count them in steps of some milliseconds."""
    path = tmp_path / "data.csv"
    for number in range(200):
        path.write_text(f"{number:03}")
        assert file_digest(path) == file_digest(path)
    seen = []
    for number in range(200):
        path.write_text(f"{number:03}")
        seen.append(file_digest(path))
    assert len(set(seen)) == 200


def test_a_file_at_rest_is_read_once_and_again_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.csv"
    path.write_text("1")
    os.utime(path, (1, 1))
    reads: list[Path] = []
    real_open = Path.open

    def counted(self: Path, *arguments: object, **options: object) -> object:
        reads.append(self)
        return real_open(self, *arguments, **options)  # type: ignore[call-overload]  # handed on as they came

    monkeypatch.setattr(Path, "open", counted)
    first = file_digest(path)
    assert (file_digest(path), len(reads)) == (first, 1)
    path.write_text("2")
    os.utime(path, (1, 1))
    assert file_digest(path) != first
