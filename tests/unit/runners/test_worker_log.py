"""What steps in workers print reaches the driver in order, at once where it is short, and without waiting for it."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest

from argosy.execution.logs.sender import OutgoingLog, drain_logs
from argosy.runners.worker_log import WAITING_BYTES, WorkerLog, add_told
from argosy.v1.step_logs_pb2 import LogSource
from tests.unit.execution.logs.log_sink import Sink
from tests.waiting import wait_until

OUT, ERR = LogSource.LOG_SOURCE_STDOUT, LogSource.LOG_SOURCE_STDERR
MIB = 1 << 20


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Connection]]:
    driver, worker = multiprocessing.Pipe()
    with driver, worker:
        yield driver, worker


def nothing() -> None:
    pass


def read(driver: Connection) -> bytes:
    """All of stdout there is until the worker has closed its end."""
    parts = []
    try:
        while True:
            message = driver.recv_bytes()
            assert message[:2] == b"p" + bytes([OUT])
            parts.append(message[2:])
    except EOFError:
        return b"".join(parts)


def test_a_short_message_is_with_the_driver_before_the_step_goes_on(pipe: tuple[Connection, Connection]) -> None:
    driver, worker = pipe
    log = WorkerLog(worker)
    log.begin(nothing)
    log.add(ERR, b"last words\n")
    assert driver.poll(0)
    log.end(None)


def test_what_streams_hold_back_is_told_while_the_step_runs(pipe: tuple[Connection, Connection]) -> None:
    driver, worker = pipe
    log = WorkerLog(worker)
    log.begin(lambda: log.add(OUT, b"."))
    assert driver.poll(60)
    log.end(None)


def test_a_driver_that_is_busy_holds_nobody_up_and_hears_all_in_the_end(pipe: tuple[Connection, Connection]) -> None:
    driver, worker = pipe
    log = WorkerLog(worker)
    log.begin(nothing)
    pieces = [b"%d" % (number % 10) * (64 << 10) for number in range(WAITING_BYTES // (64 << 10))]
    for piece in pieces:
        log.add(OUT, piece)  # nobody reads

    def finish() -> None:
        log.end(None)
        worker.close()

    ending = threading.Thread(target=finish)
    ending.start()
    assert read(driver) == b"".join(pieces)
    ending.join(60)


def test_a_step_that_prints_without_end_waits_for_the_driver(pipe: tuple[Connection, Connection]) -> None:
    driver, worker = pipe
    log = WorkerLog(worker)
    log.begin(nothing)
    printed: list[int] = []

    def print_without_end() -> None:
        for number in range(32):
            log.add(OUT, bytes(MIB))
            printed.append(number)
        log.end(None)
        worker.close()

    step = threading.Thread(target=print_without_end)
    step.start()
    wait_until(lambda: len(printed) * MIB >= WAITING_BYTES, "the step is far ahead")
    assert len(printed) < 12
    assert len(read(driver)) == 32 * MIB
    step.join(60)


def test_what_streams_held_back_may_be_more_than_may_wait(pipe: tuple[Connection, Connection]) -> None:
    driver, worker = pipe
    log = WorkerLog(worker)
    held_back = [bytes(MIB)] * 16

    def collect() -> None:
        while held_back:
            log.add(OUT, held_back.pop())

    log.begin(collect)  # the thread that tells must not wait for itself
    assert sum(len(driver.recv_bytes()) - 2 for _ in range(16)) == 16 * MIB
    log.end(None)


def test_nothing_is_told_any_more_once_the_step_has_ended(pipe: tuple[Connection, Connection]) -> None:
    driver, worker = pipe
    log = WorkerLog(worker)
    log.begin(nothing)
    log.end(None)
    log.add(OUT, b"a thread that the step left")
    assert not driver.poll(0)


def test_the_driver_keeps_lines_and_records_as_they_were(pipe: tuple[Connection, Connection]) -> None:
    driver, worker = pipe
    log = WorkerLog(worker)
    log.begin(nothing)
    log.add(OUT, b"half a ")
    log.add_record(1.0, "ERROR", "fit", "does not converge")
    log.add(OUT, b"line\n")
    log.end(None)
    worker.close()
    sink = Sink()
    kept = OutgoingLog(sink, "fit")
    kept.begin()
    while driver.poll(0):
        try:
            add_told(kept, driver.recv_bytes())
        except EOFError:
            break
    kept.end(None)
    drain_logs()
    assert [(entry.text, entry.level, entry.logger) for entry in sink.entries] == [
        ("does not converge", "ERROR", "fit"),
        ("half a line", "", ""),
    ]
