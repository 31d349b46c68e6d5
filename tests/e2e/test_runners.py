"""The runners of this machine keep the contract of runners."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import DefinitionError
from argosy.execution.running.runner import Runner
from argosy.runners.local import LocalRunner
from argosy.runners.processes import ProcessRunner
from tests.contracts.runners import RemoteRunnerContract, RunnerContract
from tests.e2e.steps import one


class TestLocal(RunnerContract):
    @pytest.fixture
    def runner(self) -> Runner:
        return LocalRunner()


class TestProcesses(RemoteRunnerContract):
    @pytest.fixture
    def runner(self) -> Runner:
        return ProcessRunner()


class TakesNothing:
    def open(self) -> None: ...


class ReturnsNothing:
    def open(self, max_parallel: int | None) -> None: ...


@pytest.mark.parametrize(
    ("runner", "message"),
    [
        (TakesNothing(), r"TakesNothing\.open cannot be called as open\(max_parallel\): too many positional arguments"),
        (
            ReturnsNothing(),
            r"ReturnsNothing\.open\(\.\.\.\) returned a NoneType, which has no max_parallel, are_here, ",
        ),
    ],
    ids=["takes nothing", "returns nothing"],
)
def test_what_is_no_runner_is_told_so_before_there_is_a_run(home: Path, runner: Any, message: str) -> None:
    @argosy.pipeline(runner=runner)
    def working() -> None:
        one()

    with pytest.raises(DefinitionError, match=message):
        working()
    assert list(argosy.Client().list_runs()) == []
