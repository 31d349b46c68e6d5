"""How long ``argosy artifact list`` takes, the whole process."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.child import ask, environment, seconds_of
from bench.result import Effort, Result
from bench.running_server import serving

COMMAND = [str(Path(sys.executable).with_name("argosy")), "artifact", "list"]


def measure(effort: Effort) -> list[Result]:
    """List one artifact of a hundred versions, embedded and from a server."""
    with tempfile.TemporaryDirectory() as scratch:
        embedded = _seconds(effort, environment(Path(scratch, "home")))
        with serving(Path(scratch, "data")) as server:
            remote = _seconds(effort, environment(Path(scratch, "client"), server.url))
    return [
        Result("argosy artifact list, embedded", embedded, "s", 0.7),
        Result("argosy artifact list, server", remote, "s", 0.7),
    ]


def _seconds(effort: Effort, env: dict[str, str]) -> list[float]:
    ask("bench.small_objects", env=env)
    seconds_of(COMMAND, env)
    return [seconds_of(COMMAND, env) for _ in range(effort.rounds)]
