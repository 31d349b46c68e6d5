"""``ArtifactVersion.open``: a stored file, read in place."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from argosy.errors import CorruptDataError, NotFoundError, ParameterError
from argosy.sdk.artifacts import save_artifact
from argosy.sdk.client import Client
from tests.unit.sdk.foreign_files import save_files
from tests.unit.sdk.moved_bytes import count_moved_bytes


def test_the_only_file_needs_no_name() -> None:
    saved = save_artifact(np.arange(10), "array")
    with saved.open() as file:
        assert np.load(file).tolist() == list(range(10))


def test_previews_do_not_count_as_files_but_can_be_opened() -> None:
    saved = save_artifact(pd.DataFrame({"a": np.random.default_rng(0).random(200_000)}), "frame")
    assert saved.file_count == 2
    with saved.open() as file:
        assert pq.ParquetFile(file).schema.names == ["a"]
    with saved.open(".argosy/previews/head.html") as file:
        assert b"<table" in file.read()


def test_of_several_files_one_must_be_named() -> None:
    saved = save_files("two", "mine", {"a.txt": b"a", "b/c.txt": b"c"})
    with pytest.raises(ParameterError, match=r"^'two' version 1 has 2 files \('a\.txt', 'b/c\.txt'\); say which: open"):
        saved.open()
    with saved.open("b/c.txt") as file:
        assert file.read() == b"c"


def test_a_file_that_is_not_there_is_not_found() -> None:
    saved = save_files("two", "mine", {"a.txt": b"a", "b/c.txt": b"c"})
    with pytest.raises(NotFoundError, match=r"'two' version 1 has no file 'c\.txt'; it has a\.txt, b/c\.txt"):
        saved.open("c.txt")


def test_a_version_from_a_list_can_be_opened() -> None:
    save_artifact("some text", "text")
    (listed,) = Client().list_artifact_versions("text")
    with listed.open() as file:
        assert (file.readline(), file.read()) == (b"some text", b"")


def test_an_empty_file_ends_at_once() -> None:
    with save_files("empty", "bytes", {"data.bin": b""}).open() as file:
        assert (file.read(), file.seek(0, io.SEEK_END)) == (b"", 0)


def test_an_archive_is_read_without_moving_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = count_moved_bytes(monkeypatch)
    local = tmp_path / "archive.zip"
    with zipfile.ZipFile(local, "w") as archive:
        archive.writestr("large", bytes(20 << 20))
        archive.writestr("small", b"here")
    saved = save_artifact(local, "archive")
    moved.reset()
    with saved.open() as file, zipfile.ZipFile(file) as archive:
        assert archive.read("small") == b"here"
    assert moved.count < 300_000


def test_damage_in_the_store_is_an_error_where_it_is_read(home: Path) -> None:
    content = bytes(12 << 20)
    saved = save_artifact(content, "content")
    (stored,) = (path for path in home.rglob("*") if path.is_file() and path.stat().st_size == len(content))
    stored.chmod(0o600)
    with stored.open("r+b") as file:
        file.seek(9 << 20)
        file.write(b"damage")
    with saved.open() as opened:
        assert opened.read(1 << 20) == bytes(1 << 20)
        opened.seek((9 << 20) + 100)
        with pytest.raises(CorruptDataError, match="damaged"):
            opened.read(10)
