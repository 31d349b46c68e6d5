"""A storage holds the bytes of one store: another one would take them all for orphans and sweep them.

One that nobody has claimed is that of a new store, or of one from before there were owners, which has its bytes there.
Anything else is a mistake: a place that is misspelt, or not mounted, in which all bytes would seem to be lost.
"""

from __future__ import annotations

from itertools import islice

from argosy_server.domain.errors import StorageUnavailable
from argosy_server.usecases.ports import BlobStorage, MetadataStore
from argosy_server.usecases.upkeep.every_blob import stored_blobs

PROBES = 20
"""So many blobs are looked for to tell whether a storage has those of a store; some may be lost."""


def claim_storage(metadata: MetadataStore, storage: BlobStorage, name: str) -> None:
    """Make a storage that of a store; one nobody has claimed is claimed, unless the bytes of the store are elsewhere.

    Args:
        metadata: the database of the store.
        storage: its bytes.
        name: what the storage is called in messages.

    Raises:
        StorageFull, StorageUnavailable: it is that of another store or of none, or cannot be written.
    """
    owner = storage.owner()
    if owner is None:
        _refuse_without_bytes(metadata, storage, name)
        owner = storage.claim(metadata.store_id)
    _refuse_another(metadata, owner, name)


def check_owner(metadata: MetadataStore, storage: BlobStorage, name: str) -> None:
    """Refuse a storage that is claimed by another store, or does not hold the bytes of this one; nothing is written.

    Raises:
        StorageUnavailable: it is so, or cannot be read.
    """
    refuse_other_owner(metadata, storage, name)
    if storage.owner() is None:
        _refuse_without_bytes(metadata, storage, name)


def refuse_other_owner(metadata: MetadataStore, storage: BlobStorage, name: str) -> None:
    """Refuse a storage that is claimed by another store; one nobody has claimed may be anybody's.

    Raises:
        StorageUnavailable: it is, or cannot be read.
    """
    owner = storage.owner()
    if owner is not None:
        _refuse_another(metadata, owner, name)


def _refuse_without_bytes(metadata: MetadataStore, storage: BlobStorage, name: str) -> None:
    blobs = list(islice(stored_blobs(metadata), PROBES))
    if blobs and all(storage.size(blob.location) is None for blob in blobs):
        raise StorageUnavailable(
            f"{name} does not hold the blobs of this store (id {metadata.store_id}), nor is it marked as its place; "
            "correct --blobs, or bring the bytes there; if they are lost for good, name this place its own by putting "
            "that id, without a line end, into an object store-id there (in a folder: a file .store-id)"
        )


def _refuse_another(metadata: MetadataStore, owner: str, name: str) -> None:
    if owner != metadata.store_id:
        raise StorageUnavailable(
            f"{name} holds the blobs of another store (id {owner}); choose another folder with --blobs, or the "
            "database that belongs to it with --database"
        )
