"""A hundred small saves and a hundred small loads, embedded and over gRPC."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from bench.child import ask, environment
from bench.result import Effort, Result
from bench.running_server import serving

COUNT = 100


def measure(effort: Effort) -> list[Result]:
    """Give each round a fresh process and a fresh store."""
    with tempfile.TemporaryDirectory() as scratch:
        embedded, remote = [], []
        for round_number in range(effort.rounds):
            home = Path(scratch, f"home-{round_number}")
            embedded.append(ask("bench.small_objects", env=environment(home)))
            with serving(Path(scratch, f"data-{round_number}")) as server:
                remote.append(ask("bench.small_objects", env=environment(home / "client", server.url)))
    return [
        Result(f"{COUNT} small saves, embedded", [round_["saves"] for round_ in embedded], "s", 0.15),
        Result(f"{COUNT} small saves, gRPC", [round_["saves"] for round_ in remote], "s", 0.3),
        Result(f"{COUNT} small loads, embedded", [round_["loads"] for round_ in embedded], "s", 0.08),
        Result(f"{COUNT} small loads, gRPC", [round_["loads"] for round_ in remote], "s", 0.15),
    ]


def main() -> None:
    """Save and load arrays of 1 KiB, after one of each that opens the store."""
    import numpy as np

    import argosy

    argosy.save_artifact(np.zeros(128), "small")
    argosy.load_artifact("small")
    arrays = [np.full(128, float(number)) for number in range(COUNT)]
    started = time.perf_counter()
    versions = [argosy.save_artifact(array, "small").version for array in arrays]
    saved = time.perf_counter()
    loaded = [argosy.load_artifact("small", version) for version in versions]
    ended = time.perf_counter()
    if not np.array_equal(arrays, loaded):
        raise SystemExit("other values came back than were saved")
    print(json.dumps({"saves": saved - started, "loads": ended - saved}))


if __name__ == "__main__":
    main()
