"""Who is called about a step; steps that are coroutines; steps that fork."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import StepTimeoutError
from argosy.execution.records.run_record import PipelineRun
from argosy.execution.running.hooks import HookWarning
from tests.e2e.steps import OwnError, failing, statuses


def test_hooks_hear_of_steps_and_runs(store: str) -> None:
    heard: list[str] = []
    tried: list[int] = []

    def says(text: str) -> Any:
        return lambda about: heard.append(f"{text} {getattr(about, 'invocation', type(about).__name__)}")

    @argosy.step(
        enable_cache=False, retry=1, on_start=says("start"), on_success=says("success"), on_failure=says("failure")
    )
    def flaky(times: int) -> None:
        tried.append(1)
        if len(tried) <= times:
            raise OwnError

    @argosy.pipeline(on_start=says("start"), on_success=[says("success"), lambda: heard.append("!")])
    def working(times: int) -> None:
        flaky(times)

    working(1)
    assert heard == ["start PipelineRun", "start flaky", "success flaky", "success PipelineRun", "!"]
    heard.clear()
    tried.clear()
    with pytest.raises(OwnError):
        working.with_options(on_failure=says("failure"))(2)
    assert heard == ["start PipelineRun", "start flaky", "failure OwnError", "failure OwnError"]


def test_the_hook_of_a_failed_pipeline_is_given_the_error_and_the_run(home: Path) -> None:
    heard: list[tuple[str, str]] = []

    def failed(error: Exception, run: PipelineRun) -> None:
        heard.append((str(error), run.status))

    @argosy.pipeline(on_failure=failed)
    def working() -> None:
        failing("no")

    with pytest.raises(OwnError):
        working()
    assert heard == [("no", "failed")]


def test_hooks_are_not_called_for_a_step_taken_from_cache(home: Path) -> None:
    heard: list[int] = []

    @argosy.step(on_start=lambda: heard.append(1), on_success=lambda: heard.append(2))
    def quiet() -> int:
        return 1

    @argosy.pipeline
    def working() -> None:
        quiet()

    working()
    assert working().steps["quiet"].status == "cached"
    assert heard == [1, 2]


def test_a_hook_that_raises_is_named_and_changes_nothing(home: Path) -> None:
    def broken_hook(step: Any) -> None:
        raise OwnError("no network")

    @argosy.step(on_success=broken_hook)
    def fine() -> int:
        return 1

    @argosy.pipeline
    def working() -> None:
        fine()

    with pytest.warns(HookWarning, match=r"the on_success hook .*broken_hook of step 'fine' raised OwnError: no netw"):
        run = working()
    assert (run.status, statuses(run)) == ("completed", {"fine": "completed"})


def test_an_async_step_runs_where_a_loop_runs_already(home: Path) -> None:
    @argosy.step(enable_cache=False)
    async def waiting() -> int:
        await asyncio.sleep(0.01)
        argosy.save_artifact(1, "note")
        return 5

    @argosy.pipeline
    def working() -> None:
        waiting()

    async def notebook() -> PipelineRun:
        return working()

    step = asyncio.run(notebook()).steps["waiting"]
    assert (step.output.load(), [version.name for version in step.saved]) == (5, ["note"])


def test_an_async_step_that_waits_is_stopped_in_time(home: Path) -> None:
    @argosy.step(enable_cache=False, timeout=2)
    async def waiting() -> None:
        try:
            Path("began").touch()
            await asyncio.sleep(60)
        finally:
            Path("closed").touch()

    @argosy.pipeline
    def working() -> None:
        waiting()

    while not Path("began").exists():  # it may be stopped before it gets that far
        with pytest.raises(StepTimeoutError):
            working()
    assert Path("closed").exists()


@pytest.mark.parametrize("runner", ["local", "processes"])
def test_a_process_that_a_step_forks_does_not_report_for_it(home: Path, runner: Any) -> None:
    @argosy.step(enable_cache=False)
    def forking() -> int:
        for child_ends in (lambda: None, lambda: sys.exit(3), lambda: failing.__wrapped__("in the child")):
            pid = os.fork()
            if pid == 0:
                sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - what the child says is not of interest
                child_ends()
                return 0
            ends.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        return int("".join(map(str, ends)))

    ends: list[int] = []

    @argosy.pipeline(runner=runner)
    def working() -> None:
        forking()

    run = working()
    assert (run.status, run.steps["forking"].output.load()) == ("completed", 31)
    assert len(list(argosy.Client().list_runs())) == 1
