"""A storage holds the bytes of one store: another one would take them all for orphans and sweep them."""

from __future__ import annotations

from argosy_server.domain.errors import StorageUnavailable
from argosy_server.usecases.ports import BlobStorage, MetadataStore


def claim_storage(metadata: MetadataStore, storage: BlobStorage, name: str) -> None:
    """Make a storage that of a store; one nobody has claimed is claimed.

    Args:
        metadata: the database of the store.
        storage: its bytes.
        name: what the storage is called in messages.

    Raises:
        StorageFull, StorageUnavailable: it is that of another store, or cannot be written.
    """
    _refuse_another(metadata, storage.owner() or storage.claim(metadata.store_id), name)


def check_owner(metadata: MetadataStore, storage: BlobStorage, name: str) -> None:
    """Refuse a storage that is claimed by another store; nothing is written.

    Raises:
        StorageUnavailable: it is, or cannot be read.
    """
    owner = storage.owner()
    if owner is not None:
        _refuse_another(metadata, owner, name)


def _refuse_another(metadata: MetadataStore, owner: str, name: str) -> None:
    if owner != metadata.store_id:
        raise StorageUnavailable(
            f"{name} holds the blobs of another store (id {owner}); choose another folder with --blobs, or the "
            "database that belongs to it with --database"
        )
