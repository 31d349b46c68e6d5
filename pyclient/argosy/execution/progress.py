"""What a run prints while it happens: one line a step, and how to get at the results at the end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

STYLES = {
    "completed": "green",
    "cached": "cyan",
    "failed": "bold red",
    "cancelled": "yellow",
    "retrying": "yellow",
    "skipped": "dim",
}
"""How each status looks on a terminal."""

_STATUS_WIDTH = max(map(len, STYLES))


class Progress(Protocol):
    """Hears of a run as it happens."""

    def run_started(self, title: str, invocations: Sequence[str]) -> None:
        """The run was created; ``invocations`` are its steps in order."""
        ...

    def step_started(self, invocation: str) -> None:
        """The code of a step is about to run."""
        ...

    def step_ended(self, invocation: str, status: str, seconds: float, note: str = "") -> None:
        """A step ended or was skipped; ``note`` says what else a person should know."""
        ...

    def run_ended(self, lines: Sequence[str]) -> None:
        """The run is over; ``lines`` sum it up."""
        ...


class Silence:
    """Prints nothing."""

    def run_started(self, title: str, invocations: Sequence[str]) -> None:
        """Print nothing."""

    def step_started(self, invocation: str) -> None:
        """Print nothing."""

    def step_ended(self, invocation: str, status: str, seconds: float, note: str = "") -> None:
        """Print nothing."""

    def run_ended(self, lines: Sequence[str]) -> None:
        """Print nothing."""


class PlainLines:
    """Prints one line for each event, for files, pipes and notebooks."""

    def __init__(self, stream: TextIO) -> None:
        """Print to ``stream``."""
        self._stream = stream
        self._width = 0

    def run_started(self, title: str, invocations: Sequence[str]) -> None:
        """Print the title."""
        self._width = max(map(len, invocations), default=0)
        self._print(title)

    def step_started(self, invocation: str) -> None:
        """Print nothing: a line is printed when the step ends."""

    def step_ended(self, invocation: str, status: str, seconds: float, note: str = "") -> None:
        """Print the step's line."""
        self._print(step_line(invocation, self._width, status, seconds, note))

    def run_ended(self, lines: Sequence[str]) -> None:
        """Print the lines."""
        self._print(*lines)

    def _print(self, *lines: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        text = "".join(f"{line}\n" for line in lines)
        self._stream.write(text.encode(encoding, errors="replace").decode(encoding))
        self._stream.flush()


class Guarded:
    """Passes everything on until that fails once; printing never breaks a run."""

    def __init__(self, progress: Progress) -> None:
        """Pass on to ``progress``."""
        self._progress = progress

    def run_started(self, title: str, invocations: Sequence[str]) -> None:
        """Pass on."""
        self._try(lambda progress: progress.run_started(title, invocations))

    def step_started(self, invocation: str) -> None:
        """Pass on."""
        self._try(lambda progress: progress.step_started(invocation))

    def step_ended(self, invocation: str, status: str, seconds: float, note: str = "") -> None:
        """Pass on."""
        self._try(lambda progress: progress.step_ended(invocation, status, seconds, note))

    def run_ended(self, lines: Sequence[str]) -> None:
        """Pass on."""
        self._try(lambda progress: progress.run_ended(lines))

    def _try(self, call: Callable[[Progress], None]) -> None:
        try:
            call(self._progress)
        except Exception:  # a closed pipe or a broken terminal is no reason to lose a training
            broken, self._progress = self._progress, Silence()
            with contextlib.suppress(Exception):
                broken.run_ended(())  # a live display must not keep the terminal


def choose_progress(*, quiet: bool) -> Progress:
    """Return what fits standard output now: nothing, a live display, or plain lines."""
    stream = sys.stdout
    if quiet or stream is None:
        return Silence()
    try:
        is_terminal = stream.isatty()
    except (AttributeError, ValueError):  # replaced by something that is no file, or closed
        is_terminal = False
    if is_terminal:
        try:
            from argosy.execution.live_progress import LiveLines

            return Guarded(LiveLines())
        except Exception:  # a terminal rich cannot cope with still shows plain lines
            return Guarded(PlainLines(stream))
    return Guarded(PlainLines(stream))


def step_line(invocation: str, width: int, status: str, seconds: float, note: str) -> str:
    """Return the line of one step; ``width`` is that of the longest invocation."""
    took = "" if status == "skipped" else format_seconds(seconds)
    return f"  {invocation:<{width}}  {status:<{_STATUS_WIDTH}}  {took:>8}  {note}".rstrip()


def format_seconds(seconds: float) -> str:
    """Return a duration as a person reads it: ``0.03 s``, ``12.4 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
