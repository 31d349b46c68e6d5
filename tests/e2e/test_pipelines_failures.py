"""What a failing, stopped or unsaveable step leaves behind, and what its caller is told."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

import argosy
from argosy.errors import RunCancelledError
from argosy.execution.caching.code_fingerprint import UncachedStepWarning
from argosy.execution.running.rescue import load_rescued
from tests.e2e.steps import OwnError, last_run, statuses


@argosy.step
def one() -> int:
    return 1


@argosy.step
def passed_on(x: int) -> int:
    return x


@argosy.step
def failing(x: int) -> int:
    raise OwnError(f"cannot work with {x}")


def test_a_failing_step_stops_the_rest_and_raises_the_users_own_exception(store: str) -> None:
    @argosy.pipeline
    def working() -> None:
        passed_on(failing(one()))
        one.with_options(after="passed_on")()

    with pytest.raises(OwnError, match="cannot work with 1") as caught:
        working()
    run = last_run()
    assert run.status == "failed"
    assert statuses(run) == {"one": "completed", "failing": "failed", "passed_on": "skipped", "one_2": "skipped"}
    assert caught.value.__notes__ == [f"step 'failing' ended run {run.name!r} ({run.id}) of pipeline 'working'"]
    assert run.error is not None
    assert (run.error.type, run.error.message, run.error.invocation) == (
        "tests.e2e.steps:OwnError",
        "cannot work with 1",
        "failing",
    )
    assert run.steps["failing"].error == run.error
    assert run.steps["passed_on"].duration is None or run.steps["passed_on"].duration == 0


def test_what_completed_before_a_failure_is_cached_next_time(home: Path) -> None:
    @argosy.pipeline
    def working() -> None:
        failing(one())

    for expected in ("completed", "cached"):
        with pytest.raises(OwnError):
            working()
        assert statuses(last_run()) == {"one": expected, "failing": "failed"}


def test_a_step_that_could_not_start_is_the_one_that_failed(home: Path) -> None:
    handle = open(__file__)  # noqa: SIM115 - the code of a step that reads it has no digest, which warns

    @argosy.step
    def reading() -> bool:
        return handle.closed

    @argosy.pipeline
    def working() -> None:
        passed_on.with_options(after=reading())(one())

    with handle, pytest.raises(UncachedStepWarning):  # warnings are errors in these tests
        working()
    assert statuses(last_run()) == {"reading": "failed", "one": "skipped", "passed_on": "skipped"}


def test_the_error_of_a_run_is_that_of_the_step_which_is_said_to_have_ended_it(home: Path) -> None:
    @argosy.step(enable_cache=False)
    def bad() -> None:
        raise OwnError("later")

    @argosy.pipeline(execution_mode="continue", max_parallel=1)
    def working() -> None:
        passed_on.with_options(name="lost")(argosy.ExternalArtifact(name="nowhere"))
        bad()

    with pytest.raises(argosy.NotFoundError, match="nowhere"):
        working()
    error = last_run().error
    assert error is not None
    assert (error.invocation, error.type.rpartition(":")[2]) == ("lost", "NotFoundError")


def test_a_failed_steps_name_is_free_for_the_next_run(home: Path) -> None:
    @argosy.pipeline
    def working() -> None:
        failing(one())

    with pytest.raises(OwnError):
        working.with_options(run_name="a")()
    with pytest.raises(argosy.AlreadyExistsError, match="'a'"):
        working.with_options(run_name="a")()


@pytest.mark.parametrize("returned", [(1,), (1, 2, 3), 1], ids=["too few", "too many", "no tuple"])
def test_a_wrong_number_of_outputs_fails_the_step(home: Path, returned: Any) -> None:
    @argosy.step
    def pair() -> tuple[int, int]:
        return returned  # type: ignore[no-any-return] # the wrong number is the point

    @argosy.pipeline
    def working() -> None:
        pair()

    with pytest.raises(argosy.OutputError, match=r"'pair' .* declares 2 outputs \(output_0, output_1\) but"):
        working()
    assert statuses(last_run()) == {"pair": "failed"}
    assert list(argosy.Client().list_artifacts(include_unnamed=True)) == []


def test_one_more_interrupt_does_not_keep_the_end_from_being_recorded(home: Path) -> None:
    class Interrupted(Exception):
        def __str__(self) -> str:  # asked for while the end of the step, then that of the run, is recorded
            signal.raise_signal(signal.SIGINT)
            return "over"

    @argosy.step
    def fit() -> None:
        raise Interrupted

    @argosy.pipeline
    def training() -> None:
        fit()

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(Interrupted):
            training()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert (last_run().status, statuses(last_run())) == ("failed", {"fit": "failed"})


def test_an_interrupt_cancels_the_step_and_the_run(home: Path) -> None:
    @argosy.step
    def interrupted(x: int) -> int:
        raise KeyboardInterrupt

    @argosy.pipeline
    def working() -> None:
        passed_on(interrupted(one()))

    with pytest.raises(KeyboardInterrupt):
        working()
    run = last_run()
    assert run.status == "cancelled"
    assert statuses(run) == {"one": "completed", "interrupted": "cancelled", "passed_on": "skipped"}
    assert run.error is None


def test_leaving_the_program_inside_a_step_fails_it(home: Path) -> None:
    @argosy.step
    def leaving() -> None:
        raise SystemExit(3)

    @argosy.pipeline
    def working() -> None:
        leaving()

    with pytest.raises(SystemExit):
        working()
    assert (last_run().status, statuses(last_run())) == ("failed", {"leaving": "failed"})


def test_a_run_that_is_asked_to_stop_does_so_before_its_next_step(store: str) -> None:
    @argosy.step(enable_cache=False)
    def asking() -> int:
        client = argosy.Client()
        client.connection.pipelines.cancel_run(next(iter(client.list_runs())).id)
        return 1

    @argosy.pipeline
    def working() -> None:
        passed_on(asking())

    with pytest.raises(RunCancelledError, match="asked to stop and did so before step 'passed_on'"):
        working()
    run = last_run()
    assert run.status == "cancelled"
    assert statuses(run) == {"asking": "completed", "passed_on": "skipped"}


def rescued_directories(error: BaseException) -> list[str]:
    return re.findall(r"load_rescued\('([^']+)'\)", str(error))


def test_returned_values_are_rescued_when_one_of_them_cannot_be_saved(home: Path) -> None:
    @argosy.step
    def fit() -> tuple[Annotated[np.ndarray, "weights"], Annotated[object, "lock"]]:
        return np.arange(3), threading.Lock()

    @argosy.pipeline
    def training() -> None:
        fit()

    with pytest.raises(argosy.SaveOutputError, match="output 'lock': MaterializerError") as caught:
        training()
    step = last_run().steps["fit"]
    assert (step.status, step.outputs) == ("failed", {})
    (directory,) = rescued_directories(caught.value)
    assert Path(directory).parent == home / "rescue" / step.id
    assert load_rescued(directory).tolist() == [0, 1, 2]
    assert "The value of 'lock' could not be rescued: " in str(caught.value)
    assert list(argosy.Client().list_artifacts(include_unnamed=True)) == []


def test_the_advice_of_a_rescue_works_as_written(home: Path) -> None:
    class Model(dict[str, int]):
        pass

    class Broken(argosy.Materializer[Model]):
        types = (Model,)
        format = "broken"

        def save(self, value: Model, files: Any) -> None:
            raise OSError("the disk of the materializer")

        def load(self, files: Any, as_type: type[Model] | None) -> Model:
            raise AssertionError("never reached")

    @argosy.step(output_materializers=Broken)
    def fit() -> Model:
        return Model(epochs=100)

    @argosy.pipeline
    def training() -> None:
        fit()

    with pytest.raises(argosy.SaveOutputError, match="the disk of the materializer") as caught:
        training()
    lines = [line.strip() for line in str(caught.value).splitlines() if line.startswith("    ")]
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    assert names["value"] == {"epochs": 100}


def test_a_value_nothing_keeps_is_explained_once(home: Path) -> None:
    @argosy.step
    def fit() -> Any:
        return threading.Lock()

    @argosy.pipeline
    def training() -> None:
        fit()

    with pytest.raises(argosy.SaveOutputError) as caught:
        training()
    assert str(caught.value).count("value cannot be kept") == 1
    assert str(caught.value).endswith("The value of 'output' could not be rescued: for the same reason")


def test_a_stored_version_is_no_output_and_costs_no_other(home: Path) -> None:
    @argosy.step
    def fit() -> tuple[Annotated[Any, "saved"], Annotated[float, "loss"]]:
        return argosy.save_artifact(1, "weights"), 0.5

    @argosy.pipeline
    def training() -> None:
        fit()

    with pytest.raises(argosy.SaveOutputError, match=r"'saved': a ArtifactVersion stands for.*use its value") as caught:
        training()
    assert [load_rescued(directory) for directory in rescued_directories(caught.value)] == [0.5]
    assert [artifact.name for artifact in argosy.Client().list_artifacts()] == ["weights"]


@pytest.mark.parametrize("what", [{"value": 1}, {"name": "weights"}])
def test_an_external_artifact_is_no_output(home: Path, what: dict[str, Any]) -> None:
    @argosy.step(enable_cache=False)
    def fit() -> Any:
        return argosy.ExternalArtifact(**what)

    @argosy.pipeline
    def training() -> None:
        fit()

    with pytest.raises(argosy.SaveOutputError, match="'output': a ExternalArtifact stands for a value and is none; "):
        training()
    assert list(argosy.Client().list_artifacts(include_unnamed=True)) == []


def test_outputs_are_rescued_when_the_label_is_taken(home: Path) -> None:
    config = argosy.ArtifactConfig(name="weights", version="v1")

    @argosy.step
    def fit(rate: float) -> Annotated[float, config]:
        return rate

    @argosy.pipeline
    def training(rate: float) -> None:
        fit(rate)

    training(0.5)
    with pytest.raises(argosy.SaveOutputError, match="AlreadyExistsError") as caught:
        training(0.6)
    assert isinstance(caught.value.__cause__, argosy.AlreadyExistsError)
    assert [load_rescued(directory) for directory in rescued_directories(caught.value)] == [0.6]
    assert argosy.load_artifact("weights") == 0.5


def test_pickle_policy_is_checked_before_anything_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Opaque:
        pass

    @argosy.step
    def fit() -> Opaque:
        return Opaque()

    @argosy.pipeline
    def training() -> None:
        passed_on(one())
        fit()

    monkeypatch.setenv("ARGOSY_ALLOW_PICKLE", "0")
    with pytest.raises(argosy.PickleRefusedError, match=r"output 'output' of step 'fit' is a Opaque.*nothing has run"):
        training()
    assert list(argosy.Client().list_runs()) == []


def test_an_exception_that_cannot_say_what_it_is_still_ends_the_run(home: Path) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    @argosy.step
    def failing_silently() -> None:
        raise Mute

    @argosy.pipeline
    def working() -> None:
        failing_silently()

    with pytest.raises(Mute):
        working()
    error = last_run().error
    assert error is not None
    assert error.message == "(its text cannot be made: ZeroDivisionError)"
