"""The tokens by which clients prove that they share a file system with the store, each in a file."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from argosy_server.adapters.blobs.failures import translated
from argosy_server.adapters.blobs.kept_text import keep_text
from argosy_server.adapters.blobs.local_storage import LocalStorage
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.usecases.blobs.direct_access import DirectAccess
from argosy_server.usecases.ports import BlobStorage

_TOKEN = re.compile(r"[0-9a-f]{64}")
READ_TOKEN, WRITE_TOKEN = ".read-token", ".write-token"  # hidden names are no locations


def open_direct_access(storage: BlobStorage) -> DirectAccess | None:
    """Return what clients need to use the files of a storage, making its tokens unless they are there.

    Returns:
        ``None`` for a storage whose locations are no files.

    Raises:
        StorageFull, StorageUnavailable: the tokens cannot be made.
    """
    if not isinstance(storage, LocalStorage):
        return None
    with translated(str(storage.root)):
        return DirectAccess(
            storage=storage,
            read_token_file=storage.root / READ_TOKEN,
            read_token=_token(storage.root / READ_TOKEN, 0o644),
            write_token_file=storage.root / WRITE_TOKEN,
            write_token=_token(storage.root / WRITE_TOKEN, 0o600),
            sync=storage.sync,
        )


def _token(path: Path, mode: int) -> str:
    text = keep_text(path, mode, lambda: secrets.token_hex(32))
    if not _TOKEN.fullmatch(text):
        # Least of all an empty one, which every client would know.
        raise StorageUnavailable(f"{path} holds no token; remove it, and a new one is made")
    return text
