"""What supervisor and worker say to each other: JSON, a line each, over a socket that only they have.

The supervisor first says what to serve. The worker answers that it is ready and with which store, or why it cannot be.
Later the supervisor says when the worker leaves (it answers, but tells health checks that it does so no longer) and
when it drains.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from argosy_server.config import ServerConfig

READY, REFUSED = "ready", "refused"
STORE = "store"
LEAVE, DRAIN = "leave", "drain"
RECEIVED_BYTES = 1 << 16


@dataclass(frozen=True)
class Assignment:
    """What a worker serves.

    Attributes:
        number: which worker of the fleet it is, from 1 on; a successor has the number of the one it replaces.
        port: the port to listen on, together with the other workers.
        config: all settings.
        store_id: id of the store it has to be, which is there; ``""`` for any, which is created unless it is there.
    """

    number: int
    port: int
    config: ServerConfig
    store_id: str = ""


class Control:
    """One end of the conversation."""

    def __init__(self, connected: socket.socket) -> None:
        """Take a connected socket."""
        self._socket = connected
        self._received = b""
        self.is_open = True

    def fileno(self) -> int:
        """Return the descriptor, for ``selectors``."""
        return self._socket.fileno()

    def close(self) -> None:
        """End the conversation."""
        self._socket.close()

    def send(self, **message: Any) -> None:
        """Say something; what the other side can hear no more is no error, for it is told so by the end."""
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            self.is_open = False

    def receive(self) -> list[dict[str, Any]]:
        """Wait until the other side has said something and return it; ``is_open`` is false once it is gone."""
        try:
            data = self._socket.recv(RECEIVED_BYTES)
        except ConnectionResetError:
            data = b""
        self.is_open = bool(data)
        *lines, self._received = (self._received + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield what the other side says until it is gone."""
        while self.is_open:
            yield from self.receive()

    def assign(self, assignment: Assignment) -> None:
        """Say what to serve."""
        self.send(
            number=assignment.number,
            port=assignment.port,
            config=assignment.config.to_document(),
            store_id=assignment.store_id,
        )


def assignment_of(message: dict[str, Any]) -> Assignment:
    """Return what :meth:`Control.assign` said."""
    config = ServerConfig.from_document(message["config"])
    return Assignment(message["number"], message["port"], config, message["store_id"])
