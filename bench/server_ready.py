"""How long a server takes from its start to the line that says that it listens."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.result import Effort, Result
from bench.running_server import serving


def measure(effort: Effort) -> list[Result]:
    """Start it on an empty directory, then on the store that is there now."""
    first: list[float] = []
    again: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        with serving(Path(scratch, "warm-up")):
            pass
        for round_number in range(effort.rounds):
            for samples in (first, again):
                with serving(Path(scratch, str(round_number))) as server:
                    samples.append(server.ready_after)
    return [
        Result("argosy-server ready, new store", first, "s", 1.5),
        Result("argosy-server ready, store of before", again, "s", 1.5),
    ]
