"""How much memory a program held at most, without what a large parent leaves in the counters of its children."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE = 0.01


def peak_memory(process_id: int | str) -> int:
    """Return the most bytes a process has held in memory so far; 0 when it is gone."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


class Peak:
    """The most bytes that any process of a program held; it is complete when the program has ended."""

    def __init__(self) -> None:
        self.size_bytes = 0


@contextmanager
def watched(process: subprocess.Popen[str]) -> Iterator[Peak]:
    """Look at a program, and what it has started, again and again until it ends."""
    peak, is_over = Peak(), threading.Event()

    def look() -> None:
        while not is_over.wait(_PAUSE):
            peak.size_bytes = max([peak.size_bytes, *map(peak_memory, _family(process.pid))])

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield peak
    finally:
        is_over.set()
        looking.join()


def _family(process_id: int) -> list[int]:
    """Return a process and its descendants."""
    try:
        children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    except OSError:
        children = []
    return [process_id, *(member for child in children for member in _family(int(child)))]
