"""Rows that stay below what is printed, drawn on a real terminal of the system."""

from __future__ import annotations

import io
import logging
import os
import pty
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

import pytest

from argosy.execution.views import live_region
from argosy.execution.views.live_region import Draw, LiveRegion, is_anything_live, is_terminal, output_for_processes
from tests.e2e.screen import Screen
from tests.waiting import wait_until


class Terminal:
    """Both ends of a terminal; whatever was written to it is read when it is looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._leader, follower = pty.openpty()
        self.stream: TextIO = os.fdopen(follower, "w", buffering=1, encoding="utf-8")
        os.set_blocking(self._leader, False)
        self._shown = ""

    def lines(self) -> list[str]:
        self.stream.flush()
        try:
            while piece := os.read(self._leader, 1 << 16):
                self._shown += piece.decode()
        except BlockingIOError:
            pass
        return Screen(80, 24).write(self._shown).lines

    def opened(self, draw: Draw) -> LiveRegion:
        """Draw on it, as on that of this process."""
        self._monkeypatch.setattr(sys, "stdout", self.stream)
        self._monkeypatch.setattr(sys, "stderr", self.stream)
        region = LiveRegion(self.stream, draw)
        region.open()
        return region

    def close(self) -> None:
        self.stream.close()
        os.close(self._leader)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    made = Terminal(monkeypatch)
    monkeypatch.setattr(live_region, "INTERVAL", 3600.0)  # rows are drawn when a test says so
    yield made
    made.close()


def rows(columns: int, height: int) -> list[str]:
    return ["one row", "another"]


def opened(terminal: Terminal) -> LiveRegion:
    region = terminal.opened(rows)
    region.redraw()
    return region


def test_rows_stand_below_what_is_printed_and_make_room_for_it(terminal: Terminal) -> None:
    region = opened(terminal)
    assert terminal.lines() == ["", "one row", "another"]
    print("said")
    assert terminal.lines() == ["said"]
    region.redraw()
    assert terminal.lines() == ["said", "", "one row", "another"]
    region.close(["the end"])
    assert terminal.lines() == ["said", "the end"]


def test_a_line_without_an_end_goes_on_where_it_was(terminal: Terminal) -> None:
    region = opened(terminal)
    sys.stdout.write("half ")
    sys.stdout.flush()
    region.redraw()
    assert terminal.lines() == ["half", "one row", "another"]
    sys.stdout.write("a line, 10 %\r")
    sys.stdout.flush()
    region.redraw()
    assert terminal.lines() == ["half a line, 10 %", "one row", "another"]
    sys.stdout.write("HALF")
    region.close(["the end"])
    assert terminal.lines() == ["HALF a line, 10 %", "the end"]


def test_what_is_written_past_python_is_not_lost(terminal: Terminal) -> None:
    region = opened(terminal)
    os.write(terminal.stream.fileno(), b"from elsewhere\n")
    assert terminal.lines() == ["from elsewhere", "one row", "another"]
    print("said")
    assert terminal.lines() == ["from elsewhere", "said"]
    region.close()


def test_at_the_bottom_of_the_screen_the_rows_push_everything_up(terminal: Terminal) -> None:
    region = opened(terminal)
    for number in range(40):
        print("line", number)
        region.redraw()
    region.close()
    assert terminal.lines() == [f"line {number}" for number in range(40)]


def test_standard_streams_are_what_they_were_afterwards(terminal: Terminal) -> None:
    region = opened(terminal)
    assert sys.stdout is not terminal.stream
    assert (sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.fileno()) == (True, "utf-8", terminal.stream.fileno())
    assert is_anything_live()
    region.close()
    assert (sys.stdout, sys.stderr) == (terminal.stream, terminal.stream)
    assert not is_anything_live()


def test_a_stream_that_somebody_replaced_meanwhile_stays(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    region = opened(terminal)
    theirs = sys.stdout
    monkeypatch.setattr(sys, "stdout", other := io.StringIO())
    region.close()
    assert sys.stdout is other
    print("still works", file=theirs)
    assert terminal.lines() == ["still works"]


def test_handlers_that_were_made_before_write_above_too(terminal: Terminal) -> None:
    handler = logging.StreamHandler(terminal.stream)
    logger = logging.getLogger("argosy.test.live")
    logger.addHandler(handler)
    try:
        region = opened(terminal)
        logger.warning("first")
        logger.warning("second")
        assert terminal.lines() == ["first", "second"]
        region.close()
        assert handler.stream is terminal.stream
    finally:
        logger.removeHandler(handler)


def test_what_processes_print_appears_above_byte_for_byte(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda number: True)
    region = opened(terminal)
    out, err = output_for_processes()
    assert out is not None
    assert out == err
    os.write(out, b"from a worker\nwithout an end")
    region.close(["the end"])
    assert terminal.lines() == ["from a worker", "without an end", "the end"]
    assert output_for_processes() == (None, None)


def test_a_display_that_fails_ends_and_nothing_else(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(columns: int, height: int) -> list[str]:
        raise ZeroDivisionError

    monkeypatch.setattr(live_region, "INTERVAL", 0.001)
    region = terminal.opened(broken)
    wait_until(lambda: "argosy-live-region" not in {thread.name for thread in threading.enumerate()}, "it has given up")
    print("said")
    region.close(["the end"])
    assert terminal.lines() == ["said", "the end"]


@pytest.mark.parametrize("stream", [None, object()], ids=["none", "no file"])
def test_what_is_no_terminal_is_none(stream: TextIO | None) -> None:
    assert not is_terminal(stream)
