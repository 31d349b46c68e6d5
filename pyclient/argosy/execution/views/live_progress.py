"""A run on a terminal: the tree of its steps, drawn again and again until the run is over, and then once more."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TextIO

from argosy.execution.step_traffic import StepTraffic, traffic_of
from argosy.execution.views.live_region import LiveRegion, print_encodable
from argosy.execution.views.run_rows import Look, StepState, draw_rows
from argosy.execution.views.run_tree import Branch, PlannedStep, lay_out
from argosy.execution.views.terminal_text import one_line


class LiveTree:
    """Shows the tree of a run on a terminal; whatever is printed meanwhile appears above it."""

    def __init__(self, terminal: TextIO) -> None:
        """Show it on ``terminal``."""
        self._terminal = terminal
        self._look = look_of(terminal)
        self._region = LiveRegion(terminal, self._draw)
        self._steps: Sequence[PlannedStep] = ()
        self._tree: tuple[Sequence[PlannedStep], Sequence[Branch]] = ((), ())
        self._states: dict[str, StepState] = {}

    def run_started(self, title: str, steps: Sequence[PlannedStep]) -> None:
        """Print the title and begin to draw."""
        title = one_line(title)
        print_encodable(self._terminal, [f"\x1b[1m{title}\x1b[0m" if self._look.colours else title])
        self.steps_known(steps)
        self._region.open()

    def steps_known(self, steps: Sequence[PlannedStep]) -> None:
        """Draw these from now on."""
        # The thread that draws looks at both: there is a state for each step that it may draw.
        for step in steps:
            if step.invocation not in self._states:
                self._states[step.invocation] = StepState(step.status)
        self._steps = steps

    def step_started(self, invocation: str, step_run_id: str = "", attempt: int = 1, attempts: int = 1) -> None:
        """Show that it runs."""
        state = self._state(invocation)
        if state.began is None or attempt == 1:
            state.began = time.monotonic()
        state.attempt, state.attempts = attempt, attempts
        state.status, state.note, state.due, state.ended = "running", "", None, None
        if step_run_id and state.traffic.sent == state.traffic.received == 0:
            state.traffic = traffic_of(step_run_id)

    def step_waits(self, invocation: str, run: str) -> None:
        """Show for what it waits."""
        self._state(invocation).note = f"for an equal step of run {run}"

    def step_retries(self, invocation: str, seconds: float, note: str, delay: float) -> None:
        """Show when it is tried again."""
        state = self._state(invocation)
        state.attempt += 1
        state.due, state.note, state.status = time.monotonic() + delay, note, "retrying"

    def step_ended(self, invocation: str, status: str, seconds: float, note: str = "", size: int = 0) -> None:
        """Show how it ended."""
        state = self._state(invocation)
        now = time.monotonic()
        if status != "skipped":
            state.began, state.ended = now - seconds, now
        if size and status == "completed" and not state.traffic.sent:  # another process saved them
            state.traffic = StepTraffic(state.traffic.received, size)
        state.note, state.due, state.status = note, None, status

    def run_ended(self, lines: Sequence[str]) -> None:
        """Print the tree as it is at last, and the lines; these are not cut, so that they can be copied."""
        try:
            width = os.get_terminal_size(self._terminal.fileno()).columns or None
        except OSError:  # the terminal is gone
            width = None
        look = Look(width, None, self._look.unicode, self._look.colours)
        self._region.close([*draw_rows(self._branches(), self._states, time.monotonic(), look), *lines])

    def _state(self, invocation: str) -> StepState:
        return self._states.setdefault(invocation, StepState())

    def _draw(self, columns: int, rows: int) -> list[str]:
        look = Look(columns, rows, self._look.unicode, self._look.colours)
        return draw_rows(self._branches(), self._states, time.monotonic(), look)

    def _branches(self) -> Sequence[Branch]:
        """Return the tree, made anew only when it is drawn: a body that loads values lets it grow again and again."""
        steps = self._steps
        known, branches = self._tree
        if known is not steps:
            branches = lay_out(steps)
            self._tree = steps, branches
        return branches


def look_of(terminal: TextIO) -> Look:
    """Return what a terminal has: more than ASCII where its encoding has it, colours unless ``NO_COLOR`` is set."""
    encoding = (getattr(terminal, "encoding", None) or "ascii").lower().replace("-", "")
    return Look(unicode=encoding.startswith("utf"), colours=not os.environ.get("NO_COLOR"))
