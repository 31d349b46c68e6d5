"""What is taken from cache, what is not, and the reasons a run gives."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

import argosy
from argosy.execution.caching.code_fingerprint import UncachedStepWarning
from argosy.execution.records.run_record import PipelineRun


@argosy.step
def numbers(count: int = 3) -> list[int]:
    return list(range(count))


@argosy.step
def total(values: list[int], scale: int = 1) -> int:
    return scale * sum(values)


@argosy.pipeline
def adding(count: int = 3, scale: int = 1) -> None:
    total(numbers(count), scale)


def statuses(run: PipelineRun) -> dict[str, str]:
    return {name: step.status for name, step in run.steps.items()}


def test_the_same_again_is_cached_with_the_same_versions(store: str) -> None:
    first, second = adding(), adding()
    assert statuses(second) == {"numbers": "cached", "total": "cached"}
    assert second.status == "completed"
    for name in ("numbers", "total"):
        assert second.steps[name].output == first.steps[name].output
        assert second.steps[name].cached_from == first.steps[name].id
        assert second.steps[name].cache_miss == ()
    assert second.steps["total"].inputs == {"values": first.steps["numbers"].output}


def test_a_miss_says_which_part_differs(home: Path) -> None:
    first = adding()
    assert {name: step.cache_miss for name, step in first.steps.items()} == {
        "numbers": ("first_run",),
        "total": ("first_run",),
    }
    assert adding(scale=2).steps["total"].cache_miss == ("parameter:scale",)
    changed = adding(count=4, scale=2)
    assert changed.steps["numbers"].cache_miss == ("parameter:count",)
    assert changed.steps["total"].cache_miss == ("input:values",)


def test_only_what_depends_on_a_change_runs(home: Path) -> None:
    adding()
    assert statuses(adding(scale=3)) == {"numbers": "cached", "total": "completed"}


def test_equal_content_made_by_another_step_is_a_hit_that_keeps_this_runs_own_inputs(home: Path) -> None:
    @argosy.step
    def listed() -> list[int]:
        return [0, 1, 2]

    @argosy.pipeline
    def other() -> None:
        total(listed())

    first, second = adding(), other()
    assert statuses(second) == {"listed": "completed", "total": "cached"}
    assert second.steps["total"].output == first.steps["total"].output
    assert second.steps["total"].inputs == {"values": second.steps["listed"].output}
    assert second.steps["listed"].output != first.steps["numbers"].output


def test_a_tuple_is_no_list_even_where_the_files_are_equal(home: Path) -> None:
    @argosy.step
    def pair(as_tuple: bool) -> Any:
        return (1, 2) if as_tuple else [1, 2]

    @argosy.step
    def kind(value: Any) -> str:
        return type(value).__name__

    @argosy.pipeline
    def asking(as_tuple: bool) -> None:
        kind(pair(as_tuple))

    assert [asking(flag).steps["kind"].output.load() for flag in (True, False)] == ["tuple", "list"]


@pytest.mark.parametrize("said_on_step", [True, False, None])
@pytest.mark.parametrize("said_on_call", [True, False, None])
def test_enable_cache_is_decided_by_call_then_step_then_pipeline(
    home: Path, said_on_step: bool | None, said_on_call: bool | None
) -> None:
    @argosy.step(enable_cache=said_on_step)
    def one() -> int:
        return 1

    @argosy.pipeline(enable_cache=False)
    def single() -> None:
        one.with_options(enable_cache=said_on_call)()

    single()
    decisive = next((said for said in (said_on_call, said_on_step) if said is not None), False)
    second = single().steps["one"]
    assert second.status == ("cached" if decisive else "completed")
    assert second.cache_miss == (() if decisive else ("disabled",))


def test_the_setting_switches_caching_off_unless_code_says_otherwise(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_CACHE", "0")
    adding()
    assert statuses(adding()) == {"numbers": "completed", "total": "completed"}
    adding.with_options(enable_cache=True)()
    assert statuses(adding.with_options(enable_cache=True)()) == {"numbers": "cached", "total": "cached"}


def test_a_value_from_outside_disables_caching_of_its_step_only(home: Path) -> None:
    @argosy.step(enable_cache=True)
    def scaled(x: np.ndarray) -> np.ndarray:
        return 2 * x

    @argosy.step
    def summed(x: np.ndarray) -> float:
        return float(x.sum())

    @argosy.pipeline
    def external() -> None:
        summed(scaled(argosy.ExternalArtifact(np.arange(3))))

    external()
    second = external()
    assert statuses(second) == {"scaled": "completed", "summed": "cached"}
    assert second.steps["scaled"].cache_miss == ("disabled",)


def test_a_named_input_is_looked_up_each_time_and_its_content_decides(home: Path) -> None:
    @argosy.pipeline
    def named() -> None:
        total(argosy.ExternalArtifact(name="values"))

    argosy.save_artifact([1, 2], "values")
    first = named()
    same_content = argosy.save_artifact([1, 2], "values")
    second = named()
    assert statuses(second) == {"total": "cached"}
    assert second.steps["total"].inputs == {"values": same_content}
    argosy.save_artifact([1, 2, 3], "values")
    third = named()
    assert third.steps["total"].cache_miss == ("input:values",)
    assert [run.steps["total"].output.load() for run in (first, second, third)] == [3, 3, 6]


def test_train_a_train_b_back_to_a_gives_inference_a(home: Path) -> None:
    @argosy.step
    def fit(rate: int) -> Annotated[int, "model"]:
        return rate

    @argosy.step
    def predict(model: int) -> int:
        return 10 * model

    @argosy.pipeline
    def training(rate: int) -> None:
        fit(rate)

    @argosy.pipeline
    def inference() -> None:
        predict(argosy.ExternalArtifact(name="model", pipeline_name="training"))

    first_a = training(1)
    assert inference().steps["predict"].output.load() == 10
    training(2)
    assert inference().steps["predict"].output.load() == 20
    back_to_a = training(1)
    assert back_to_a.steps["fit"].status == "cached"
    run = inference()
    assert run.steps["predict"].inputs == {"model": first_a.steps["fit"].output}
    assert run.steps["predict"].output.load() == 10
    assert argosy.load_artifact("model", pipeline_name="training") == 1
    assert argosy.load_artifact("model") == 2


def test_a_failed_run_is_not_the_most_recent_completed_one(home: Path) -> None:
    @argosy.step
    def fit(rate: int) -> Annotated[int, "model"]:
        return rate

    @argosy.step
    def check(model: int) -> None:
        if model > 1:
            raise ValueError("too much")

    @argosy.pipeline
    def training(rate: int) -> None:
        check(fit(rate))

    training(1)
    with pytest.raises(ValueError, match="too much"):
        training(2)
    assert argosy.load_artifact("model", pipeline_name="training") == 1


def test_versions_saved_and_loaded_in_a_step_are_replayed_exactly(home: Path) -> None:
    argosy.save_artifact(5, "given")

    @argosy.step
    def busy() -> int:
        value: int = argosy.load_artifact("given")
        argosy.save_artifact(value + 1, "more")
        argosy.save_artifact(value + 2, "more")
        return value

    @argosy.pipeline
    def working() -> None:
        busy()

    first, second = working().steps["busy"], working().steps["busy"]
    assert second.status == "cached"
    assert (second.saved, second.loaded, second.output) == (first.saved, first.loaded, first.output)
    assert [version.version for version in second.saved] == ["1", "2"]
    assert len(list(argosy.Client().list_artifact_versions("more"))) == 2


def test_a_new_version_of_a_name_loaded_in_a_step_is_a_miss(home: Path) -> None:
    argosy.save_artifact(5, "given")

    @argosy.step
    def reading() -> int:
        value: int = argosy.load_artifact("given")
        return value

    @argosy.pipeline
    def working() -> None:
        reading()

    working()
    assert working().steps["reading"].status == "cached"
    argosy.save_artifact(6, "given")
    third = working().steps["reading"]
    assert (third.status, third.cache_miss, third.output.load()) == ("completed", ("loaded:given",), 6)


def test_deleted_outputs_are_made_again(home: Path) -> None:
    first = adding()
    first.steps["total"].output.delete(force=True)
    second = adding()
    assert statuses(second) == {"numbers": "cached", "total": "completed"}
    assert second.steps["total"].cache_miss == ("outputs_deleted",)


def test_code_that_reads_what_has_no_digest_runs_each_time_with_a_warning(home: Path) -> None:
    handle = open(__file__)  # noqa: SIM115 - an open file is what has no digest

    @argosy.step
    def reading() -> bool:
        return handle.closed

    @argosy.pipeline
    def working() -> None:
        reading()

    with handle:
        for _ in range(2):
            with pytest.warns(UncachedStepWarning, match="'reading' is not cached"):
                run = working()
            assert run.steps["reading"].cache_miss == ("disabled",)


PROGRAM = """
import argosy

def helper(x: int) -> int:
    return x + {added}

@argosy.step
def first() -> int:
    return helper(1)

@argosy.step
def second(x: int) -> int:
    return 2 * x

@argosy.pipeline
def working() -> None:
    second(first())

run = working()
print(*[f"{{step.status}}:{{','.join(step.cache_miss)}}" for step in run.steps.values()])
"""


def test_another_process_hits_the_cache_and_changed_code_misses_it(home: Path, tmp_path: Path) -> None:
    def run_program(added: int) -> str:
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(PROGRAM.format(added=added)))
        ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
        return ended.stdout.splitlines()[-1]

    assert run_program(1) == "completed:first_run completed:first_run"
    assert run_program(1) == "cached: cached:"
    first, second = run_program(2).split()
    assert first.startswith("completed:code")
    assert second == "completed:input:x"
    assert run_program(2) == "cached: cached:"
