"""How many may watch one server, and how patient it is with them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WatchSettings:
    """How a server treats those who watch it.

    Attributes:
        max_watchers: how many at once.
        senders: threads that send to them; two more look for events and for those who take nothing.
        stall_seconds: how long one may take nothing before its stream is ended.
        busy_seconds: the same while all senders wait for such ones and others have something to be sent.
        quiet_seconds: after so long without an event a watcher hears how far it is.
        poll_seconds: how often the database is asked for what other processes wrote.
    """

    max_watchers: int = 10_000
    senders: int = 12
    stall_seconds: float = 10.0
    busy_seconds: float = 0.25
    quiet_seconds: float = 15.0
    poll_seconds: float = 0.1
