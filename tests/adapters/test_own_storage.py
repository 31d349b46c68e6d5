"""Bytes belong to one store: no other one opens them, so none sweeps them away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from argosy_server.adapters.blobs import open_storage
from argosy_server.bootstrap import Application, build, open_existing
from argosy_server.config import StoreConfig
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.domain.identifiers import new_id
from argosy_server.usecases.blobs.staging import publish_staged, receive_file
from argosy_server.usecases.upkeep.sweep import SweepReport


@pytest.fixture(params=["folder", "objects"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "bytes")
        return
    root = f"/{new_id()}"
    yield f"memory:/{root}/bytes"
    fsspec.filesystem("memory").rm(root, recursive=True)


@pytest.fixture
def config(tmp_path: Path, blobs: str) -> StoreConfig:
    return StoreConfig(tmp_path / "first", blobs=blobs)


def save(application: Application, size: int = 100_000) -> None:
    chunks = [bytes(size)]
    file = receive_file(application.metadata, application.storage, application.limits, "p", "", chunks)
    with application.metadata.write() as tx:
        publish_staged(tx, application.limits, "p", file, application.limits.blob_lease)


def forget_owner(config: StoreConfig) -> None:
    if "://" in config.blobs:
        fsspec.filesystem("memory").rm_file(f"{config.blobs.partition(':/')[2]}/store-id")
    else:
        Path(config.blobs, ".store-id").unlink()


def misspelt(config: StoreConfig) -> StoreConfig:
    return replace(config, blobs=f"{config.blobs}x")


def open_and_close(config: StoreConfig) -> None:
    build(config).close()


def test_a_store_opens_its_own_bytes_again_and_again(config: StoreConfig) -> None:
    for _ in range(2):
        application = build(config)
        assert application.storage.owner() == application.metadata.store_id
        application.close()
    open_existing(config).close()


@pytest.mark.parametrize("opens", [open_and_close, lambda config: open_existing(config).close()])
def test_another_store_does_not_open_them_and_so_removes_nothing(
    config: StoreConfig, tmp_path: Path, opens: Callable[[StoreConfig], None]
) -> None:
    application = build(config)
    save(application)
    kept = list(application.storage.locations())
    build(StoreConfig(tmp_path / "second")).close()
    with pytest.raises(StorageUnavailable) as refused:
        opens(StoreConfig(tmp_path / "second", blobs=config.blobs))
    assert str(refused.value) == (
        f"{config.blobs} holds the blobs of another store (id {application.metadata.store_id}); choose another folder "
        "with --blobs, or the database that belongs to it with --database"
    )
    assert application.sweep() == SweepReport(uploads=1)
    assert list(application.storage.locations()) == kept
    assert len(kept) == 1
    application.close()


def test_bytes_of_before_there_were_owners_are_claimed_but_not_by_who_only_looks(config: StoreConfig) -> None:
    application = build(config)
    save(application)
    application.close()
    forget_owner(config)
    store = open_existing(config)
    assert store.storage.owner() is None
    store.close()
    application = build(config)
    assert application.storage.owner() == application.metadata.store_id
    application.close()


def test_a_misspelt_place_is_not_made_nor_claimed_by_a_store_that_has_bytes_elsewhere(config: StoreConfig) -> None:
    application = build(config)
    save(application)
    application.close()
    for opens in (open_and_close, lambda config: open_existing(config).close()):
        with pytest.raises(StorageUnavailable) as refused:
            opens(misspelt(config))
        if "://" in config.blobs:
            assert f"{config.blobs}x does not hold the blobs of this store" in str(refused.value)
            assert "correct --blobs, or bring the bytes there" in str(refused.value)
        else:
            assert "is not there; mount it, or name the right one" in str(refused.value)
    # Now there is one of that name, of which nobody knows whose it is.
    storage = open_storage(f"{config.blobs}x", durability="full")
    for opens in (open_and_close, lambda config: open_existing(config).close()):
        with pytest.raises(StorageUnavailable, match="does not hold the blobs of this store"):
            opens(misspelt(config))
    assert storage.owner() is None
    assert list(storage.locations()) == []
    open_and_close(config)


def test_some_lost_blobs_keep_nobody_from_claiming_what_is_left_of_them(config: StoreConfig) -> None:
    application = build(config)
    save(application)
    save(application, 200_000)
    application.storage.delete(min(application.storage.locations()))
    application.close()
    forget_owner(config)
    open_and_close(config)


def test_a_store_all_of_whose_bytes_are_lost_goes_on_in_a_place_that_is_marked_as_its_own(
    config: StoreConfig, tmp_path: Path
) -> None:
    application = build(config)
    save(application)
    application.close()
    place = tmp_path / "new"
    place.mkdir()
    with pytest.raises(StorageUnavailable, match=r"a file \.store-id") as refused:
        build(replace(config, blobs=str(place)))
    assert f"(id {application.metadata.store_id})" in str(refused.value)
    (place / ".store-id").write_text(application.metadata.store_id)
    open_and_close(replace(config, blobs=str(place)))


def test_a_store_without_bytes_may_still_choose_where_they_go(config: StoreConfig) -> None:
    open_and_close(config)
    application = build(misspelt(config))
    assert application.storage.owner() == application.metadata.store_id
    application.close()
