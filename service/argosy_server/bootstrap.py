"""The only place that constructs: what stands on what."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from argosy.v1 import artifact_service_pb2_grpc, blob_service_pb2_grpc, pipeline_service_pb2_grpc
from argosy_server.adapters.blobs import open_direct_access, open_signed_transfers, open_storage
from argosy_server.adapters.blobs.told_url import told_url
from argosy_server.adapters.metadata import open_metadata, open_row_copy
from argosy_server.api.servicers.artifacts import ArtifactServicer
from argosy_server.api.servicers.blobs import BlobServicer
from argosy_server.api.servicers.pipelines import PipelineServicer
from argosy_server.api.watching.hub import WatchHub
from argosy_server.api.watching.settings import WatchSettings
from argosy_server.config import StoreConfig
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.domain.limits import Limits
from argosy_server.usecases.artifacts.group_commit import GroupCommit
from argosy_server.usecases.ports import BlobStorage, MetadataStore
from argosy_server.usecases.upkeep.every_blob import stored_blobs
from argosy_server.usecases.upkeep.own_storage import check_owner, claim_storage, refuse_other_owner
from argosy_server.usecases.upkeep.sweep import SweepReport, sweep

if TYPE_CHECKING:
    from argosy_server.usecases.ports.row_copy import RowCopy
    from argosy_server.usecases.upkeep.copy_store import SourceStore, TargetStorage

SERVICES = ("argosy.v1.ArtifactService", "argosy.v1.BlobService", "argosy.v1.PipelineService")


@dataclass(frozen=True)
class Application:
    """A store and the servicers that answer for it."""

    metadata: MetadataStore
    storage: BlobStorage
    limits: Limits
    artifacts: ArtifactServicer
    blobs: BlobServicer
    pipelines: PipelineServicer
    watches: WatchHub

    def register(self, server: grpc.Server) -> None:
        """Add the servicers to a server."""
        artifact_service_pb2_grpc.add_ArtifactServiceServicer_to_server(self.artifacts, server)
        blob_service_pb2_grpc.add_BlobServiceServicer_to_server(self.blobs, server)
        pipeline_service_pb2_grpc.add_PipelineServiceServicer_to_server(self.pipelines, server)

    def sweep(self) -> SweepReport:
        """Remove what nothing can reach any more."""
        return sweep(self.metadata, self.storage, self.limits)

    def close(self) -> None:
        """End what asks the database by itself, and give all connections back."""
        self.watches.close()
        self.metadata.close()


def build(
    config: StoreConfig,
    limits: Limits | None = None,
    watching: WatchSettings | None = None,
    *,
    groups_saves: bool = False,
    clock: Callable[[], int] = time.time_ns,
) -> Application:
    """Open the store, creating it unless it is there.

    Args:
        config: where it is.
        limits: what it holds its clients to.
        watching: how it treats those who watch it.
        groups_saves: whether saves of one name share a transaction, for which no thread that calls may be interrupted.
        clock: tells the nanoseconds since 1970 where the database is a file on this machine.

    Raises:
        StorageFull, StorageUnavailable: it cannot be created or reached; the message says what to do.
        ValueError: the URL of the bytes has a scheme nobody knows.
    """
    limits = limits or Limits()
    # Bytes before metadata, and those kept elsewhere first of all: a refused start leaves no database behind.
    elsewhere = _open_elsewhere(config) if config.blobs else None
    try:
        config.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(
            f"{config.home} cannot be created ({error.strerror}); choose another folder or change its permissions"
        ) from error
    storage = elsewhere or open_storage(config.blobs_url, durability=config.durability)
    metadata = open_metadata(config.database_url, durability=config.durability, clock=clock)
    try:
        claim_storage(metadata, storage, told_url(config.blobs_url))
        watches = WatchHub(metadata, watching)
        direct = open_direct_access(storage) if config.direct_access else None
        signed = open_signed_transfers(storage, offered=config.signed_transfers)
        return Application(
            metadata=metadata,
            storage=storage,
            limits=limits,
            artifacts=ArtifactServicer(
                metadata, storage, limits, watches, GroupCommit(metadata, limits) if groups_saves else None
            ),
            blobs=BlobServicer(metadata, storage, limits, direct, signed),
            pipelines=PipelineServicer(metadata, storage, limits, watches),
            watches=watches,
        )
    except BaseException:
        metadata.close()
        raise


def _open_elsewhere(config: StoreConfig) -> BlobStorage:
    """Open the bytes that are kept elsewhere; their folder is not made when the store has bytes already."""
    from argosy_server.adapters.blobs.room import folder_of

    folder = folder_of(config.blobs_url)
    create = folder is None or folder.is_dir() or not _has_bytes(config)
    return open_storage(config.blobs_url, durability=config.durability, create=create)


def _has_bytes(config: StoreConfig) -> bool:
    try:
        metadata = open_metadata(config.database_url, durability=config.durability, create=False)
    except StorageUnavailable:
        return False  # it is not there yet; anything else that is wrong with it is told when it is opened
    with closing(metadata):
        return next(stored_blobs(metadata), None) is not None


@dataclass(frozen=True)
class Store:
    """Metadata and bytes without anybody who answers for them."""

    metadata: MetadataStore
    storage: BlobStorage

    def close(self) -> None:
        """Give all connections back."""
        self.metadata.close()


def open_existing(config: StoreConfig, check: Callable[[MetadataStore, BlobStorage, str], None] = check_owner) -> Store:
    """Open a store that is there and up to date; nothing is created or changed.

    Args:
        config: where it is.
        check: refuses a storage that is not that of the store.

    Raises:
        StorageUnavailable: it is not there, is of another version, or cannot be reached; the message says what to do.
        ValueError: the URL of the bytes has a scheme nobody knows.
    """
    metadata = open_metadata(config.database_url, durability=config.durability, create=False)
    try:
        storage = open_storage(config.blobs_url, durability=config.durability, create=False)
        check(metadata, storage, told_url(config.blobs_url))
        return Store(metadata, storage)
    except BaseException:
        metadata.close()
        raise


def require_store(config: StoreConfig, store_id: str) -> None:
    """Refuse any store but one; nothing is created or changed.

    Args:
        config: where it has to be.
        store_id: its id.

    Raises:
        StorageUnavailable, ValueError: as for :func:`open_existing`, or another one or none is there.
    """

    def check(metadata: MetadataStore, storage: BlobStorage, name: str) -> None:
        for place, found in (("the database", metadata.store_id), (name, storage.owner())):
            if found != store_id:
                there = f"another store (id {found})" if found else "no store"
                raise StorageUnavailable(
                    f"{place} holds {there}, and the one that is served (id {store_id}) cannot be changed for another "
                    "while the server runs; correct data, database and blobs, or restart it for that"
                )

    open_existing(config, check).close()


@dataclass(frozen=True)
class StoreCopy:
    """A store, and where it shall go."""

    source: SourceStore
    rows: RowCopy
    target: TargetStorage

    def close(self) -> None:
        """Give all connections back."""
        self.rows.close()
        self.source.metadata.close()


def open_store_copy(source: StoreConfig, target: StoreConfig) -> StoreCopy:
    """Open a store that is there and up to date, to copy it; of the target nothing is made yet.

    Raises:
        StorageUnavailable: the source is not there, is of another version, or cannot be reached.
        ValueError: the URL of its bytes has a scheme nobody knows, or one of the two places is inside the other.
    """
    # Not at the top: an embedded store never needs them.
    from argosy_server.adapters.blobs.room import folder_of, free_room, is_same_place, refuse_nested
    from argosy_server.usecases.upkeep.copy_store import Room, SourceStore, TargetStorage

    refuse_nested(source.places, target.places)
    rows = open_row_copy(source.database_url, target.database_url, durability=target.durability)
    try:
        store = open_existing(source, refuse_other_owner)
    except BaseException:
        rows.close()
        raise
    folder = folder_of(target.blobs_url)

    def find() -> BlobStorage | None:
        if folder is not None and not folder.is_dir():
            return None
        return open_storage(target.blobs_url, durability=target.durability, create=False)

    return StoreCopy(
        SourceStore(store.metadata, store.storage, told_url(source.blobs_url)),
        rows,
        TargetStorage(
            # The same however it is written, for it is compared with what the source has kept.
            name=str(folder or told_url(target.blobs_url.rstrip("/"))),
            is_source=is_same_place(source.blobs_url, target.blobs_url),
            find=find,
            create=lambda: open_storage(target.blobs_url, durability=target.durability),
            room=lambda path: Room(*free_room(path)),
            folder=str(folder or ""),
        ),
    )
