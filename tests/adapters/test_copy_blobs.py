"""Blobs on their way to another storage: whose fault it is when something fails, and what is left then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy_server.adapters.blobs.local_storage import LocalStorage
from argosy_server.bootstrap import Store, open_existing
from argosy_server.config import StoreConfig
from argosy_server.domain.errors import DomainError, StorageFull, StorageUnavailable
from argosy_server.embedded import open_channel
from argosy_server.usecases.ports import BlobStorage
from argosy_server.usecases.upkeep.copy_blobs import BlobCopier
from argosy_server.usecases.upkeep.verify_store import MAX_UNREADABLE
from tests.adapters.fragile_storage import FragileStorage
from tests.api.calls import create
from tests.api.conftest import service_on

FILES = MAX_UNREADABLE + 5


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Store]:
    """A store with a few files."""
    home = tmp_path / "source"
    with open_channel(home) as channel:
        for number in range(FILES):
            create(service_on("embedded", home, channel), "p", "x", number.to_bytes(4, "big") * 10_000)
    store = open_existing(StoreConfig(home, durability="process"))
    yield store
    store.close()


def copier(source: Store, target: BlobStorage) -> BlobCopier:
    return BlobCopier(source.metadata, source.storage, target, is_resumed=False, jobs=2, advance=lambda _: None)


class ForgetfulStorage(LocalStorage):
    """A disk that gives back other bytes than it was given."""

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        for chunk in super().read(location, start, stop):
            yield bytes([chunk[0] ^ 1]) + chunk[1:]


def test_what_the_target_does_not_give_back_as_it_was_is_an_error_of_the_target(source: Store, tmp_path: Path) -> None:
    copying = copier(source, ForgetfulStorage(tmp_path / "target", sync=False))
    with pytest.raises(StorageUnavailable, match="was written to the target and does not read back as it was"):
        copying.copy_new()
    assert (copying.tally.copied, copying.tally.damage) == (0, [])


class WrongOnce(LocalStorage):
    """A disk whose first answer is wrong, as one byte on the way makes it."""

    was_wrong = False

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        for chunk in super().read(location, start, stop):
            wrong, self.was_wrong = not self.was_wrong, True
            yield bytes([chunk[0] ^ 1]) + chunk[1:] if wrong else chunk


def test_what_the_source_gives_wrong_once_is_copied_when_it_is_read_again(source: Store, tmp_path: Path) -> None:
    storage, target = WrongOnce(tmp_path / "source" / "blobs", sync=False), LocalStorage(tmp_path / "to", sync=False)
    copying = BlobCopier(source.metadata, storage, target, is_resumed=False, jobs=1, advance=lambda _: None)
    assert copying.copy_new() == FILES
    assert (copying.tally.copied, copying.tally.damage) == (FILES, [])
    assert sorted(target.locations()) == sorted(source.storage.locations())


@pytest.mark.parametrize("call", ["write", "finish"])
@pytest.mark.parametrize("failure", [StorageFull, StorageUnavailable])
def test_a_target_that_fails_is_no_damage_of_the_source_and_keeps_nothing_half_written(
    source: Store, tmp_path: Path, call: str, failure: type[DomainError]
) -> None:
    target = FragileStorage(tmp_path / "target")
    target.failures[call] = failure("the target fails; look at it")
    copying = copier(source, target)
    with pytest.raises(failure, match="the target fails"):
        copying.copy_new()
    assert copying.tally.damage == []
    assert list(target.locations()) == []
    target.failures.clear()
    again = copier(source, target)
    assert again.copy_new() == FILES
    assert again.copy_new() == 0
    assert (again.tally.copied, sorted(target.locations())) == (FILES, sorted(source.storage.locations()))


def test_a_source_that_cannot_be_read_at_all_is_away_and_not_damaged(source: Store, tmp_path: Path) -> None:
    root = tmp_path / "source" / "blobs"
    for location in list(source.storage.locations()):
        (root / location).unlink()
        (root / location).symlink_to(root / location)  # not even root can read a link to itself
    with pytest.raises(StorageUnavailable, match=f"{MAX_UNREADABLE} blobs in a row cannot be read"):
        copier(source, LocalStorage(tmp_path / "target", sync=False)).copy_new()
