"""Uploads that stand still in their middle."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from argosy.v1.artifact_transfer_pb2 import UploadArtifactRequest
from tests.api.calls import upload_parts
from tests.api.conftest import Service
from tests.waiting import PATIENCE

CONTENT = b"held" * 10_000
"""More than goes into a row of the database: the store knows of the upload while it is under way."""


class HeldUpload:
    """An UploadArtifact call that stays under way until it is released."""

    def __init__(self, service: Service, name: str, content: bytes = CONTENT, *, last: int = 1) -> None:
        """Send all messages but so many of the last ones, of which the very last says that it is finished."""
        self.released = threading.Event()
        self._begun = threading.Event()
        self._parts = list(upload_parts("p", name, content))
        self._last = last
        self.call = service.artifacts.UploadArtifact.future(self._send())
        assert self._begun.wait(PATIENCE)

    def _send(self) -> Iterator[UploadArtifactRequest]:
        yield from self._parts[: -self._last]
        self._begun.set()
        self.released.wait(PATIENCE)
        yield from self._parts[-self._last :]
