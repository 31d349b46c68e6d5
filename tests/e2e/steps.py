"""Steps that fail, wait and pass on, for tests of how runs go."""

from __future__ import annotations

from pathlib import Path

import argosy
from argosy.execution.records.run_record import PipelineRun
from tests.waiting import wait_until


class OwnError(Exception):
    """An exception of the user's own."""


@argosy.step(enable_cache=False)
def one() -> int:
    return 1


@argosy.step(enable_cache=False)
def passed_on(x: int) -> int:
    return x


@argosy.step(enable_cache=False)
def failing(text: str) -> int:
    raise OwnError(text)


@argosy.step(enable_cache=False)
def failing_late(text: str, mark: str) -> int:
    wait_for(mark)
    raise OwnError(text)


@argosy.step(enable_cache=False)
def slow(mark: str) -> int:
    wait_for(mark)
    return 1


def wait_for(mark: str) -> None:
    wait_until(lambda: Path(mark).exists(), mark)


def last_run() -> PipelineRun:
    return next(iter(argosy.Client().list_runs())).reload()


def statuses(run: PipelineRun) -> dict[str, str]:
    return {name: step.status for name, step in run.steps.items()}
