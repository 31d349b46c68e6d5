"""What a run tells while it happens, and who hears it: nobody, plain lines, or a tree on a terminal.

Nothing here draws on a terminal; see ``live_progress``.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

from argosy.execution.views.amounts import format_seconds
from argosy.execution.views.live_region import is_anything_live, is_terminal, print_encodable
from argosy.execution.views.run_tree import PlannedStep
from argosy.execution.views.terminal_text import one_line, padded, width_of

_STATUS_WIDTH = len("completed")


class Progress(Protocol):
    """Hears of a run as it happens, in the thread that called the pipeline."""

    def run_started(self, title: str, steps: Sequence[PlannedStep]) -> None:
        """The run was created or resumed; ``steps`` are known so far, each after those it waits for."""
        ...

    def steps_known(self, steps: Sequence[PlannedStep]) -> None:
        """More of the pipeline is known; ``steps`` are all there are so far."""
        ...

    def step_started(self, invocation: str, step_run_id: str = "", attempt: int = 1, attempts: int = 1) -> None:
        """An attempt of a step, of so many it may have, is about to be executed."""
        ...

    def step_waits(self, invocation: str, run: str) -> None:
        """A step waits for an equal one that another run executes."""
        ...

    def step_retries(self, invocation: str, seconds: float, note: str, delay: float) -> None:
        """An attempt failed; the next one begins in ``delay`` seconds."""
        ...

    def step_ended(self, invocation: str, status: str, seconds: float, note: str = "", size: int = 0) -> None:
        """A step ended or was skipped.

        Args:
            invocation: the step.
            status: how.
            seconds: how long it took.
            note: what else a person should know.
            size: the bytes of its outputs.
        """
        ...

    def run_ended(self, lines: Sequence[str]) -> None:
        """The run is over; ``lines`` sum it up."""
        ...


class Silence:
    """Prints nothing."""

    def run_started(self, title: str, steps: Sequence[PlannedStep]) -> None:
        """Print nothing."""

    def steps_known(self, steps: Sequence[PlannedStep]) -> None:
        """Print nothing."""

    def step_started(self, invocation: str, step_run_id: str = "", attempt: int = 1, attempts: int = 1) -> None:
        """Print nothing."""

    def step_waits(self, invocation: str, run: str) -> None:
        """Print nothing."""

    def step_retries(self, invocation: str, seconds: float, note: str, delay: float) -> None:
        """Print nothing."""

    def step_ended(self, invocation: str, status: str, seconds: float, note: str = "", size: int = 0) -> None:
        """Print nothing."""

    def run_ended(self, lines: Sequence[str]) -> None:
        """Print nothing."""


class PlainLines(Silence):
    """Prints one line for each step that ends, or waits for one of another run, for files, pipes and notebooks."""

    def __init__(self, stream: TextIO) -> None:
        """Print to ``stream``."""
        self._stream = stream
        self._width = 0
        self._waits: dict[str, str] = {}

    def run_started(self, title: str, steps: Sequence[PlannedStep]) -> None:
        """Print the title."""
        self.steps_known(steps)
        self._print(one_line(title))

    def steps_known(self, steps: Sequence[PlannedStep]) -> None:
        """Make the column of names as wide as it has to be."""
        self._width = max((width_of(step.invocation) for step in steps), default=0)

    def step_waits(self, invocation: str, run: str) -> None:
        """Print the step's line, once for each run it waits for."""
        if self._waits.get(invocation) != run:
            self._waits[invocation] = run
            self._print(step_line(invocation, self._width, "waiting", None, f"for an equal step of run {run}"))

    def step_retries(self, invocation: str, seconds: float, note: str, delay: float) -> None:
        """Print the step's line."""
        self._print(step_line(invocation, self._width, "retrying", seconds, note))

    def step_ended(self, invocation: str, status: str, seconds: float, note: str = "", size: int = 0) -> None:
        """Print the step's line."""
        self._print(step_line(invocation, self._width, status, seconds, note))

    def run_ended(self, lines: Sequence[str]) -> None:
        """Print the lines."""
        self._print(*lines)

    def _print(self, *lines: str) -> None:
        print_encodable(self._stream, lines)


class Guarded:
    """Passes everything on until that fails once; printing never breaks a run."""

    def __init__(self, progress: Progress) -> None:
        """Pass on to ``progress``."""
        self._progress = progress

    def run_started(self, title: str, steps: Sequence[PlannedStep]) -> None:
        """Pass on."""
        self._try(lambda progress: progress.run_started(title, steps))

    def steps_known(self, steps: Sequence[PlannedStep]) -> None:
        """Pass on."""
        self._try(lambda progress: progress.steps_known(steps))

    def step_started(self, invocation: str, step_run_id: str = "", attempt: int = 1, attempts: int = 1) -> None:
        """Pass on."""
        self._try(lambda progress: progress.step_started(invocation, step_run_id, attempt, attempts))

    def step_waits(self, invocation: str, run: str) -> None:
        """Pass on."""
        self._try(lambda progress: progress.step_waits(invocation, run))

    def step_retries(self, invocation: str, seconds: float, note: str, delay: float) -> None:
        """Pass on."""
        self._try(lambda progress: progress.step_retries(invocation, seconds, note, delay))

    def step_ended(self, invocation: str, status: str, seconds: float, note: str = "", size: int = 0) -> None:
        """Pass on."""
        self._try(lambda progress: progress.step_ended(invocation, status, seconds, note, size))

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
    """Return what fits where this program prints now: nothing, a live display, or plain lines."""
    stream = sys.stdout
    if quiet or stream is None:
        return Silence()
    terminal = _terminal_to_draw_on()
    if terminal is None:
        return Guarded(PlainLines(stream))
    from argosy.execution.views.live_progress import LiveTree

    return Guarded(LiveTree(terminal))


def _terminal_to_draw_on() -> TextIO | None:
    """Return the terminal that a person looks at, unless it cannot be drawn on, or others may write to it unseen.

    That is stderr; standard output where stderr goes elsewhere. Behind a pipe may be ``tee`` or ``less``, which write
    to the same terminal.
    """
    if can_be_drawn_on(sys.stderr):
        return sys.stderr if is_terminal(sys.stdout) or _is_plain_file(sys.stdout) else None
    return sys.stdout if can_be_drawn_on(sys.stdout) else None


def can_be_drawn_on(stream: TextIO | None) -> bool:
    """Tell whether a stream leads to a terminal that moves its cursor as it is told, on which nobody draws now."""
    is_able = os.environ.get("TERM", "") not in {"", "dumb"} and sys.platform != "win32"
    return is_able and is_terminal(stream) and not is_anything_live()


def _is_plain_file(stream: TextIO) -> bool:
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # replaced by something that is no file, or closed
        return False
    return stat.S_ISREG(mode) or stat.S_ISCHR(mode)


def step_line(invocation: str, width: int, status: str, seconds: float | None, note: str) -> str:
    """Return the line of one step; ``width`` is that of the longest invocation."""
    took = "" if status == "skipped" or seconds is None else format_seconds(seconds)
    name = padded(one_line(invocation), width)
    return f"  {name}  {status:<{_STATUS_WIDTH}}  {took:>8}  {one_line(note)}".rstrip()
