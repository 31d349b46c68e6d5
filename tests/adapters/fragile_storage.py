"""A folder of files whose disk fails when a test wants it to, and that tells what is durable."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from argosy_server.adapters.blobs.local_storage import LocalStorage
from argosy_server.domain.errors import DomainError
from argosy_server.usecases.ports import BlobWriter
from tests.waiting import PATIENCE


class FragileStorage(LocalStorage):
    """Works as any folder does until something is put into ``failures``.

    Attributes:
        failures: what the writers' ``write``, ``mark``, ``suspend`` or ``finish`` raises from now on, by its name.
        written: bytes of all writers so far.
        durable: how many of them the last mark covered.
        most_at_risk: the most bytes that were written and not durable, at any time.
        events: what was called, in order, without the writes.
        marks: whether marks can be kept.
        meanwhile: called once before a writer is resumed; others may do so meanwhile.
        marking: when it is set, marks wait for it.
    """

    def __init__(self, root: Path, *, sync: bool = False) -> None:
        super().__init__(root, sync=sync)
        self.failures: dict[str, DomainError] = {}
        self.written = self.durable = self.most_at_risk = 0
        self.events: list[str] = []
        self.marks = True
        self.meanwhile: Callable[[], object] | None = None
        self.marking: threading.Event | None = None

    def open_writer(self, location: str) -> BlobWriter:
        return FragileWriter(self, super().open_writer(location))

    def resume_writer(self, location: str, size: int) -> BlobWriter | None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        writer = super().resume_writer(location, size)
        self.events.append("resumed" if writer is not None else "not resumed")
        return FragileWriter(self, writer) if writer is not None else None


class FragileWriter:
    """Passes everything on to a writer, unless it shall fail."""

    def __init__(self, storage: FragileStorage, writer: BlobWriter) -> None:
        self._storage = storage
        self._writer = writer

    def write(self, data: bytes | memoryview) -> None:
        self._fail("write")
        self._writer.write(data)
        storage = self._storage
        storage.written += len(data)
        storage.most_at_risk = max(storage.most_at_risk, storage.written - storage.durable)

    @property
    def readable(self) -> bool:
        return self._writer.readable

    @property
    def known(self) -> int:
        return self._writer.known

    def boundary_after(self, size: int) -> int | None:
        return self._writer.boundary_after(size)

    def mark(self) -> int:
        self._fail("mark")
        size = self._storage.written
        if self._storage.marking is not None:
            assert self._storage.marking.wait(PATIENCE)
        if not self._storage.marks:
            return 0
        kept = self._writer.mark()
        self._storage.durable = size
        return kept

    def suspend(self) -> int:
        self._fail("suspend")
        if not self._storage.marks:
            self._writer.discard()
            return 0
        return self._writer.suspend()

    def salvage(self) -> int:
        self._storage.events.append("discard")
        return self._writer.salvage()

    def finish(self) -> None:
        self._fail("finish")
        self._writer.finish()

    def discard(self) -> None:
        self._storage.events.append("discard")
        self._writer.discard()

    def _fail(self, method: str) -> None:
        if method != "write":
            self._storage.events.append(method)
        if method in self._storage.failures:
            raise self._storage.failures[method]
