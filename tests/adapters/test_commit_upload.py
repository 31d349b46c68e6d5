"""Commits and streams that ask a storage: the database is free meanwhile, and what changed since is no blob."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from argosy_server.domain.blob import UploadState
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.usecases.blobs.commit_upload import commit_upload, small_content
from argosy_server.usecases.blobs.read_blob import find_blob
from tests.adapters.test_upload_sink import hasher_of
from tests.adapters.test_write_upload import LIMITS, LineBroke, Sent, Store, breaks, store

__all__ = ["store"]


def broken(content: bytes) -> Sent:
    """Content whose stream does not end well."""
    yield content
    breaks()


def test_rows_are_free_while_the_storage_is_asked(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()

    def watched(name: str) -> Callable[..., object]:
        ask = getattr(store.storage, name)

        def watch(*where: object) -> object:
            with closing(sqlite3.connect(tmp_path / "metadata.db", timeout=0.2, isolation_level=None)) as another:
                another.execute("BEGIN IMMEDIATE")
            asked.add(name)
            return ask(*where)

        return watch

    for name in ("size", "read"):
        monkeypatch.setattr(store.storage, name, watched(name))
    with pytest.raises(LineBroke):
        store.write(broken(b"small"))
    asked.clear()
    assert store.write(iter([b" one"]), offset=5) == 9
    assert "size" in asked
    asked.clear()
    store.commit(b"small one")
    assert asked == {"read"}
    with store.metadata.read() as tx:
        assert find_blob(tx, "p", hasher_of(b"small one").digest()).location == ""


def test_a_commit_that_read_other_bytes_than_were_written_since_makes_no_blob_of_them(store: Store) -> None:
    digest = hasher_of(b"the first").digest()
    store.write(iter([b"the first"]))
    read = small_content(store.metadata, store.storage, LIMITS, "p", store.id, digest, 9)
    assert read == b"the first"
    for content in (None, b"the other"):
        with store.metadata.write() as tx:
            with pytest.raises(StorageUnavailable, match="try again"):
                commit_upload(tx, LIMITS, "p", store.id, digest, 9, content)
            assert tx.uploads.get("p", store.id).state is UploadState.OPEN
    store.commit(b"the first")
