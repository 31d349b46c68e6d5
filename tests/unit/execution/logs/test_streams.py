"""What stands in for the streams: people still see all that is written, as they did."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import warnings
from typing import Any

import pytest

from argosy.v1.step_logs_pb2 import AppendStepLogsResponse
from tests.unit.execution.logs.log_sink import Sink, running


def blocks(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """Make standard output a stream that collects blocks, as for a file, and return where they go."""
    below = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(below), "utf-8"))
    return below


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


@pytest.mark.parametrize("line_buffering", [False, True])
def test_bytes_written_to_the_buffer_below_a_stream_are_seen_in_order(
    monkeypatch: pytest.MonkeyPatch, line_buffering: bool
) -> None:
    below = blocks(monkeypatch)
    sys.stdout.reconfigure(line_buffering=line_buffering)  # type: ignore[union-attr]  # it is a TextIOWrapper
    sink = Sink()
    with running(sink):
        print("text")
        assert sys.stdout.buffer.write(b"bytes\n") == 6
        sys.stdout.buffer.writelines([b"a\n", memoryview(b"b\n")])
        print("more text")
        wrapped = io.TextIOWrapper(sys.stdout.buffer, "latin-1")
        wrapped.write("wrapped again\n")
        wrapped.flush()
        wrapped.detach()
        assert (sys.stdout.buffer.closed, sys.stdout.buffer.writable()) == (False, True)
    sys.stdout.flush()
    assert sink.lines() == ["text", "bytes", "a", "b", "more text", "wrapped again"]
    assert below.getvalue().decode().splitlines() == sink.lines()


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
        assert sys.stdout.buffer.writable()
        assert sys.stdout.buffer.closed is original.buffer.closed
        assert not sys.stdout.closed
        with pytest.raises(TypeError):
            sys.stdout.write(b"bytes")  # type: ignore[arg-type]  # what is wrong with it is under test
        with pytest.raises(AttributeError, match="no_such_thing"):
            _ = sys.stdout.no_such_thing  # type: ignore[union-attr]  # as above


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
