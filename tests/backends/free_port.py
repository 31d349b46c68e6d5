"""Ports for servers that come back at the same address."""

from __future__ import annotations

import os
import random
import socket
from contextlib import suppress

FIRST, LAST = 20_000, 32_000
"""Of those no outgoing connection takes while their owner is away."""
MOST_PROCESSES = 12
"""Workers of pytest that have ports of their own, more of them share; what runs beside them has those of the last."""


def _own() -> range:
    """Return the ports of this process: on what another one has just found, nobody listens yet."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", f"gw{MOST_PROCESSES - 1}")
    each = (LAST - FIRST) // MOST_PROCESSES
    first = FIRST + each * (int(worker.removeprefix("gw")) % MOST_PROCESSES)
    return range(first, first + each)


_ports = _own()
_next = random.randrange(len(_ports))  # other tests may run on this machine, too


def free_port() -> int:
    """Return a port nobody listens on, which is not found again before all others were."""
    global _next
    for _ in _ports:
        port = _ports[_next]
        _next = (_next + 1) % len(_ports)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError(f"somebody listens on each of the ports {_ports[0]} to {_ports[-1]}")
