"""The bad day of a pipeline: the network stutters, the program is killed, and what is left goes on.

    python examples/bad_day.py

The download breaks twice and is tried again. With CRASH=1 the program is then killed, as by kill -9. A minute later
its run reads 'abandoned' (argosy run list), and only what is missing runs:

    CRASH=1 python examples/bad_day.py
    argosy run resume NAME                # the name it printed
"""

import itertools
import os
import signal
from typing import Annotated

import numpy as np

import argosy

attempts = itertools.count(1)


@argosy.step(enable_cache=False, retry=argosy.Retry(3, delay=0.2, backoff=2, on=ConnectionError))
def download() -> Annotated[np.ndarray, "bad_day/measurements"]:
    """Fetch what was measured today; the connection breaks twice."""
    attempt = next(attempts)
    print(f"download, attempt {attempt}", flush=True)
    if attempt < 3:
        raise ConnectionResetError("connection reset by peer")
    return np.random.default_rng(7).normal(20.0, 2.0, size=10_000)


@argosy.step(enable_cache=False)
def summarize(measurements: np.ndarray) -> Annotated[dict[str, float], "bad_day/summary"]:
    """Hours of work, in the middle of which the machine may lose its power."""
    if os.environ.get("CRASH"):
        print("the program is killed", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return {"mean": float(measurements.mean()), "largest": float(measurements.max())}


@argosy.step(enable_cache=False)
def report(summary: dict[str, float]) -> None:
    """Tell the result."""
    print(f"mean {summary['mean']:.1f}, largest {summary['largest']:.1f}")


def announce(run: argosy.PipelineRun) -> None:
    print(f"if it does not end well: argosy run resume {run.name}", flush=True)


@argosy.pipeline(run_name="bad_day-{date}-{time}", on_start=announce)
def bad_day() -> None:
    report(summarize(download()))


if __name__ == "__main__":
    bad_day()
