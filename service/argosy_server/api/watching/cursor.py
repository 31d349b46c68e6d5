"""Cursors of watches: opaque to clients, bound to one project of one store."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from blake3 import blake3

from argosy_server.domain.errors import CursorExpired
from argosy_server.domain.event import Position
from argosy_server.usecases.ports import MetadataStore
from argosy_server.usecases.read_events import check_position

MAX_NUMBER = 1 << 63


class Cursors:
    """Writes and reads the cursors of one project."""

    def __init__(self, epoch: str, project: str) -> None:
        """Bind to a project of a store, and to the order its events have now."""
        self._owner = blake3(f"{epoch}:{project}:events".encode()).hexdigest(length=12)

    def write(self, position: Position) -> str:
        """Return the cursor of a position."""
        return base64.urlsafe_b64encode(f"{self._owner}.{position.xid}.{position.seq}".encode()).decode()

    def read(self, cursor: str) -> Position:
        """Return the position of a cursor.

        Raises:
            CursorExpired: it is of another store, epoch or project, or no cursor at all.
        """
        try:
            owner, xid, seq = base64.urlsafe_b64decode(cursor.encode()).decode().split(".")
            position = Position(int(xid), int(seq))
        except (ValueError, binascii.Error):
            owner, position = "", Position(0, 0)
        if owner != self._owner or not all(0 <= number < MAX_NUMBER for number in position):
            raise CursorExpired(
                "the cursor is of another store or project, or from before this one was restored or moved, or none; "
                "list what there is, and watch anew without it"
            )
        return position


@dataclass(frozen=True)
class Start:
    """Where a watch begins.

    Attributes:
        epoch: the order of events that both positions are of.
        position: what follows it is told.
        newest: of all events; the same without a cursor.
    """

    epoch: str
    position: Position
    newest: Position


def starting_position(metadata: MetadataStore, project: str, cursor: str) -> Start:
    """Return where a watch of a project begins that was given a cursor, or none.

    Raises:
        CursorExpired: events after it were forgotten, or it is not of this store, its epoch and the project.
    """
    with metadata.read() as tx:
        epoch, newest = tx.events.epoch(), tx.events.newest()
        if not cursor:
            return Start(epoch, newest, newest)
        given = Cursors(epoch, project).read(cursor)
        check_position(tx, given)
    if given > newest:
        raise CursorExpired(
            "the cursor is ahead of this store, which seems to have been restored from a backup; "
            "list what there is, and watch anew without it"
        )
    return Start(epoch, given, newest)
