"""Processes that stand still, as those of a machine that swaps do."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.waiting import wait_until


def stand_still(pid: int) -> None:
    """Stop a process, and return once none of its threads runs any more: on a busy machine they go on for a while."""
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    wait_until(lambda: all(_is_stopped(thread) for thread in threads.iterdir()), f"process {pid} stands still")


def go_on(pid: int) -> None:
    """Let a process that stands still move again."""
    os.kill(pid, signal.SIGCONT)


def _is_stopped(thread: Path) -> bool:
    try:
        text = (thread / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it ended while it was looked at
        return False
    # Its name may have spaces and parentheses of its own.
    return text.rpartition(")")[2].split()[0] == "T"
