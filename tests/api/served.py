"""A server in this process, on a real port, with settings no operator can reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from argosy_server.api.serving.server import ArgosyGrpcServer
from argosy_server.api.watching.settings import WatchSettings
from argosy_server.bootstrap import SERVICES, Application, build
from argosy_server.config import StoreConfig
from tests.api.conftest import Service, service_on


@dataclass
class Served:
    """The server and how to reach it."""

    home: Path
    address: str
    application: Application
    channels: list[grpc.Channel]
    database: str

    def connect(self, options: Sequence[tuple[str, int]] = ()) -> Service:
        """Return stubs over a connection of their own."""
        own = (*options, ("grpc.use_local_subchannel_pool", 1))
        self.channels.append(grpc.insecure_channel(self.address, options=own))
        return service_on("server", self.home, self.channels[-1], self.database)


@contextmanager
def served(home: Path, watching: WatchSettings, database: str = "") -> Iterator[Served]:
    """Serve a new store for the time of a block."""
    application = build(
        StoreConfig(home, database=database, durability="process"), watching=watching, groups_saves=True
    )
    server = ArgosyGrpcServer(4)
    port = server.bind("127.0.0.1", 0)
    server.serve(application.register, SERVICES, reflection=False)
    found = Served(home, f"127.0.0.1:{port}", application, [], database)
    try:
        yield found
    finally:
        for channel in found.channels:
            channel.close()
        application.watches.drain()
        server.drain(0)
        application.close()
