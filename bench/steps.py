"""What a step costs besides its own work: one that runs, one taken from cache, and a hundred of them side by side."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from bench.child import ask, environment
from bench.result import Effort, Result

CHAIN = 20
FAN = 98
"""With the step before and the one after them they are a hundred."""


def measure(effort: Effort) -> list[Result]:
    """Give each round a fresh process and a fresh embedded store; the first round is not counted."""
    with tempfile.TemporaryDirectory() as scratch:
        rounds = [
            ask("bench.steps", env=environment(Path(scratch, str(number)))) for number in range(effort.rounds + 1)
        ][1:]
    return [
        Result("a step, uncached, embedded", [round_["uncached"] * 1e3 for round_ in rounds], "ms", 8),
        Result("a step, cached, embedded", [round_["cached"] * 1e3 for round_ in rounds], "ms", 3),
        Result("100 steps, fan-out and fan-in, embedded", [round_["fan"] for round_ in rounds], "s", 1.2),
    ]


def main() -> None:
    """Run a chain of steps uncached and cached, then the fan; what Python imports was loaded before."""
    import argosy

    @argosy.step
    def begin() -> int:
        return 1

    @argosy.step
    def add(number: int, amount: int) -> int:
        return number + amount

    @argosy.step
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @argosy.pipeline
    def chain() -> None:
        number = begin()
        for amount in range(CHAIN - 1):
            number = add(number, amount)

    @argosy.pipeline
    def fan() -> None:
        number = begin()
        total([add(number, amount) for amount in range(FAN)])

    chain()
    seconds: dict[str, list[float]] = {"uncached": [], "cached": []}
    for kind, runnable in (("uncached", chain.with_options(enable_cache=False)), ("cached", chain)):
        for _ in range(5):
            begun = time.perf_counter()
            run = runnable()
            seconds[kind].append((time.perf_counter() - begun) / CHAIN)
            if {step.status == "cached" for step in run.steps.values()} != {kind == "cached"}:
                raise SystemExit(f"not all steps were {kind}: {run.steps}")
    begun = time.perf_counter()
    run = fan.with_options(enable_cache=False)()
    took = time.perf_counter() - begun
    if run.steps["total"].output.load() != FAN + FAN * (FAN - 1) // 2 or len(run.steps) != FAN + 2:
        raise SystemExit("the steps counted wrongly")
    print(json.dumps({"fan": took, **{kind: statistics.median(samples) for kind, samples in seconds.items()}}))


if __name__ == "__main__":
    main()
