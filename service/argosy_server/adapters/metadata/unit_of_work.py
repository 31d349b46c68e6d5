"""The database as the use cases see it: transactions that commit when their block ends well."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from argosy_server.adapters.metadata.artifacts.artifact_repository import SqlArtifactRepository
from argosy_server.adapters.metadata.blobs.blob_repository import SqlBlobRepository
from argosy_server.adapters.metadata.blobs.store_survey import SqlStoreSurvey
from argosy_server.adapters.metadata.blobs.upload_repository import SqlUploadRepository
from argosy_server.adapters.metadata.connections.append_signal import AppendSignal
from argosy_server.adapters.metadata.connections.engine import (
    BUSY_TIMEOUT_SECONDS,
    Durability,
    begin,
    connect,
    describe,
    make_engine,
    parse_url,
)
from argosy_server.adapters.metadata.connections.event_notices import EventNotices
from argosy_server.adapters.metadata.connections.fork_gate import ForkGate
from argosy_server.adapters.metadata.connections.interrupts import uninterrupted
from argosy_server.adapters.metadata.connections.leadership import lead_by_file, lead_by_session
from argosy_server.adapters.metadata.connections.postgresql_engine import origin_of
from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.event_repository import SqlEventRepository
from argosy_server.adapters.metadata.reply_repository import SqlReplyRepository
from argosy_server.adapters.metadata.rows.times import moment
from argosy_server.adapters.metadata.runs.cache_repository import SqlCacheRepository
from argosy_server.adapters.metadata.runs.lineage_repository import SqlLineageRepository
from argosy_server.adapters.metadata.runs.log_repository import SqlLogRepository
from argosy_server.adapters.metadata.runs.reservation_repository import SqlReservationRepository
from argosy_server.adapters.metadata.runs.run_repository import SqlRunRepository
from argosy_server.adapters.metadata.schema.error_translation import translate
from argosy_server.adapters.metadata.schema.preparation import place_of_events, prepare, require, settle_again
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.usecases.ports import Leadership
from argosy_server.usecases.ports.cache_repository import CacheRepository, ReservationRepository
from argosy_server.usecases.ports.event_repository import EventRepository
from argosy_server.usecases.ports.lineage_repository import LineageRepository
from argosy_server.usecases.ports.log_repository import LogRepository
from argosy_server.usecases.ports.repositories import (
    ArtifactRepository,
    BlobRepository,
    ReplyRepository,
    UploadRepository,
)
from argosy_server.usecases.ports.run_repository import RunRepository
from argosy_server.usecases.ports.survey import StoreSurvey

VACUUM_PAGES = 1000
"""Pages of 4 KiB that one transaction gives back; fewer are kept for what comes next."""


class SqlTransaction:
    """Everything the database holds, inside one transaction."""

    artifacts: ArtifactRepository
    blobs: BlobRepository
    uploads: UploadRepository
    runs: RunRepository
    logs: LogRepository
    cache: CacheRepository
    reservations: ReservationRepository
    lineage: LineageRepository
    replies: ReplyRepository
    events: EventRepository
    survey: StoreSurvey

    def __init__(self, session: Session) -> None:
        """Give every repository the same transaction."""
        self._session = session
        self.artifacts = SqlArtifactRepository(session)
        self.blobs = SqlBlobRepository(session)
        self.uploads = SqlUploadRepository(session)
        self.runs = SqlRunRepository(session)
        self.logs = SqlLogRepository(session)
        self.cache = SqlCacheRepository(session)
        self.reservations = SqlReservationRepository(session)
        self.lineage = SqlLineageRepository(session)
        self.replies = SqlReplyRepository(session)
        self.events = self._events = SqlEventRepository(session)
        self.survey = SqlStoreSurvey(session)

    @property
    def has_appended(self) -> bool:
        """Whether it wrote an event."""
        return self._events.appended

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo what the block did when it raises; the transaction goes on."""
        with self._session.connection.begin_nested():
            yield

    def now(self) -> datetime:
        """Return the time by the clock of the database."""
        return moment(self._session.now())


