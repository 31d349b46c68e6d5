"""What a worker process runs. It is started by a supervisor, not by people."""

from __future__ import annotations

import logging
import os
import queue
import selectors
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

from argosy_server.cli.logs import configure_logs
from argosy_server.cli.serving import END_SECONDS, CannotServe, Serving, end_within
from argosy_server.fleet.control import DRAIN, LEAVE, READY, REFUSED, STORE, Control, assignment_of
from argosy_server.fleet.signals import SignalInbox

ABANDONED = 3
"""How a worker ends whose supervisor is gone."""
_log = logging.getLogger("argosy_server.fleet")


def main(descriptor: int) -> None:
    """Serve what the supervisor at the other end of a socket says, until it says to drain or is gone."""
    os.set_inheritable(descriptor, False)
    control = Control(socket.socket(fileno=descriptor))
    messages = control.messages()
    first = next(messages, None)
    if first is None:
        return
    assignment = assignment_of(first)
    config = assignment.config
    configure_logs(config.log_format, config.log_level, worker=assignment.number)
    orders = Orders(messages)
    try:
        serving = Serving(config, assignment.port, assignment.store_id)
    except CannotServe as error:
        control.send(**{REFUSED: str(error)})
        raise SystemExit(1) from None
    control.send(**{READY: True, STORE: serving.store_id})
    while (order := orders.next()) is not None and order["order"] == LEAVE:
        serving.announce_end()
    orders.close()
    grace = config.grace if order is None else order["grace"]
    end_within(grace + END_SECONDS)
    serving.drain(grace)


class Orders:
    """What a worker is told to do, by its supervisor or by a signal. Without a supervisor it ends at once.

    The port is that of the supervisor: a worker that went on alone would keep the next server from it.
    """

    def __init__(self, messages: Iterator[dict[str, Any]]) -> None:
        """Listen from now on."""
        # Whoever lets all processes of that name read their settings again means the supervisor.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._signals = SignalInbox((signal.SIGTERM, signal.SIGINT))
        self._orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._heard, self._tell = socket.socketpair()
        threading.Thread(target=self._listen, args=(messages,), name="orders", daemon=True).start()

    def next(self) -> dict[str, Any] | None:
        """Wait for the next order and return it, ``None`` when a signal says to stop."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._signals, selectors.EVENT_READ)
            selector.register(self._heard, selectors.EVENT_READ)
            while True:
                arrived = [key.fileobj for key, _ in selector.select()]
                if self._heard in arrived:
                    self._heard.recv(1)
                    return self._orders.get()
                if self._signals.take():
                    return None

    def close(self) -> None:
        """Listen for nothing but the end of the supervisor; a signal ends the process at once."""
        self._signals.close()

    def _listen(self, messages: Iterator[dict[str, Any]]) -> None:
        for message in messages:
            if message["order"] in (LEAVE, DRAIN):
                self._orders.put(message)
                self._tell.send(b"\0")
        _log.error("the supervisor is gone; this worker ends")
        os._exit(ABANDONED)
