"""Progress on a terminal: a spinner for the steps that run, coloured lines for those that ended."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.status import Status
from rich.text import Text

from argosy.execution.progress import STYLES, step_line


class LiveLines:
    """Prints with rich; what a step's own code prints appears above the spinner.

    There is one spinner from the beginning of the run to its end. It stands in for standard output, and what captures
    the steps' output stands in for it: one that came and went in between would put the capture aside.
    """

    def __init__(self, console: Console | None = None) -> None:
        """Print to ``console``, by default standard output."""
        self._console = console or Console(highlight=False)
        self._spinner: Status | None = None
        self._running: list[str] = []
        self._width = 0

    def run_started(self, title: str, invocations: Sequence[str]) -> None:
        """Print the title."""
        self._width = max(map(len, invocations), default=0)
        self._console.print(Text(title, style="bold"))
        self._spinner = self._console.status(self._text())
        self._spinner.start()

    def step_started(self, invocation: str) -> None:
        """Show that it runs."""
        self._running.append(invocation)
        self._show_running()

    def step_ended(self, invocation: str, status: str, seconds: float, note: str = "") -> None:
        """Print the step's line."""
        line = Text(step_line(invocation, self._width, status, seconds, note), overflow="fold")
        start = 4 + self._width
        line.stylize(STYLES.get(status, ""), start, start + len(status))
        self._console.print(line)
        self._running = [running for running in self._running if running != invocation]
        self._show_running()

    def run_ended(self, lines: Sequence[str]) -> None:
        """Print the lines; they are not wrapped, so that they can be copied."""
        self._stop_spinner()
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)

    def _show_running(self) -> None:
        if self._spinner is not None:
            self._spinner.update(self._text())

    def _text(self) -> Text:
        verb = "is" if len(self._running) == 1 else "are"
        return Text(f"{', '.join(self._running)} {verb} running" if self._running else "", overflow="ellipsis")

    def _stop_spinner(self) -> None:
        if self._spinner is not None:
            spinner, self._spinner = self._spinner, None
            spinner.stop()
