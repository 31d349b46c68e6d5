"""Every blob of a store, page by page, so that no transaction is long."""

from __future__ import annotations

from collections.abc import Iterator

from argosy_server.domain.blob import Blob
from argosy_server.usecases.ports import MetadataStore

PAGE = 1000


def every_blob(metadata: MetadataStore) -> Iterator[Blob]:
    """Yield the blobs of all projects, damaged ones too, by project and digest."""
    last = None
    while True:
        with metadata.read() as tx:
            page = tx.survey.blobs(last, PAGE)
        if not page:
            return
        yield from page
        last = page[-1]


def stored_blobs(metadata: MetadataStore) -> Iterator[Blob]:
    """Yield those of them whose bytes are not in the database."""
    return (blob for blob in every_blob(metadata) if blob.location)
