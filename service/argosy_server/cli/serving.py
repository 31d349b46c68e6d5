"""A server in this process, from its start to its end; the one of ``serve`` and that of a worker alike."""

from __future__ import annotations

import logging
import os
import threading

from argosy_server.config import ServerConfig

END_SECONDS = 10.0
"""What a process may take beyond the grace to close files and connections; less than a supervisor gives a worker."""
_log = logging.getLogger(__name__)


class CannotServe(Exception):
    """The server cannot start; the message says why, for an operator."""


class Serving:
    """A server that answers until it is drained."""

    def __init__(self, config: ServerConfig, shared_port: int = 0, store_id: str = "") -> None:
        """Open the store, creating it unless it is there, and answer calls from now on.

        Args:
            config: all settings.
            shared_port: the port to share with other workers instead of taking one of its own.
            store_id: of the only store to serve, which has to be there; ``""`` for any.

        Raises:
            CannotServe: the port or the store is not to be had.
        """
        # gRPC's own lines on stderr tell what our errors tell better. It looks once, when it is imported.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        from argosy.allocator import tune_allocator
        from argosy_server.api.serving.server import ArgosyGrpcServer, PortTaken

        tune_allocator()
        if store_id:
            _require(config, store_id)
        self._config = config
        self._is_worker = bool(shared_port)
        self._server = ArgosyGrpcServer(config.max_workers, shares_port=self._is_worker)
        try:
            # First of all: a second server on the same data and port must change nothing.
            self.port = self._server.bind(config.listen.host, shared_port or config.listen.port)
        except PortTaken as error:
            raise CannotServe(str(error)) from None
        from argosy_server.api.watching.settings import WatchSettings
        from argosy_server.bootstrap import SERVICES, build
        from argosy_server.domain.errors import DomainError
        from argosy_server.sweeping import SweepThread

        try:
            self._application = build(
                config.store, watching=WatchSettings(max_watchers=config.max_watchers), groups_saves=True
            )
        except (DomainError, ValueError) as error:
            raise CannotServe(str(error)) from None
        self.store_id = self._application.metadata.store_id
        self._server.serve(self._application.register, SERVICES, reflection=config.reflection)
        self._sweeper = SweepThread(self._application, config.sweep_interval) if config.sweep_interval else None

    def announce_end(self) -> None:
        """Tell health checks that this server goes; it answers on."""
        self._server.announce_end()

    def drain(self, grace: float) -> None:
        """Turn new calls away, let those under way finish, cut them after ``grace`` seconds, and close the store.

        A worker sends its clients to the others instead of turning them away.
        """
        if self._is_worker:
            self._server.hand_over(grace)
        self._application.watches.drain()
        self._server.drain(grace)
        if self._sweeper is not None:
            self._sweeper.stop()
        self._application.close()


def _require(config: ServerConfig, store_id: str) -> None:
    from argosy_server.bootstrap import require_store
    from argosy_server.domain.errors import DomainError

    try:
        require_store(config.store, store_id)
    except (DomainError, ValueError) as error:
        raise CannotServe(str(error)) from None


def end_within(seconds: float) -> None:
    """Let this process end in time, whatever waits for a database or a store that says nothing.

    What is cut off then is cut off as by a crash, which loses nothing that was acknowledged.

    Args:
        seconds: from now on, after which it ends with exit code 0 unless it has ended by itself.
    """

    def end() -> None:
        _log.error("calls were cut, and still wait for the database or the store; the process ends without them")
        os._exit(0)

    # Threads that wait are waited for where the interpreter ends; this one is not, and runs meanwhile.
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
