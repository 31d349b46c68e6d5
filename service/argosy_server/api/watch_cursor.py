"""Cursors of watches: opaque to clients, bound to one project of one store."""

from __future__ import annotations

import base64
import binascii

from blake3 import blake3

from argosy_server.domain.errors import CursorExpired
from argosy_server.domain.event import Position
from argosy_server.usecases.ports import MetadataStore
from argosy_server.usecases.read_events import check_position

MAX_NUMBER = 1 << 63


class Cursors:
    """Writes and reads the cursors of one project."""

    def __init__(self, store_id: str, project: str) -> None:
        """Bind to a project of a store."""
        self._owner = blake3(f"{store_id}:{project}:events".encode()).hexdigest(length=12)

    def write(self, position: Position) -> str:
        """Return the cursor of a position."""
        return base64.urlsafe_b64encode(f"{self._owner}.{position.xid}.{position.seq}".encode()).decode()

    def read(self, cursor: str) -> Position:
        """Return the position of a cursor.

        Raises:
            CursorExpired: it is of another store or project, or no cursor at all.
        """
        try:
            owner, xid, seq = base64.urlsafe_b64decode(cursor.encode()).decode().split(".")
            position = Position(int(xid), int(seq))
        except (ValueError, binascii.Error):
            owner, position = "", Position(0, 0)
        if owner != self._owner or not all(0 <= number < MAX_NUMBER for number in position):
            raise CursorExpired(
                "the cursor is of another store or project, or none; list what there is, and watch anew without it"
            )
        return position


def starting_position(metadata: MetadataStore, cursors: Cursors, cursor: str) -> tuple[Position, Position]:
    """Return where a watch begins, and the newest position: without a cursor both are the same.

    Raises:
        CursorExpired: events after it were forgotten, or it is not of this store and project.
    """
    given = cursors.read(cursor) if cursor else None
    with metadata.read() as tx:
        newest = tx.events.newest()
        if given is None:
            return newest, newest
        check_position(tx, given)
    if given > newest:
        raise CursorExpired(
            "the cursor is ahead of this store, which seems to have been restored from a backup; "
            "list what there is, and watch anew without it"
        )
    return given, newest
