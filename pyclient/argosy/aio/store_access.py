"""What every part of the asyncio ``Client`` stands on: settings, and the code of the blocking client by its way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from argosy.aio.loop.way import Way
from argosy.config import ClientConfig, resolve
from argosy.sdk.client import Client as BlockingClient
from argosy.transport.connection import Connection

R = TypeVar("R")


class StoreAccess:
    """Settings, and the way to the store. Making one does no I/O; the first call connects.

    Attributes:
        way: how calls reach the store.
    """

    def __init__(
        self,
        server: str | None = None,
        project: str | None = None,
        home: str | Path | None = None,
        *,
        allow_pickle: bool | None = None,
    ) -> None:
        """Take settings; those left out are found as :mod:`argosy.config` says.

        Args:
            server: address of the server.
            project: the project to work in.
            home: directory of the embedded store.
            allow_pickle: whether values may be pickled.

        Raises:
            ConfigurationError: a setting is malformed.
        """
        self.way = Way(resolve(server=server, project=project, home=home, allow_pickle=allow_pickle))

    @property
    def config(self) -> ClientConfig:
        """The settings it was made with."""
        return self.way.config

    async def _ask(self, code: Callable[[BlockingClient], R]) -> R:
        """Run code of the blocking client which makes a few simple calls."""
        return await self.way.ask(lambda connection: code(_ClientOver(connection)))

    def _iterate(self, make: Callable[[BlockingClient], Iterator[R]]) -> AsyncGenerator[R, None]:
        """Yield what a list of the blocking client yields."""
        return self.way.iterate(lambda connection: make(_ClientOver(connection)))


class _ClientOver(BlockingClient):
    """A blocking client whose calls go by a connection of ours."""

    def __init__(self, connection: Connection) -> None:
        self.config = connection.config
        self._over = connection

    @property
    def connection(self) -> Connection:
        """That connection."""
        return self._over
