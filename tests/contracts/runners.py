"""What every runner must do with the steps of a pipeline, wherever it executes them.

A test of a runner subclasses :class:`RunnerContract` and gives the fixture ``runner``; one that executes steps in other
processes subclasses :class:`RemoteRunnerContract`. The fixture ``store`` sets up what programs find as their store.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import argosy
from argosy.errors import RunCancelledError, StepTimeoutError, WorkerLostError
from argosy.execution.records.run_record import PipelineRun
from argosy.execution.running.runner import Runner


class OwnError(Exception):
    """Takes more than its text, as exceptions of libraries do."""

    def __init__(self, text: str, *, code: int) -> None:
        super().__init__(text)
        self.code = code


@argosy.step(enable_cache=False)
def numbers(count: int) -> np.ndarray:
    return np.arange(count)


@argosy.step(enable_cache=False)
def total(values: list[np.ndarray], factor: int = 1) -> int:
    return int(sum(value.sum() for value in values)) * factor


@argosy.step(enable_cache=False)
def where() -> tuple[int, str]:
    return os.getpid(), threading.current_thread().name


@argosy.step(enable_cache=False)
def failing() -> int:
    raise OwnError("cannot", code=7)


@argosy.step(enable_cache=False)
def meeting(directory: str, name: str, others: int) -> int:
    """Return once so many steps are here at the same time."""
    (Path(directory) / name).touch()
    end = time.monotonic() + 60
    while len(list(Path(directory).iterdir())) < others:
        assert time.monotonic() < end, "the others did not come"
        time.sleep(0.01)
    return 1


@argosy.step(enable_cache=False)
def counting(directory: str) -> int:
    """Tell how many of its kind were there at once."""
    mine = Path(directory) / f"{os.getpid()}-{threading.get_ident()}-{time.monotonic_ns()}"
    mine.touch()
    time.sleep(0.1)
    seen = len(list(Path(directory).iterdir()))
    mine.unlink()
    return seen


@argosy.step(enable_cache=False, retry=2)
def flaky(directory: str) -> int:
    attempt = len(list(Path(directory).iterdir())) + 1
    (Path(directory) / str(attempt)).touch()
    if attempt < 3:
        raise OwnError(f"attempt {attempt}", code=attempt)
    return attempt


@argosy.step(enable_cache=False, timeout=3)
def endless(directory: str) -> int:
    try:
        (Path(directory) / "began").touch()
        while True:
            time.sleep(0.01)
    finally:
        (Path(directory) / "closed").touch()


@argosy.step(enable_cache=False)
def waiting(directory: str) -> int:
    (Path(directory) / "waits").touch()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.01)
    return 1


@argosy.step(enable_cache=False)
async def later(value: int) -> int:
    import asyncio

    await asyncio.sleep(0)
    return value + 1


@argosy.step(enable_cache=False)
def saving() -> int:
    argosy.save_artifact("by the step", "note")
    return len(argosy.load_artifact("features"))


def last_run() -> PipelineRun:
    return next(iter(argosy.Client().list_runs())).reload()


def statuses(run: PipelineRun) -> dict[str, str]:
    return {name: step.status for name, step in run.steps.items()}


def pipeline_on(runner: Runner, body: Any, **options: Any) -> Any:
    return argosy.pipeline(name="working", runner=runner, **options)(body)


class RunnerContract:
    def test_values_reach_the_steps_that_take_them(self, store: str, runner: Runner) -> None:
        def body() -> None:
            total([numbers(3), numbers(4)], factor=2)

        run = pipeline_on(runner, body)()
        assert (run.status, run.steps["total"].output.load()) == ("completed", 18)

    def test_what_the_code_of_a_step_saves_and_loads_is_linked_to_it(self, store: str, runner: Runner) -> None:
        argosy.save_artifact([1, 2, 3], "features")

        def body() -> None:
            saving()
            numbers(1)

        step = pipeline_on(runner, body)().steps["saving"]
        assert step.output.load() == 3
        assert [version.name for version in step.saved] == ["note"]
        assert [version.name for version in step.loaded] == ["features"]

    def test_steps_that_wait_for_nothing_run_at_once(self, store: str, runner: Runner, tmp_path: Path) -> None:
        directory = tmp_path / "here"
        directory.mkdir()

        def body() -> None:
            for name in ("a", "b", "c"):
                meeting(str(directory), name, 3)

        assert pipeline_on(runner, body, max_parallel=3)().status == "completed"

    def test_no_more_run_at_once_than_allowed(self, store: str, runner: Runner, tmp_path: Path) -> None:
        directory = tmp_path / "here"
        directory.mkdir()

        def body() -> None:
            for _ in range(6):
                counting(str(directory))

        run = pipeline_on(runner, body, max_parallel=2)()
        assert max(step.output.load() for step in run.steps.values()) <= 2

    def test_an_exception_comes_back_as_it_is(self, store: str, runner: Runner) -> None:
        def body() -> None:
            failing()
            numbers(1)

        with pytest.raises(OwnError, match="cannot") as caught:
            pipeline_on(runner, body)()
        assert (caught.value.args, caught.value.code) == (("cannot",), 7)
        run = last_run()
        assert caught.value.__notes__ == [f"step 'failing' ended run {run.name!r} ({run.id}) of pipeline 'working'"]
        assert (run.status, statuses(run)["failing"]) == ("failed", "failed")
        assert run.error is not None
        assert (run.error.type, run.error.message) == (f"{__name__}:OwnError", "cannot")

    def test_a_failed_step_is_tried_again(self, store: str, runner: Runner, tmp_path: Path) -> None:
        directory = tmp_path / "attempts"
        directory.mkdir()

        def body() -> None:
            flaky(str(directory))

        assert pipeline_on(runner, body)().steps["flaky"].output.load() == 3

    def test_a_step_that_takes_too_long_is_stopped_and_may_close_what_it_has_open(
        self, store: str, runner: Runner, tmp_path: Path
    ) -> None:
        def body() -> None:
            # The start of a worker counts, too, and may take as long: the first step has it behind it.
            endless.with_options(after=numbers(1))(str(tmp_path))

        while not (tmp_path / "began").exists():  # it may be stopped before it gets that far
            with pytest.raises(StepTimeoutError, match=r"step 'endless' took longer than its timeout of 3 s"):
                pipeline_on(runner, body, max_parallel=1)()
        assert (tmp_path / "closed").exists()
        assert statuses(last_run()) == {"numbers": "completed", "endless": "failed"}

    def test_a_cancelled_run_stops_the_steps_under_way(self, store: str, runner: Runner, tmp_path: Path) -> None:
        def body() -> None:
            numbers.with_options(after=[waiting(str(tmp_path)), meeting(str(tmp_path), "here", 1)])(1)

        def cancel() -> None:
            while not (tmp_path / "waits").exists():
                time.sleep(0.01)
            argosy.Client().cancel_run(last_run().id)

        canceller = threading.Thread(target=cancel)
        canceller.start()
        with pytest.raises(RunCancelledError, match="was asked to stop"):
            pipeline_on(runner, body, max_parallel=2)()
        canceller.join()
        found = statuses(last_run())
        assert (found["waiting"], found["numbers"], last_run().status) == ("cancelled", "skipped", "cancelled")

    def test_async_steps_are_awaited(self, store: str, runner: Runner) -> None:
        def body() -> None:
            later(later(1))

        assert pipeline_on(runner, body)().steps["later_2"].output.load() == 3

    def test_a_step_defined_in_a_function_runs_too(self, store: str, runner: Runner) -> None:
        offset = 5

        @argosy.step(enable_cache=False)
        def local(value: int) -> int:
            return value + offset

        def body() -> None:
            local(1)

        assert pipeline_on(runner, body)().steps["local"].output.load() == 6


@argosy.step(enable_cache=False)
def dying(how: int) -> int:
    os.kill(os.getpid(), how)
    time.sleep(60)
    return 1


@argosy.step(enable_cache=False, retry=1)
def dying_once(directory: str) -> int:
    mark = Path(directory) / "died"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 1


@argosy.step(enable_cache=False)
def unprintable() -> int:
    class Local(Exception):
        def __reduce__(self) -> Any:
            raise TypeError("this one does not travel")

    raise Local("what happened")


class RemoteRunnerContract(RunnerContract):
    def test_steps_run_in_other_processes_which_serve_several(self, store: str, runner: Runner) -> None:
        def body() -> None:
            first = where()
            where.with_options(after=list(first))()

        run = pipeline_on(runner, body, max_parallel=1)()
        pids = {step.outputs["output_0"].load() for step in run.steps.values()}
        assert len(pids) == 1
        assert os.getpid() not in pids

    def test_a_worker_that_is_killed_fails_its_step_and_is_replaced(self, store: str, runner: Runner) -> None:
        def body() -> None:
            dying(int(signal.SIGKILL))
            numbers.with_options(after="dying")(1)
            numbers(2)

        with pytest.raises(WorkerLostError, match=r"step 'dying' was killed by signal 9 \(SIGKILL\)"):
            pipeline_on(runner, body, max_parallel=1, execution_mode="continue")()
        assert statuses(last_run()) == {"dying": "failed", "numbers_2": "completed", "numbers": "skipped"}

    def test_a_step_whose_worker_was_lost_may_be_tried_again(self, store: str, runner: Runner, tmp_path: Path) -> None:
        def body() -> None:
            dying_once(str(tmp_path))

        assert pipeline_on(runner, body)().steps["dying_once"].output.load() == 1

    def test_an_exception_that_does_not_travel_is_described(self, store: str, runner: Runner) -> None:
        def body() -> None:
            unprintable()

        with pytest.raises(argosy.ArgosyError, match=r"Local: what happened") as caught:
            pipeline_on(runner, body)()
        assert 'raise Local("what happened")' in str(caught.value.__cause__)
        error = last_run().error
        assert error is not None
        assert error.message == "what happened"
