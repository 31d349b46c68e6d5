"""The tree of a run on the screen of a command, and what to do next where it did not complete."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from argosy.cli.output import print_line

if TYPE_CHECKING:
    from argosy.config import ClientConfig
    from argosy.execution.views.run_rows import Look
    from argosy.v1.pipeline_pb2 import Run


def screen(*, height: int | None = None) -> Look:
    """Return what standard output can show; in a file or pipe nothing is cut."""
    from argosy.execution.views.live_progress import look_of
    from argosy.execution.views.run_rows import Look

    look = look_of(sys.stdout)
    if not sys.stdout.isatty():
        return Look(None, height, look.unicode)
    is_dumb = os.environ.get("TERM", "") in {"", "dumb"}
    return Look(os.get_terminal_size().columns or None, height, look.unicode, look.colours and not is_dumb)


def tree_lines(run: Run, look: Look) -> list[str]:
    """Return the tree of the steps that are recorded."""
    from argosy.execution.views.recorded_rows import recorded_branches, recorded_states
    from argosy.execution.views.run_rows import draw_rows

    return draw_rows(recorded_branches(run), recorded_states(run), time.time(), look)


def next_lines(run: Run, config: ClientConfig) -> list[str]:
    """Return what to type after a run that did not complete; nothing after others."""
    from argosy.execution.running.next_steps import command, resume_command
    from argosy.execution.states import run_status
    from argosy.execution.views.cache_sentences import cache_note

    if run_status(run.state) not in {"failed", "cancelled", "abandoned"}:
        return []
    rows = []
    for step in run.steps:
        if run.HasField("error") and step.invocation == run.error.invocation:
            rows.append(("log", command(config, "run", "logs", run.name, step.invocation)))
            if cache_note(step.cache_miss):
                rows.append(("cache", command(config, "cache", "explain", run.name, step.invocation)))
    rows.append(("resume", resume_command(run, config)))
    return [f"  {word:<6}  {text}" for word, text in rows]


def print_tree(run: Run, config: ClientConfig) -> None:
    """Print the tree, and what to do next."""
    from argosy.execution.views.live_region import print_encodable

    print_encodable(sys.stdout, tree_lines(run, screen()))
    following = next_lines(run, config)
    if following:
        print_line("")
        for line in following:
            print_line(line)
