"""Capturing one step and several: what is seen, whose it is, and that people still see all of it."""

from __future__ import annotations

import contextlib
import contextvars
import io
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from argosy.errors import ConflictError, UnavailableError
from argosy.execution.context import StepContext, entered_step
from argosy.execution.log_capture import captured_logs
from argosy.execution.log_sender import sender
from argosy.v1.step_logs_pb2 import AppendStepLogsResponse, LogEntry, LogSource


class Sink:
    """Remembers what it was sent; refuses as often as it is told to."""

    def __init__(self, *refusals: Exception) -> None:
        self.batches: dict[int, list[LogEntry]] = {}
        self.is_last = False
        self.dropped = 0
        self._refusals = list(refusals)

    def __call__(
        self,
        batch: int,
        entries: list[LogEntry],
        *,
        dropped_lines: int = 0,
        is_last: bool = False,
        deadline: float | None = None,
    ) -> AppendStepLogsResponse:
        if self._refusals:
            raise self._refusals.pop(0)
        self.batches.setdefault(batch, entries)
        self.is_last = is_last
        self.dropped += dropped_lines
        return AppendStepLogsResponse()

    @property
    def entries(self) -> list[LogEntry]:
        return [entry for batch in sorted(self.batches) for entry in self.batches[batch]]

    def lines(self, source: str = "") -> list[str]:
        chosen = [
            entry for entry in self.entries if not source or entry.source == LogSource.Value(f"LOG_SOURCE_{source}")
        ]
        return [line for entry in chosen for line in entry.text.split("\n")]


@contextlib.contextmanager
def running(sink: Sink, name: str = "fit") -> Iterator[None]:
    """A step whose code is in the block; its log has been sent afterwards."""
    with entered_step(StepContext("run", f"id-{name}", "training", name, name)), captured_logs(sink):
        yield
    sender().drain()


def blocks(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """Make standard output a stream that collects blocks, as for a file, and return where they go."""
    below = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(below), "utf-8"))
    return below


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


def test_a_stream_that_collects_blocks_gets_all_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    below = blocks(monkeypatch)
    sink = Sink()
    print("before")
    with running(sink):
        for number in range(20_000):
            print("line", number)
        sys.stdout.buffer.write(b"")
        sys.stdout.flush()
        assert below.getvalue().endswith(b"line 19999\n")
        print("last ", end="")
    print("after")
    sys.stdout.flush()
    lines = [f"line {number}" for number in range(20_000)]
    assert sink.lines() == [*lines, "last "]
    assert below.getvalue().decode() == "\n".join(["before", *lines, "last after", ""])


def test_lines_held_back_by_a_stream_are_sent_while_the_step_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    below = blocks(monkeypatch)
    sink = Sink()
    came = threading.Event()
    sink_call = Sink.__call__

    def called(*arguments: Any, **options: Any) -> AppendStepLogsResponse:
        came.set()
        return sink_call(*arguments, **options)

    monkeypatch.setattr(Sink, "__call__", called)
    with running(sink):
        print("one line")
        assert came.wait(20)
        assert sink.lines() == ["one line"]
        assert below.getvalue() == b"", "the stream itself collects as it did before"


def raise_unless_in_place(streams: tuple[Any, Any]) -> None:
    assert sys.stdout is not streams[0]
    assert sys.stderr is not streams[1]
    raise ValueError("no")


def test_streams_are_what_they_were_also_after_an_exception(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with pytest.raises(ValueError, match="no"), running(Sink()):
        raise_unless_in_place(before)
    assert (sys.stdout, sys.stderr) == before


def test_the_stand_in_has_what_the_stream_has(capsys: pytest.CaptureFixture[str]) -> None:
    original = sys.stdout
    with running(Sink()):
        assert sys.stdout.encoding == original.encoding
        assert sys.stdout.isatty() is original.isatty()
        assert sys.stdout.errors == original.errors
        assert sys.stdout.buffer is original.buffer
        assert not sys.stdout.closed
        with pytest.raises(TypeError):
            sys.stdout.write(b"bytes")  # type: ignore[arg-type]  # what is wrong with it is under test
        with pytest.raises(AttributeError, match="no_such_thing"):
            _ = sys.stdout.no_such_thing  # type: ignore[union-attr]  # as above


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
    assert not any(f"argosy{os.sep}execution{os.sep}log_capture.py" in line for line in lines)


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


def test_warnings_and_redirections_of_the_step_work(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    with running(sink):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            sys.stderr.write(warnings.formatwarning("old", DeprecationWarning, "f.py", 1))
        with contextlib.redirect_stdout(io.StringIO()) as kept:
            print("kept")
        print("seen")
    assert kept.getvalue() == "kept\n"
    assert sink.lines() == ["f.py:1: DeprecationWarning: old", "seen"]


def test_a_stream_the_step_put_in_place_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = io.StringIO()
    with running(Sink()):
        monkeypatch.setattr(sys, "stdout", mine)
        print("mine")
    assert (sys.stdout, mine.getvalue()) == (mine, "mine\n")


def test_a_reconfigured_stream_works_on(monkeypatch: pytest.MonkeyPatch) -> None:
    below = blocks(monkeypatch)
    sink = Sink()
    with running(sink):
        print("a")
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it has it
        print("b")
        assert below.getvalue() == b"a\nb\n"
    assert sink.lines() == ["a", "b"]


def test_a_store_that_is_away_for_a_while_gets_all(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink(UnavailableError("away"), UnavailableError("away"))
    with running(sink):
        print("a")
    assert sink.lines() == ["a"]


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
    with pytest.raises(RuntimeError, match="entered_step"), captured_logs(Sink()):
        pass


FORK = """
import os, sys
from argosy.execution.context import StepContext, entered_step
from argosy.execution.log_capture import captured_logs
from argosy.execution.log_sender import drain_logs
from tests.unit.execution.test_log_capture import Sink

sink = Sink()
with entered_step(StepContext("run", "id", "training", "fit", "fit")), captured_logs(sink):
    print("parent", flush=True)
    child = os.fork()
    if not child:
        print("child", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print("parent again", flush=True)
drain_logs()
assert sink.lines() == ["parent", "parent again"], sink.lines()
"""


def test_a_forked_child_prints_and_is_not_captured() -> None:
    done = program(FORK)
    assert done.stdout.splitlines() == ["parent", "child", "parent again"]


DESCRIPTORS = """
import os, subprocess, sys
from argosy.execution.context import StepContext, entered_step
from argosy.execution.log_capture import captured_logs
from argosy.execution.log_descriptors import captured_descriptors
from argosy.execution.log_sender import drain_logs
from tests.unit.execution.test_log_capture import Sink

sinks = Sink(), Sink()
with captured_descriptors():
    for sink in sinks:
        with entered_step(StepContext("run", "id", "training", "fit", "fit")), captured_logs(sink):
            print("from Python", flush=True)
            os.write(1, b"from C\\n")
            subprocess.run(["sh", "-c", "echo from a program; echo to stderr >&2"], check=True)
drain_logs()
for sink in sinks:
    assert sorted(sink.lines()) == ["from C", "from Python", "from a program", "to stderr"], sink.lines()
    assert sink.lines("STDERR") == ["to stderr"]
print("after")
"""


def test_what_is_written_past_python_is_seen_where_descriptors_are_captured() -> None:
    done = program(DESCRIPTORS)
    lines = done.stdout.splitlines()
    assert (sorted(lines[:6]), lines[6]) == (["from C"] * 2 + ["from Python"] * 2 + ["from a program"] * 2, "after")
    assert done.stderr == "to stderr\n" * 2


def program(code: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done
