"""A server on an empty store of its own, for one client or for clients at once."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.child import environment
from bench.running_server import Running, serving


@dataclass(frozen=True)
class Fresh:
    """The server, and a folder for what belongs to it.

    Attributes:
        server: the running server.
        data: its store.
        scratch: an empty folder beside the store, on the same file system.
    """

    server: Running
    data: Path
    scratch: Path

    def env(self, url: str = "") -> dict[str, str]:
        """Return the environment of a client; ``url`` is another way to the server."""
        return environment(self.scratch / "client", url or self.server.url)


@contextlib.contextmanager
def fresh_server(*options: str) -> Iterator[Fresh]:
    """Start ``argosy-server serve`` with ``options`` on an empty store; remove both at the end."""
    with tempfile.TemporaryDirectory() as folder:
        data, scratch = Path(folder, "data"), Path(folder, "scratch")
        scratch.mkdir()
        with serving(data, *options) as server:
            yield Fresh(server, data, scratch)
