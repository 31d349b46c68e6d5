"""A pipeline of five trivial steps: the first run of a process, the next one, and one all cached."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from bench.child import ask, environment
from bench.result import Effort, Result

STATUS = {"uncached": "completed", "cached": "cached"}


def measure(effort: Effort) -> list[Result]:
    """Give each round a fresh process and a fresh embedded store."""
    with tempfile.TemporaryDirectory() as scratch:
        rounds = [
            ask("bench.five_steps", env=environment(Path(scratch, str(number)))) for number in range(effort.rounds + 1)
        ][1:]
    return [
        Result("5 steps, first run of a process, with imports", [round_["first"] for round_ in rounds], "s", 1),
        Result("5 steps, next run, uncached", [round_["uncached"] for round_ in rounds], "s", 0.1),
        Result("5 steps, next run, all cached", [round_["cached"] for round_ in rounds], "s", 0.05),
    ]


def main() -> None:
    """Run the pipeline eleven times; later runs of a kind count by their median."""
    started = time.perf_counter()
    import argosy

    @argosy.step
    def begin() -> int:
        return 1

    @argosy.step
    def add(number: int, amount: int) -> int:
        return number + amount

    @argosy.pipeline
    def counting() -> None:
        number = begin()
        for amount in (1, 2, 3, 4):
            number = add(number, amount)

    run = counting()
    first = time.perf_counter() - started
    if run.steps["add_4"].output.load() != 11:
        raise SystemExit("the steps counted wrongly")
    seconds: dict[str, list[float]] = {"uncached": [], "cached": []}
    for kind, runnable in (("uncached", counting.with_options(enable_cache=False)), ("cached", counting)):
        for _ in range(5):
            begun = time.perf_counter()
            run = runnable()
            seconds[kind].append(time.perf_counter() - begun)
            if {str(step.status) for step in run.steps.values()} != {STATUS[kind]}:
                raise SystemExit(f"not all steps were {STATUS[kind]}: {run.steps}")
    print(json.dumps({"first": first, **{kind: statistics.median(samples) for kind, samples in seconds.items()}}))


if __name__ == "__main__":
    main()
