"""What keeping a log costs: a step that prints 100,000 lines, with its log kept and without, one after the other."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

from bench.child import ask, environment
from bench.result import Effort, Result

LINES = 100_000
PAIRS = 12


def measure(effort: Effort) -> list[Result]:
    """Give each round a fresh process and store; its output goes to a pipe, as under a scheduler or in CI."""
    with tempfile.TemporaryDirectory() as scratch:
        homes = [Path(scratch, str(number)) for number in range(effort.rounds)]
        rounds = [
            ask("bench.log_capture", env={**environment(home), "PYTHONUNBUFFERED": "", "ARGOSY_QUIET": "1"})
            for home in homes
        ]
    return [
        Result("a run that prints 100,000 lines, log kept", [round_["1"] for round_ in rounds], "s"),
        Result("the same, log not kept", [round_["0"] for round_ in rounds], "s"),
        Result("until all of the log is stored, from a thread", [round_["1 stored"] for round_ in rounds], "s"),
        Result("what keeping the log costs", [(round_["1"] / round_["0"] - 1) * 100 for round_ in rounds], "%", 5),
    ]


def main() -> None:
    """Run the pipeline in turns with and without capturing, and check that the log is all there.

    Of each kind the fastest run counts: whatever else the machine does can only make one slower.
    """
    import argosy

    @argosy.step
    def talk() -> None:
        for number in range(LINES):
            print(f"epoch {number} loss 0.123456 accuracy 0.98765 learning rate 0.001")

    @argosy.pipeline
    def talking() -> None:
        talk()

    from argosy.execution.logs.sender import drain_logs

    runnable = talking.with_options(enable_cache=False)
    seconds: dict[str, list[float]] = {"1": [], "0": [], "1 stored": [], "0 stored": []}
    for _ in range(PAIRS):
        for kept in ("0", "1"):
            os.environ["ARGOSY_CAPTURE_LOGS"] = kept
            begun = time.perf_counter()
            run = runnable()
            seconds[kept].append(time.perf_counter() - begun)
            drain_logs()
            seconds[f"{kept} stored"].append(time.perf_counter() - begun)
            if len(run.steps["talk"].logs()) != (LINES if kept == "1" else 0):
                raise SystemExit("lines are missing")
    print(json.dumps({kind: min(samples) for kind, samples in seconds.items()}))


if __name__ == "__main__":
    main()
