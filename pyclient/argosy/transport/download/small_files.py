"""The small files of a version: brought many at a time, in whatever order they are asked for."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

from blake3 import blake3

from argosy.errors import CorruptDataError
from argosy.transport.connection import Connection
from argosy.transport.content_hash import digest_text
from argosy.transport.progress import Progress
from argosy.transport.rpc.error_mapping import raise_item
from argosy.transport.rpc.retry import retrying
from argosy.v1.artifact_pb2 import ArtifactFile

SMALL_BYTES = 256 << 10
"""Files below it come many at a time."""
KEPT_BYTES = 32 << 20
"""As much of what came along is held in memory until it is asked for."""


class SmallFiles:
    """Reads the small ones among the files of a version."""

    def __init__(self, connection: Connection, files: Iterable[ArtifactFile], progress: Progress) -> None:
        """Read nothing yet."""
        self._connection = connection
        self._progress = progress
        # As people count: items/2 before items/10, which is the order in which lists are read.
        self._files = sorted((file for file in files if file.size_bytes < SMALL_BYTES), key=_counted)
        self._places = {file.path: place for place, file in enumerate(self._files)}
        self._new = set(range(len(self._files)))
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0

    def keep(self, file: ArtifactFile, content: bytes) -> None:
        """Take bytes that came by another way.

        Raises:
            CorruptDataError: they do not match the recorded digest.
        """
        self._kept[file.path] = _verified(file, content)
        self._kept_bytes += len(content)
        if file.path in self._places:
            self._new.discard(self._places[file.path])

    def read(self, file: ArtifactFile) -> bytes | None:
        """Return a small file, bringing its neighbours too; ``None`` for a large one.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest.
        """
        if file.path not in self._kept and file.path in self._places:
            self._bring(self._batch_around(self._places[file.path]))
        return self._kept.get(file.path)

    def holds(self, file: ArtifactFile) -> bool:
        """Tell whether a file is in memory."""
        return file.path in self._kept

    def forget(self) -> None:
        """Let go of what is in memory."""
        self._kept.clear()
        self._kept_bytes = 0

    def _batch_around(self, place: int) -> list[int]:
        """Return a file with those after it, then those before it, that never came: as many as one call brings."""
        capabilities = self._connection.capabilities
        batch, size = [place], self._files[place].size_bytes
        for other in self._neighbours(place):
            size += self._files[other].size_bytes
            if size > capabilities.max_batch_bytes or len(batch) == capabilities.max_batch_items:
                break
            batch.append(other)
        return batch

    def _neighbours(self, place: int) -> Iterator[int]:
        yield from (other for other in range(place + 1, len(self._files)) if other in self._new)
        yield from (other for other in range(place - 1, -1, -1) if other in self._new)

    def _bring(self, places: Sequence[int]) -> None:
        batch = [self._files[place] for place in places]
        digests = list(dict.fromkeys(file.digest for file in batch))
        results = retrying("batch of blobs", lambda: self._connection.blobs.batch_read_blobs(digests))
        by_digest = dict(zip(digests, results, strict=True))
        # The one that is wanted last, so that it is the last to be let go.
        for place, file in reversed(list(zip(places, batch, strict=True))):
            result = by_digest[file.digest]
            raise_item(result.status, f"file {file.path!r}")
            new = place in self._new
            self.keep(file, result.content)
            if new:
                self._progress.advance(file.size_bytes)
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            _, content = self._kept.popitem(last=False)
            self._kept_bytes -= len(content)


def _counted(file: ArtifactFile) -> list[tuple[int, int, str]]:
    """Return a key that orders numbers inside of paths by their value."""
    parts = re.split(r"([0-9]+)", file.path)
    return [(1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts]


def _verified(file: ArtifactFile, content: bytes) -> bytes:
    digest = digest_text(blake3(content))
    if digest != file.digest:
        raise CorruptDataError(
            f"file {file.path!r} arrived as {digest} with {len(content)} bytes, but {file.digest} with "
            f"{file.size_bytes} bytes is recorded; nothing of it was used: load it again, and if that fails save the "
            "value again or restore the store from its backup"
        )
    return content
