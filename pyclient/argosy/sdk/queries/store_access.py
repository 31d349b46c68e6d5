"""What every part of ``Client`` stands on: settings, and the way to the store."""

from __future__ import annotations

from pathlib import Path

from argosy.config import ClientConfig, resolve
from argosy.transport.connection import Connection, connect


class StoreAccess:
    """Settings, and the way to the store. Making one does no I/O; the first call connects."""

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
        self.config: ClientConfig = resolve(server=server, project=project, home=home, allow_pickle=allow_pickle)

    @property
    def connection(self) -> Connection:
        """The checked way to the store.

        Raises:
            UnavailableError: the store cannot be reached.
        """
        return connect(self.config)
