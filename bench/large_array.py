"""Memory of client and server while an array of 1 GiB is saved and loaded; its time is told too."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import memory
from bench.child import ask, environment
from bench.result import Effort, Result
from bench.running_server import serving

MEBI = 1 << 20
BAR = 64.0
"""MiB over the value itself, and over what the process had before."""


def measure(effort: Effort) -> list[Result]:
    """Save in one fresh process and load in another; each round has a store of its own."""
    embedded: list[dict[str, float]] = []
    remote: list[dict[str, float]] = []
    for _ in range(effort.rounds):
        with tempfile.TemporaryDirectory() as scratch:
            embedded.append(_round(effort, environment(Path(scratch))))
        with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch, "data")) as server:
            before = memory.now(server.pid)
            figures = _round(effort, environment(Path(scratch), server.url))
            remote.append({**figures, "server": memory.peak(server.pid) - before})
    size = f"{effort.array_bytes // MEBI} MiB array"
    results = []
    for way, rounds in (("embedded", embedded), ("gRPC", remote)):
        for work in ("save", "load"):
            samples = [figures[f"{work}_excess"] for figures in rounds]
            results.append(Result(f"{size}, {work}, {way}: memory over the array", samples, "MiB", BAR))
            results.append(Result(f"{size}, {work}, {way}: time", [figures[work] for figures in rounds], "s"))
    growth = [figures["server"] for figures in remote]
    return [*results, Result(f"{size}, both, gRPC: server growth", growth, "MiB", BAR)]


def _round(effort: Effort, env: dict[str, str]) -> dict[str, float]:
    size = str(effort.array_bytes)
    saved = ask("bench.large_array", "save", size, env=env)
    loaded = ask("bench.large_array", "load", size, env=env)
    return {
        "save": saved["seconds"],
        "save_excess": saved["excess"],
        "load": loaded["seconds"],
        "load_excess": loaded["excess"],
    }


def main() -> None:
    """Do one of both in this process and tell its time and the memory it took beyond the array."""
    work, size = sys.argv[1], int(sys.argv[2])
    import numpy as np

    import argosy

    # What libraries and connection take is there before; the array has to be there once.
    argosy.save_artifact(np.zeros(4), "small")
    argosy.load_artifact("small")
    before = memory.now()
    seconds = _MAIN[work](size)
    print(json.dumps({"seconds": seconds, "excess": memory.peak() - before - size / MEBI}))


def _save(size: int) -> float:
    import numpy as np

    import argosy

    array = np.empty(size // 8)
    np.random.default_rng(7).random(out=array)
    started = time.perf_counter()
    argosy.save_artifact(array, "large")
    return time.perf_counter() - started


def _load(size: int) -> float:
    import numpy as np

    import argosy

    started = time.perf_counter()
    array = argosy.load_artifact("large")
    seconds = time.perf_counter() - started
    generator = np.random.default_rng(7)
    for start in range(0, array.size, MEBI):
        part = array[start : start + MEBI]
        if not np.array_equal(part, generator.random(part.size)):
            raise SystemExit("another array came back than was saved")
    if array.nbytes != size:
        raise SystemExit(f"an array of {array.nbytes} bytes came back, {size} were saved")
    return seconds


_MAIN: dict[str, Callable[[int], float]] = {"save": _save, "load": _load}


if __name__ == "__main__":
    main()
