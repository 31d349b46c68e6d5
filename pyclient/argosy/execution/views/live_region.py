"""Rows at the bottom of a terminal that are drawn again and again, below whatever is printed meanwhile.

Between two drawings the cursor stands where the next output goes, and the rows lie below it. So nothing that is printed
is ever lost, also what programs, C libraries and other processes write past Python, and lines without an end go on
where they were. What passes through ``sys.stdout`` and ``sys.stderr`` clears the rows first, so that nothing of them
stays between what is printed; and costs no more than that, since the rows come back with the next drawing.

The standard streams are stood in for once, from the beginning of a run to its end.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

from argosy.execution.stream_likeness import class_like
from argosy.execution.views.process_output import ProcessOutput

INTERVAL = 0.125
"""Seconds between two drawings."""
_SAVE, _RESTORE, _CLEAR, _ROW_DOWN, _KEEP_COLUMN_DOWN = "\x1b7", "\x1b8", "\x1b[J", "\x1b[B", "\x1bD"

_SET_BY_ABOVE = frozenset({"original", "_region"})

Draw = Callable[[int, int], "list[str]"]
"""Returns the rows for so many columns and at most so many rows."""


class LiveRegion:
    """Draws rows on a terminal until it is closed."""

    def __init__(self, terminal: TextIO, draw: Draw) -> None:
        """Do nothing yet.

        Args:
            terminal: where rows are drawn.
            draw: makes the rows; called from a thread.
        """
        self._terminal = terminal
        self._draw = draw
        self._lock = threading.RLock()
        self._rows = 0
        self._drawn: list[str] = []
        self._is_forked = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_drawing, name="argosy-live-region", daemon=True)
        self._is_at_line_start = True
        self._processes: ProcessOutput | None = None
        self._streams: list[_Above] = []
        self._handlers: list[tuple[logging.StreamHandler[Any], TextIO]] = []

    def open(self) -> None:
        """Stand in for the standard streams, as far as they are terminals, and begin to draw."""
        _live.add(self)
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if is_terminal(stream):
                above = class_like(_Above, stream, _SET_BY_ABOVE)(stream, self)
                self._streams.append(above)
                setattr(sys, name, above)
        self._let_handlers_write_above()
        self._thread.start()

    def close(self, lines: Iterable[str] = ()) -> None:
        """Remove the rows, print lines in their place, and let the streams be what they were."""
        _live.discard(self)
        if self._processes is not None:
            self._processes.close()
        self._ended.set()
        try:
            with self._lock:
                self.clear()
                print_encodable(self._terminal, ([] if self._is_at_line_start else [""]) + list(lines))
        finally:
            self._put_back()

    def _put_back(self) -> None:
        for handler, stream in self._handlers:
            if handler.stream in self._streams:
                handler.setStream(stream)
        for above in self._streams:
            for name in ("stdout", "stderr"):
                if getattr(sys, name) is above:
                    setattr(sys, name, above.original)

    @contextlib.contextmanager
    def above(self, text: str | bytes) -> Iterator[None]:
        """Keep the rows away while ``text`` is printed."""
        with self._lock:
            if self._is_forked:
                self._rows = int(self._is_at_line_start)
            self.clear()
            if text:
                self._is_at_line_start = text[-1] in {"\n", 10}
            yield

    def descriptor_for_processes(self) -> int:
        """Return where processes shall write, so that it appears above the rows.

        Raises:
            OSError: there are no more terminals.
        """
        with self._lock:
            if self._processes is None:
                self._processes = ProcessOutput(self._terminal.fileno(), self._pass_on)
            return self._processes.descriptor

    def clear(self) -> None:
        """Remove the rows if they are there; the lock is held."""
        if self._rows:
            self._rows = 0
            # Where a line begins here, one written past Python may have begun on top of a row.
            self._send(_CLEAR if self._is_at_line_start else f"{_SAVE}{_ROW_DOWN}\r{_CLEAR}{_RESTORE}")

    def redraw(self) -> None:
        """Draw the rows as they are now."""
        with self._lock:
            if self._ended.is_set():
                return
            size = os.get_terminal_size(self._terminal.fileno())
            # Some terminals say that they have no size; one row is that of the output.
            rows = self._draw((size.columns or 80) - 1, max((size.lines or 24) - 2, 1))
            if not rows:
                self.clear()
                return
            if self._rows and rows == self._drawn:
                return
            self._drawn = rows
            room = f"{_KEEP_COLUMN_DOWN * len(rows)}\x1b[{len(rows)}A"
            drawn = "".join(f"\r\n{row}" for row in rows)
            self._rows = len(rows)
            self._send(f"{room}{_SAVE}{_ROW_DOWN}\r{_CLEAR}{_RESTORE}{_SAVE}{drawn}{_RESTORE}")

    def _pass_on(self, data: bytes) -> None:
        with self.above(data):
            left = memoryview(data)
            while left:
                left = left[os.write(self._terminal.fileno(), left) :]

    def fork(self) -> None:
        """In a forked child: draw nothing. Rows that the parent draws are cleared where a line begins."""
        self._lock = threading.RLock()
        self._ended.set()
        self._is_forked = True

    def _keep_drawing(self) -> None:
        while not self._ended.wait(INTERVAL):
            try:
                self.redraw()
            except Exception:  # the terminal is gone, or is none any more: the run is not
                self._ended.set()

    def _send(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._terminal.write(text)
            self._terminal.flush()

    def _let_handlers_write_above(self) -> None:
        """Handlers of ``logging`` keep the stream that was there when they were made."""
        above = {id(stream.original): stream for stream in self._streams}
        loggers = [logging.root, *logging.root.manager.loggerDict.values()]
        for handler in {item for logger in loggers for item in getattr(logger, "handlers", ())}:
            stream: Any = getattr(handler, "stream", None)
            if isinstance(handler, logging.StreamHandler) and id(stream) in above:
                self._handlers.append((handler, stream))
                handler.setStream(above[id(stream)])


class _Above:
    """Stands in for a standard stream: what is written appears above the rows."""

    def __init__(self, original: TextIO, region: LiveRegion) -> None:
        self.original = original
        self._region = region

    def write(self, text: str) -> int:
        """Write as ever."""
        with self._region.above(text):
            return self.original.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush as ever."""
        self.original.flush()

    def __iter__(self) -> Any:
        return iter(self.original)


_live: weakref.WeakSet[LiveRegion] = weakref.WeakSet()


def is_anything_live() -> bool:
    """Tell whether rows are drawn on a terminal now: nobody else may draw then."""
    return bool(_live)


def output_for_processes() -> tuple[int | None, int | None]:
    """Return to what standard output and stderr of a process shall lead; ``None`` for where those of this one do."""
    for region in list(_live):
        with contextlib.suppress(OSError, ValueError):  # there are no more terminals, or the real one is gone
            descriptor = region.descriptor_for_processes()
            out, err = (descriptor if os.isatty(number) else None for number in (1, 2))
            return out, err
    return None, None


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a stream leads to a terminal."""
    try:
        return stream is not None and stream.isatty() and stream.fileno() >= 0
    except (AttributeError, ValueError, OSError):  # replaced by something that is no file, or closed
        return False


def print_encodable(stream: TextIO, lines: Iterable[str]) -> None:
    """Print lines; what the stream cannot encode is replaced."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = "".join(f"{line}\n" for line in lines)
    stream.write(text.encode(encoding, errors="replace").decode(encoding))
    stream.flush()


def _fork() -> None:
    for region in list(_live):
        region.fork()
    _live.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fork)
