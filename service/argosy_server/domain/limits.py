"""The limits the service announces in GetCapabilities and holds its clients to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

PROTOCOL_REVISION = 1
"""The newest revision of the contract this server speaks."""
OLDEST_PROTOCOL_REVISION = 1
"""The oldest revision it still speaks."""


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, counts, and how long things live."""

    preferred_chunk_bytes: int = 1 << 20
    max_chunk_bytes: int = 2 << 20
    max_inline_bytes: int = 1 << 20
    max_files: int = 16_384
    max_file_list_bytes: int = 3 << 20
    """All files of a version must fit in one message, and metadata beside them."""
    max_digests: int = 16_384
    max_blob_row_bytes: int = 32 << 10
    """Blobs up to this size live in the metadata database: a file each is what makes small saves slow."""
    max_batch_bytes: int = 2 << 20
    max_batch_items: int = 1000
    mark_bytes: int = 16 << 20
    """At most this many bytes that arrived are lost with the server."""
    max_page_bytes: int = 1 << 20
    max_metadata_bytes: int = 256 << 10
    max_log_bytes: int = 8 << 20
    """Of an attempt of a step: half of it for its beginning, half for its end."""
    blob_lease: timedelta = timedelta(hours=24)
    upload_lease: timedelta = timedelta(hours=24)
    run_lease: timedelta = timedelta(seconds=60)
    reply_retention: timedelta = timedelta(days=7)
    event_retention: timedelta = timedelta(days=7)
