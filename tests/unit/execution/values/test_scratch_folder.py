"""What a download leaves that was killed, and what it must not touch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import argosy

DOWNLOAD = """
import io, sys, time
from pathlib import Path
from argosy.execution.values.placed_folder import placed_folder

with placed_folder(Path(sys.argv[1]), overwrite=False) as folder:
    folder.write("half", io.BytesIO(b"x"))
    print("half", flush=True)
    time.sleep(1000)
"""


@pytest.fixture(autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path_factory.mktemp("home")))


@contextmanager
def half_downloaded(target: Path) -> Iterator[Path]:
    """Let another program be in the middle of a download until the block ends, then kill it."""
    before = set(hidden(target.parent) + hidden(target))
    process = subprocess.Popen([sys.executable, "-c", DOWNLOAD, str(target)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "half\n"
        (scratch,) = set(hidden(target.parent) + hidden(target)) - before
        yield scratch
    finally:
        process.kill()
        process.communicate(timeout=60)


def hidden(folder: Path) -> list[Path]:
    return list(folder.glob(".argosy-*"))


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "there"])
def test_what_a_killed_download_left_is_removed_by_the_next_one(tmp_path: Path, is_there: bool) -> None:
    saved = argosy.save_artifact({"a": 1}, "value")
    target = tmp_path / "model"
    if is_there:
        target.mkdir()
    with half_downloaded(target) as scratch:
        pass
    assert (scratch / "half").exists()
    saved.download(target)
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "data.json"]


def test_what_another_download_is_writing_and_what_is_none_stays(tmp_path: Path) -> None:
    saved = argosy.save_artifact({"a": 1}, "value")
    others = [tmp_path / ".argosy-mine", tmp_path / f".argosy-{'0' * 31}g"]
    for other in others:
        other.mkdir()
    (tmp_path / f".argosy-{'0' * 32}").touch()
    with half_downloaded(tmp_path / "theirs") as scratch:
        saved.download(tmp_path / "model")
        assert (scratch / "half").exists()
    assert sorted(hidden(tmp_path)) == sorted([*others, tmp_path / f".argosy-{'0' * 32}", scratch])
