"""The runners of this machine keep the contract of runners."""

from __future__ import annotations

import pytest

from argosy.execution.runner import Runner
from argosy.runners.local import LocalRunner
from argosy.runners.processes import ProcessRunner
from tests.contracts.runners import RemoteRunnerContract, RunnerContract


class TestLocal(RunnerContract):
    @pytest.fixture
    def runner(self) -> Runner:
        return LocalRunner()


class TestProcesses(RemoteRunnerContract):
    @pytest.fixture
    def runner(self) -> Runner:
        return ProcessRunner()
