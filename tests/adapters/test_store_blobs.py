"""A batch of blobs whose transaction fails: all of it or nothing, and never a blob without its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from argosy_server.bootstrap import Application, build
from argosy_server.config import StoreConfig
from argosy_server.domain.errors import DomainError, StorageFull, StorageUnavailable
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.batch_blobs import read_blobs, store_blobs
from argosy_server.usecases.ports import Transaction
from tests.adapters.test_upload_sink import hasher_of

CONTENTS = [b"row", b"f" * 100_000, b"g" * 90_000]
DIGESTS = [hasher_of(content).digest() for content in CONTENTS]
LIMITS = Limits()


class Unheard:
    """A database whose answer to one transaction is lost, before or after it committed."""

    def __init__(self, metadata: Any, number: int, error: DomainError, *, commits: bool) -> None:
        self._metadata = metadata
        self._left = number
        self._error = error
        self._commits = commits

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        self._left -= 1
        with self._metadata.write() as tx:
            yield tx
            if not self._left and not self._commits:
                raise self._error
        if not self._left:
            raise self._error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metadata, name)


@pytest.fixture
def application(tmp_path: Path, url: str) -> Iterator[Application]:
    application = build(StoreConfig(tmp_path, database=url, durability="process"))
    yield application
    application.close()


def store(application: Application, error: DomainError, *, commits: bool) -> None:
    # Each file takes a transaction of its own before the one that publishes all.
    metadata: Any = Unheard(application.metadata, 3, error, commits=commits)
    contents = list(zip(DIGESTS, CONTENTS, strict=True))
    with pytest.raises(type(error)):
        store_blobs(metadata, application.storage, LIMITS, "p", contents)


def test_bytes_of_a_commit_nobody_heard_of_stay(application: Application) -> None:
    store(application, StorageUnavailable("the answer was lost"), commits=True)
    application.sweep()
    assert read_blobs(application.metadata, application.storage, LIMITS, "p", DIGESTS) == CONTENTS


@pytest.mark.parametrize("error", [StorageUnavailable("gone"), StorageFull("no room")])
def test_of_a_transaction_that_did_not_commit_nothing_stays(application: Application, error: DomainError) -> None:
    store(application, error, commits=False)
    found = read_blobs(application.metadata, application.storage, LIMITS, "p", DIGESTS)
    assert all(isinstance(item, DomainError) for item in found)
    if isinstance(error, StorageFull):  # what nobody knows is left to the sweep
        assert list(application.storage.locations()) == []
