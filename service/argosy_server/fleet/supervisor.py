"""The process that watches over the workers: one thread, one loop, which waits for signals, workers and the clock.

Nothing is known of a worker but what it says and that its socket has ended, which the kernel sees to however it dies.
The first worker is started alone: it creates the store, and what it refuses is told once.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping

from argosy_server.config import ConfigError, ServerConfig
from argosy_server.fleet.port import ReservedPort
from argosy_server.fleet.replacement import Replacement
from argosy_server.fleet.signals import SignalInbox, Terminal
from argosy_server.fleet.slot import Slot
from argosy_server.fleet.stopping import Stopping
from argosy_server.fleet.worker_process import WorkerProcess, describe_end, start_worker

_log = logging.getLogger("argosy_server.fleet")
STOPPING = (signal.SIGTERM, signal.SIGINT)


class FleetFailed(Exception):
    """The workers cannot serve; the message says why, in the words of the one that could not."""


class Supervisor:
    """Keeps a fleet of workers answering on one port until it is told to stop."""

    def __init__(
        self,
        config: ServerConfig,
        port: ReservedPort,
        read_again: Callable[[], ServerConfig],
        *,
        ready: Callable[[], None],
        adopted: Callable[[ServerConfig], None],
    ) -> None:
        """Prepare; :meth:`run` starts the workers.

        Args:
            config: the settings.
            port: where the workers listen.
            read_again: reads the settings again, at SIGHUP; raises ``ConfigError``.
            ready: called once all workers answer.
            adopted: called with settings that were read again, once a worker serves with them.
        """
        self.config = config
        self.slots = [Slot(number) for number in range(1, config.workers + 1)]
        self._port = port
        self._read_again = read_again
        self._ready = ready
        self._adopted = adopted
        self._store_id = ""
        self._announced = False
        self._leaving: list[WorkerProcess] = []
        self._replacement: Replacement | None = None
        self._reload_asked = False
        self._stopping: Stopping | None = None
        self._ended_by: signal.Signals | None = None
        self._failure = ""
        self._terminal = Terminal()

    def run(self) -> None:
        """Watch over the workers until SIGTERM, Ctrl-C or the end of the terminal, then drain them.

        A second signal ends everything at once.

        Raises:
            FleetFailed: they could not start, or keep failing.
        """
        inbox = SignalInbox((*STOPPING, signal.SIGHUP))
        try:
            self.start(self.slots[0])
            while self._stopping is None or self.all_workers():
                self._wait(inbox)
                self._keep_time()
        except BaseException:
            self._kill_all()
            raise
        finally:
            inbox.close()
            for worker in self.all_workers():
                worker.reap()
        if self._ended_by is not None:
            os.kill(os.getpid(), self._ended_by)
        if self._failure:
            raise FleetFailed(self._failure)

    def all_workers(self) -> list[WorkerProcess]:
        """Return everybody who has not ended."""
        return [*self._leaving, *(worker for slot in self.slots for worker in slot.workers())]

    def start(self, slot: Slot) -> None:
        """Start the worker of a slot."""
        slot.start_at = None
        try:
            slot.worker = start_worker(slot.number, self._port.port, self.config)
        except OSError as error:
            if not self._announced:
                raise FleetFailed(f"worker {slot.number} cannot be started: {error.strerror}") from error
            self._on_crash(slot, 0.0, f"cannot be started: {error.strerror}", {"worker": slot.number})

    def start_successor(self, slot: Slot, config: ServerConfig) -> None:
        """Start the worker that replaces that of a slot once it is ready."""
        assert self._replacement is not None
        # Workers of two stores on one port would answer by turns. Where the place is the same, so is the store, and its
        # schema may have to be brought up to date.
        store_id = "" if config.store.is_at_the_place_of(self.config.store) else self._store_id
        try:
            slot.successor = start_worker(slot.number, self._port.port, config, store_id)
        except OSError as error:
            reason = f"no process can be started: {error.strerror}"
            self._replacement.on_failure(reason, slot.restarts.pause_after(0.0))

    def adopt(self, config: ServerConfig) -> None:
        """Go on with other settings."""
        if config is not self.config:
            self.config = config
            self._adopted(config)

    def drain(self, worker: WorkerProcess, grace: float) -> None:
        """Let a worker end that has no slot any more."""
        worker.drain(grace)
        self._leaving.append(worker)

    def _wait(self, inbox: SignalInbox) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(inbox, selectors.EVENT_READ)
            for worker in self.all_workers():
                selector.register(worker.control, selectors.EVENT_READ, worker)
            arrived = selector.select(self._seconds_to_wait())
        for worker in [key.data for key, _ in arrived if key.data is not None]:
            was_ready = worker.is_ready
            worker.hear()
            if not worker.control.is_open:
                self._on_end(worker)
            elif worker.is_ready and not was_ready:
                self._on_ready(worker)
        for number in inbox.take():
            self._on_signal(number)

    def _seconds_to_wait(self) -> float | None:
        times = list(self._times())
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _times(self) -> Iterator[float]:
        times = [slot.start_at for slot in self.slots]
        times += [worker.killed_at for worker in self._leaving]
        times += [self._stopping.next_at] if self._stopping is not None else []
        times += [self._replacement.retry_at] if self._replacement is not None else []
        yield from (moment for moment in times if moment is not None)

    def _keep_time(self) -> None:
        now = time.monotonic()
        for worker in self._leaving:
            if worker.killed_at is not None and now >= worker.killed_at:
                _log.error("killed: it did not end in time", extra={"worker": worker.number, "pid": worker.pid})
                worker.killed_at = None
                worker.kill()
        if self._stopping is not None:
            self._stopping.go_on(now)
            return
        for slot in self.slots:
            if slot.start_at is not None and now >= slot.start_at:
                self.start(slot)
        if self._replacement is not None:
            self._replacement.go_on(now)

    def _on_ready(self, worker: WorkerProcess) -> None:
        _log.info("worker answers", extra={"worker": worker.number, "pid": worker.pid})
        self._store_id = worker.store_id
        if self._stopping is not None:
            return
        if not self._announced:
            self._go_on_starting()
        elif self._replacement is not None:
            self._replacement.on_ready(worker)
        self._reload_if_asked()

    def _go_on_starting(self) -> None:
        for slot in self.slots:
            if slot.worker is None:
                self.start(slot)
        if all(slot.is_ready for slot in self.slots):
            self._announced = True
            self._ready()

    def _on_end(self, worker: WorkerProcess) -> None:
        how = describe_end(worker.reap())
        facts = {"worker": worker.number, "pid": worker.pid}
        if worker in self._leaving:
            self._leaving.remove(worker)
            _log.info("worker %s", how, extra=facts)
            if self._replacement is not None and self._stopping is None:
                self._replacement.on_end(worker)
            self._reload_if_asked()
            return
        slot = next(slot for slot in self.slots if worker in slot.workers())
        was_successor = slot.successor is worker
        if was_successor:
            slot.successor = None
        else:
            slot.worker = None
        if self._stopping is not None:
            return
        reason = worker.refusal or f"worker {worker.number} {how} before it answered; its own log lines say more"
        if not self._announced:
            self._fail(reason)
        elif was_successor and self._replacement is not None:
            self._replacement.on_failure(reason, slot.restarts.pause_after(0.0))
            self._reload_if_asked()
        else:
            self._on_crash(slot, worker.lived, how, {**facts, "reason": worker.refusal} if worker.refusal else facts)

    def _on_crash(self, slot: Slot, lived: float, how: str, facts: Mapping[str, object]) -> None:
        pause = slot.restarts.pause_after(lived)
        slot.start_at = time.monotonic() + pause
        _log.error("worker %s; the next one starts in %g s", how, pause, extra=facts)
        if all(slot.restarts.is_hopeless and not slot.is_ready for slot in self.slots):
            self._fail(f"no worker can serve any more; the last one {facts.get('reason', how)}")

    def _on_signal(self, number: signal.Signals) -> None:
        if number == signal.SIGHUP and not self._terminal.was_closed:
            self._reload_asked = True
            self._reload_if_asked()
        elif self._stopping is None:
            self._stop(self.config.grace)
        else:
            self._ended_by = number
            self._kill_all()

    def _reload_if_asked(self) -> None:
        if not self._reload_asked or not self._announced or self._stopping is not None:
            return
        if self._replacement is not None and not self._replacement.is_over:
            return
        self._reload_asked = False
        try:
            config = self._read_again()
            if (config.listen, config.insecure) != (self.config.listen, self.config.insecure):
                raise ConfigError("where it listens cannot change while it runs; restart it for that")  # noqa: TRY301
            if not config.workers:
                raise ConfigError("a fleet cannot become a process without workers; restart it for that")  # noqa: TRY301
        except ConfigError as error:
            _log.error("the settings stay as they are: %s", error)
            return
        except Exception:
            # Whatever it is, the workers answer as before.
            _log.exception("the settings stay as they are, for they cannot be read")
            return
        _log.info("settings were read again; replacing the workers one by one")
        self._replacement = Replacement(self, config)
        self._replacement.begin()

    def _stop(self, grace: float) -> None:
        for slot in self.slots:
            slot.start_at = None
        self._stopping = Stopping(self, grace)
        self._stopping.go_on(time.monotonic())

    def _fail(self, reason: str) -> None:
        self._failure = reason
        self._stop(0.0)

    def _kill_all(self) -> None:
        for worker in self.all_workers():
            worker.kill()
