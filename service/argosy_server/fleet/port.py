"""A port for several processes: kept by one that does not listen, listened on by all the others.

The kernel deals connections out among the sockets that listen with ``SO_REUSEPORT``. Nothing would stop a stranger from
doing the same, least of all a second fleet started by accident; so the port is first taken as if for one process alone,
and opened to others of the same user only then.
"""

from __future__ import annotations

import errno
import socket
from types import TracebackType

_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with what was asked for


class PortTaken(OSError):
    """The address cannot be listened on."""


class ReservedPort:
    """A port that is ours from now on, whether anybody listens on it or not."""

    def __init__(self, host: str, port: int) -> None:
        """Take the port, a free one when ``port`` is 0.

        Raises:
            PortTaken: it is in use, or the host is no address of this machine, or the system shares no ports.
        """
        self.port = port
        self._sockets: list[socket.socket] = []
        try:
            for family, address in _addresses(host):
                self._sockets.append(_take(family, address, self.port))
                self.port = self._sockets[0].getsockname()[1]
        except OSError as error:
            self.close()
            raise PortTaken(_reason(host, port, error)) from error

    def close(self) -> None:
        """Let it go."""
        for taken in self._sockets:
            taken.close()

    def __enter__(self) -> ReservedPort:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Let it go."""
        self.close()


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    if host in _ANYWHERE and socket.has_dualstack_ipv6():
        # Where gRPC is told to listen on all addresses of one family it listens on those of both.
        return [(socket.AF_INET6, "::")]
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _take(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    if not hasattr(socket, "SO_REUSEPORT"):
        raise OSError(errno.ENOTSUP, "this system lets no processes share a port; start it without --workers")
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address == "::" else 1)
        # Connections of the server before, which the kernel remembers for a minute, are in nobody's way.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((address, port))
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except BaseException:
        taken.close()
        raise
    return taken


def _reason(host: str, port: int, error: OSError) -> str:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if error.errno == errno.ENOTSUP:
        return f"cannot listen on {address}: {error.strerror}"
    return (
        f"cannot listen on {address}: the port is taken or the address is not of this machine "
        f"({error.strerror}); stop what listens there, or choose another with --listen (port 0 picks a free one)"
    )
