"""Threads that keep a session of PostgreSQL to themselves."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from argosy_server.adapters.metadata.connections.engine import connect
from argosy_server.adapters.metadata.connections.fork_gate import ForkGate
from argosy_server.adapters.metadata.connections.postgresql_engine import take_from_pool
from argosy_server.domain.errors import DomainError

RETRY_SECONDS = (0.2, 5.0)
"""How long a thread that lost its connection waits before it tries again: at first, and at most."""
STOP_SECONDS = 5.0
_log = logging.getLogger(__name__)


class SessionThread(ABC):
    """Works with a connection of its own from the start on, and with another one whenever that is lost.

    Attributes:
        NAME: of the thread, and of what it does in the log.
        FIRST: the statement a session begins with.
    """

    NAME: str
    FIRST: str

    def __init__(self, engine: Engine, forks: ForkGate) -> None:
        """Start.

        Args:
            engine: of the database.
            forks: lets a fork wait while a connection is made.
        """
        self.stopping = threading.Event()
        self._engine = engine
        self._forks = forks
        self._thread = threading.Thread(target=self._run, name=self.NAME, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let it end what is under way and give its connection back."""
        self.stopping.set()
        self.wake()
        self._thread.join(STOP_SECONDS)

    @abstractmethod
    def wake(self) -> None:
        """Let the work notice that it shall stop."""

    @abstractmethod
    def work(self, session: Any) -> None:
        """Do what it is there for, with a connection of psycopg, until it shall stop."""

    def _run(self) -> None:
        import psycopg

        pause = RETRY_SECONDS[0]
        while True:
            began = time.monotonic()
            try:
                self._work_once()
            except (psycopg.Error, SQLAlchemyError, DomainError, OSError) as error:
                text = " ".join(str(error).split())
                _log.warning("%s: %s; until it works again, watches are told somewhat later", self.NAME, text)
            if time.monotonic() - began > RETRY_SECONDS[1]:
                pause = RETRY_SECONDS[0]
            if self.stopping.wait(pause):
                return
            pause = min(pause * 2, RETRY_SECONDS[1])

    def _work_once(self) -> None:
        with self._forks.passing():
            connection, _ = connect(self._engine, lambda connection: connection.exec_driver_sql(self.FIRST))
            session = take_from_pool(connection)
        try:
            self.work(session)
        finally:
            session.close()
