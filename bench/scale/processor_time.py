"""What a server has used of the processors."""

from __future__ import annotations

import os
from pathlib import Path


def seconds_of(server: int) -> float:
    """Return what a server and its workers have used since they started; 0 where no ``/proc`` tells."""
    children = Path(f"/proc/{server}/task/{server}/children")
    if not children.exists():
        return 0.0
    ticks = 0
    for pid in (server, *map(int, children.read_text().split())):
        # The name of the program, in parentheses, may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
