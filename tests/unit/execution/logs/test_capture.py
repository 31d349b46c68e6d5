"""Capturing one step and several: what is seen, and whose it is."""

from __future__ import annotations

import contextvars
import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from argosy.errors import ConflictError, ResourceExhaustedError, UnavailableError
from argosy.execution.logs.capture import captured_logs
from argosy.execution.logs.sender import OutgoingLog
from argosy.v1.step_logs_pb2 import LogSource
from tests.unit.execution.logs import log_sink
from tests.unit.execution.logs.log_sink import Sink, running


def test_printed_and_logged_lines_are_seen_in_order_and_still_arrive(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    with running(sink):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        logging.getLogger("my").warning("careful, %s", "you")
        sys.stdout.writelines(["a\n", "b"])
    assert [(entry.source, entry.level, entry.logger, entry.text) for entry in sink.entries] == [
        (LogSource.LOG_SOURCE_STDOUT, "", "", "to stdout"),
        (LogSource.LOG_SOURCE_STDERR, "", "", "to stderr"),
        (LogSource.LOG_SOURCE_LOGGING, "WARNING", "my", "careful, you"),
        (LogSource.LOG_SOURCE_STDOUT, "", "", "a"),
        (LogSource.LOG_SOURCE_STDOUT, "", "", "b"),
    ]
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("to stdout\na\nb", "to stderr\n")
    assert sink.is_last


def failing_step() -> None:
    print("before")
    _ = 1 / 0


def test_why_a_step_failed_is_the_end_of_its_log_and_there_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    with pytest.raises(ZeroDivisionError), running(sink):
        failing_step()
    lines = sink.lines()
    assert lines[0] == "before"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert lines[-2] == "    _ = 1 / 0" or set(lines[-2]) <= set(" ~^")
    assert lines[2].startswith(f'  File "{log_sink.__file__}", line ')


def test_what_was_printed_before_and_after_is_nobodys(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    print("before")
    with running(sink):
        print("during")
    print("after")
    logging.getLogger("my").error("after")
    assert sink.lines() == ["during"]


def test_steps_that_run_at_once_do_not_mix(capsys: pytest.CaptureFixture[str]) -> None:
    sinks = {name: Sink() for name in "abcd"}
    together = threading.Barrier(len(sinks))

    def step(name: str) -> None:
        with running(sinks[name], name):
            together.wait()
            for number in range(500):
                print(f"{name} {number}")
                logging.getLogger(name).warning("%s %d", name, number)
            together.wait()

    threads = [threading.Thread(target=step, args=(name,)) for name in sinks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, sink in sinks.items():
        assert sink.lines("STDOUT") == [f"{name} {number}" for number in range(500)]
        assert sink.lines("LOGGING") == [f"{name} {number}" for number in range(500)]


def test_threads_a_step_starts_belong_to_it_and_others_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    begin, done = threading.Event(), threading.Event()

    def stranger() -> None:
        begin.wait()
        print("a stranger")
        done.set()

    other = threading.Thread(target=stranger)
    other.start()
    with running(sink):
        begin.set()
        done.wait()
        own = threading.Thread(target=lambda: print("own thread"))
        own.start()
        own.join()
        print("main")
    other.join()
    assert sink.lines() == ["own thread", "main"]
    assert "a stranger\n" in capsys.readouterr().out


def test_a_step_within_a_step_has_its_own_log(capsys: pytest.CaptureFixture[str]) -> None:
    outer, inner = Sink(), Sink()
    with running(outer, "outer"):
        print("o1")
        with running(inner, "inner"):
            print("i")
            print("e", file=sys.stderr)
        print("o2")
    assert (outer.lines(), inner.lines()) == (["o1", "o2"], ["i", "e"])


def test_code_in_another_context_of_the_same_thread_is_the_step_of_that_context(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sinks = {name: Sink() for name in "ab"}

    def steps(name: str) -> Iterator[None]:
        with running(sinks[name], name):
            print(name, 1)
            yield
            print(name, 2)
            yield

    contexts = {name: (contextvars.copy_context(), steps(name)) for name in sinks}
    for _ in range(3):
        for context, step in contexts.values():
            context.run(next, step, None)
    assert {name: sink.lines() for name, sink in sinks.items()} == {"a": ["a 1", "a 2"], "b": ["b 1", "b 2"]}


def test_a_handler_made_in_the_step_does_not_double_what_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    logger = logging.getLogger("made.here")
    with running(sink):
        handler = logging.StreamHandler(sys.stdout)
        logger.addHandler(handler)
        print("first")
        logger.error("logged")
        logger.removeHandler(handler)
    assert sink.lines() == ["first", "logged"]
    assert capsys.readouterr().out == "first\nlogged\n"


def test_what_a_logger_leaves_out_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    with running(sink):
        logging.getLogger("quiet").info("below the level")
        logging.getLogger("quiet").error("above")
    assert sink.lines() == ["above"]


def test_a_logged_exception_comes_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    with running(sink):
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            logging.getLogger("my").exception("failed")
    lines = sink.lines()
    assert (lines[0], lines[-1]) == ("failed", "ZeroDivisionError: division by zero")


def test_a_store_that_is_away_for_a_while_gets_all(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink(UnavailableError("away"), UnavailableError("away"))
    with running(sink):
        print("a")
    assert sink.lines() == ["a"]


def test_a_store_whose_disk_is_full_gets_the_lines_once_there_is_room(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = Sink(*[ResourceExhaustedError("full", reason="STORAGE_FULL")] * 2)
    with running(sink):
        print("a")
    assert sink.lines() == ["a"]
    assert caplog.records == []


def test_a_store_that_stays_full_is_named_when_the_process_ends(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(Sink(*[ResourceExhaustedError("no room left", reason="STORAGE_FULL")] * 99)):
        print("a")
    assert [record.getMessage() for record in caplog.records] == [
        "step fit: 1 lines of its log could not be stored (no room left)"
    ]


def test_a_store_that_refuses_costs_the_lines_and_one_warning(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(Sink(*[RuntimeError("broken")] * 9)):
        print("a")
        print("b")
    assert [record.getMessage() for record in caplog.records] == [
        "step fit: 2 lines of its log could not be stored (broken)"
    ]


def test_an_attempt_that_was_replaced_is_silent(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(Sink(ConflictError("replaced"))):
        print("a")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_step_that_prints_nothing_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    with running(sink):
        pass
    assert (sink.batches, sink.is_last) == ({}, False)


def test_capturing_outside_of_a_step_is_refused() -> None:
    with pytest.raises(RuntimeError, match="entered_step"), captured_logs(OutgoingLog(Sink(), "fit")):
        pass
