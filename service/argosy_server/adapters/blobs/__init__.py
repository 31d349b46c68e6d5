"""Where bytes are kept: plain files, a bucket of an S3 store, or any other store fsspec can reach."""

from __future__ import annotations

import logging
import os
from typing import Literal
from urllib.parse import unquote, urlsplit

from argosy_server.adapters.blobs.room import folder_of
from argosy_server.adapters.blobs.told_url import told_url
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.usecases.blobs.direct_access import DirectAccess
from argosy_server.usecases.blobs.signed_transfers import SignedTransfers
from argosy_server.usecases.ports import BlobStorage

Durability = Literal["full", "process"]
_log = logging.getLogger(__name__)


def open_direct_access(storage: BlobStorage) -> DirectAccess | None:
    """Return what clients on the same file system need to use the files of a storage themselves.

    Returns:
        ``None`` for a storage whose locations are no files.

    Raises:
        StorageFull, StorageUnavailable: the tokens cannot be made.
    """
    from argosy_server.adapters.blobs import direct_tokens

    return direct_tokens.open_direct_access(storage)


def open_signed_transfers(storage: BlobStorage, *, offered: bool) -> SignedTransfers | None:
    """Return what signs the URLs by which clients move bytes to and from a storage themselves.

    Args:
        storage: where the bytes are.
        offered: whether URLs are signed; what clients sent by those of another replica is taken anyway.

    Returns:
        ``None`` for a storage that is no S3 bucket, or that there are no credentials for.

    Raises:
        StorageUnavailable: the settings of the bucket contradict each other.
    """
    bucket = getattr(storage, "bucket", None)
    if bucket is None:
        return None
    from argosy_server.adapters.blobs.s3.signing import open_s3_signing

    signing = open_s3_signing(bucket)
    return SignedTransfers(signing, offered=offered) if signing is not None else None


def open_storage(url_or_path: str, *, durability: Durability, create: bool = True) -> BlobStorage:
    """Open a folder by its path or ``file://`` URL, or another store by its fsspec URL (``s3://bucket/prefix``).

    Args:
        url_or_path: where the bytes are.
        durability: for folders: ``full`` survives power loss, ``process`` any crash of processes.
            Other stores promise what they promise.
        create: whether a folder is created, or must be there. A bucket must always be there.

    Raises:
        StorageUnavailable: it is not there, or cannot be created or reached; says what to do.
        StorageFull: there is no room.
        ValueError: nobody knows the URL's scheme, its package is missing, or the URL is malformed.
    """
    scheme, separator, _ = url_or_path.partition("://")
    if separator and scheme in ("s3", "s3a"):
        try:
            from argosy_server.adapters.blobs.s3.storage import S3Storage
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "botocore":
                raise
            raise ValueError(f"{scheme} URLs need the package botocore; pip install 'argosy[s3]'") from error
        return S3Storage(url_or_path)
    if separator and scheme != "file":
        # fsspec and its stores are slow to import, and an embedded store never needs them.
        from argosy_server.adapters.blobs.fsspec_storage import FsspecStorage

        if scheme == "memory" and durability == "full":
            _log.warning("blobs in %s are in memory only, and are gone when this process ends", told_url(url_or_path))
        return FsspecStorage(url_or_path, create=create)
    from argosy_server.adapters.blobs.local_storage import LocalStorage

    folder_of(url_or_path)  # refuses s3:/bucket, which would be a folder called s3:
    path = unquote(urlsplit(url_or_path).path) if separator else url_or_path
    if not (create or os.path.isdir(path)):
        raise StorageUnavailable(f"{path}, the folder of the bytes, is not there; mount it, or name the right one")
    return LocalStorage(path, sync=durability == "full")