class SqlMetadataStore:
    """A database whose schema is up to date."""

    def __init__(
        self, engine: Engine, forks: ForkGate, url: URL, store_id: str, origin: str, clock: Callable[[], int]
    ) -> None:
        """Take an engine whose database was prepared; :meth:`open` does both."""
        self._origin = origin
        self._clock = clock
        self._engine = engine
        self._forks = forks
        self._database = describe(url)
        self._store_id = store_id
        self._appended = AppendSignal()
        # SQLite lets waiting writers poll with growing pauses; threads of one process queue instead.
        self._queues = engine.dialect.name == "sqlite"
        self._notices = None if self._queues else EventNotices(engine, forks, self._appended)

    @classmethod
    def open(
        cls, url: str, durability: Durability, *, create: bool = True, clock: Callable[[], int] = time.time_ns
    ) -> SqlMetadataStore:
        """Open a database, creating it or bringing its schema up to date first unless told not to."""
        parsed = parse_url(url)
        engine = make_engine(parsed, durability)
        forks = ForkGate(engine)
        try:
            with forks.passing():
                store_id = prepare(engine) if create else require(engine)
                origin = place_of_events(engine) if create else ""
        except BaseException as error:
            engine.dispose()
            if isinstance(error, SQLAlchemyError) and (known := translate(error, describe(parsed))) is not None:
                raise known from error
            raise
        return cls(engine, forks, parsed, store_id, origin, clock)

    @property
    def store_id(self) -> str:
        """UUID made when the database was created."""
        return self._store_id

    @contextmanager
    def read(self) -> Iterator[SqlTransaction]:
        """Open a read-only transaction with one view of the data."""
        with self._translated(), self._forks.passing(), self._begun(writes=False) as connection:
            # Ends with a rollback, which is cheaper than a commit and the same when nothing was written.
            yield SqlTransaction(Session(connection, writes=False, clock=self._clock))

    @contextmanager
    def write(self) -> Iterator[SqlTransaction]:
        """Open a transaction that commits when the block ends well, and rolls back when it raises."""
        with self._turn_to_write() as connection:
            tx = SqlTransaction(Session(connection, writes=True, clock=self._clock))
            yield tx
        if tx.has_appended:
            self._appended.give()
            if self._notices is not None:
                self._notices.announce()

    def wait_for_events(self, seen: int, timeout: float) -> int:
        """Wait until another transaction has written events, on SQLite one of this process, or ``timeout`` seconds."""
        if self._notices is not None:
            self._notices.listen()
        return self._appended.wait(seen, timeout)

    @contextmanager
    def lead(self) -> Iterator[Leadership]:
        """Lead until the block ends, unless another process does."""
        if self._queues:
            with lead_by_file(self._database) as by_file:
                yield by_file
            return
        with self._translated(), self._forks.passing():
            leadership = lead_by_session(self._engine)
        with leadership:
            yield leadership

    def shrink(self) -> None:
        """Give free pages back once they are more than a quarter of a SQLite file; PostgreSQL sees to it itself."""
        while self._queues:
            with self._turn_to_write() as connection:
                free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
                if free * 4 < connection.exec_driver_sql("PRAGMA page_count").scalar_one() or free < VACUUM_PAGES:
                    return
                # Few at a time, so that writers in between need not wait long. Each step of the cursor frees a page.
                connection.exec_driver_sql(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").close()

    def close(self) -> None:
        """Give all connections back."""
        if self._notices is not None:
            self._notices.close()
        self._engine.dispose()

    @contextmanager
    def _turn_to_write(self) -> Iterator[Connection]:
        with (
            uninterrupted() if self._queues else nullcontext(),
            self._translated(),
            self._forks.passing(),
            self._turn(),
            self._begun(writes=True) as connection,
        ):
            yield connection
            connection.commit()

    @contextmanager
    def _begun(self, *, writes: bool) -> Iterator[Connection]:
        connection, _ = connect(self._engine, lambda connection: begin(connection, writes=writes))
        if self._origin and origin_of(connection) != self._origin:
            # Restored while we were connected to what was there before: what counts as later than what has changed.
            connection.close()
            self._origin = settle_again(self._engine)
            connection, _ = connect(self._engine, lambda connection: begin(connection, writes=writes))
        with connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            known = translate(error, self._database)
            if known is None:
                raise
            raise known from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._queues:
            yield
            return
        queue = self._forks.writers
        if not queue.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise StorageUnavailable(
                f"{self._database}: writers of this process kept it busy for {BUSY_TIMEOUT_SECONDS} seconds; try again"
            )
        try:
            yield
        finally:
            queue.release()
