"""Pipelines on a real store: what flows between steps, and what the record of a run says."""

from __future__ import annotations

from datetime import timezone
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import numpy as np
import pytest

import argosy
from argosy.graph.received_values import InputTypeWarning
from argosy.graph.returned_values import OutputTypeWarning


@argosy.step
def numbers(count: int = 3) -> list[int]:
    return list(range(count))


@argosy.step
def total(values: list[int]) -> int:
    return sum(values)


@argosy.step
def both(values: list[int]) -> tuple[Annotated[int, "smallest"], int]:
    return min(values), max(values)


@argosy.step
def add_all(items: list[int]) -> int:
    return sum(items)


def test_values_flow_from_step_to_step_through_either_store(store: str) -> None:
    @argosy.pipeline
    def adding(count: int = 4) -> None:
        total(numbers(count))

    run = adding(count=5)
    assert run.status == "completed"
    assert {name: step.status for name, step in run.steps.items()} == {"numbers": "completed", "total": "completed"}
    assert run.steps["total"].output.load() == 10
    assert run.parameters == {"count": 5}
    assert run.steps["numbers"].parameters == {"count": 5}


def test_a_record_says_what_each_step_was_given_and_made(home: Path) -> None:
    @argosy.pipeline
    def adding() -> None:
        values = numbers()
        both(values)
        total(values)

    run = adding()
    made = run.steps["numbers"].output
    assert run.steps["both"].inputs == {"values": made}
    assert run.steps["total"].inputs == {"values": made}
    assert {name: version.load() for name, version in run.steps["both"].outputs.items()} == {
        "smallest": 0,
        "output_1": 2,
    }
    assert [version.name for version in run.steps["both"].outputs.values()] == ["smallest", "adding::both::output_1"]
    assert (made.producer_run_id, made.producer_step_run_id) == (run.id, run.steps["numbers"].id)
    assert made.kind == "step_output"


def test_output_of_a_step_with_several_lists_their_names(home: Path) -> None:
    @argosy.pipeline
    def extremes() -> None:
        both(numbers())

    with pytest.raises(ValueError, match=r"has 2 outputs \('smallest', 'output_1'\); choose one"):
        extremes().steps["both"].output  # noqa: B018 - reading it is what is tested


def test_a_name_that_is_none_is_explained_by_those_there_are(home: Path) -> None:
    @argosy.pipeline
    def extremes() -> None:
        both(numbers())

    run = extremes()
    with pytest.raises(KeyError, match=r"has no step 'x'; its steps are 'numbers', 'both'$"):
        run.steps["x"]
    with pytest.raises(KeyError, match=r"^step 'both' \(completed\) has no output 'x'; its outputs are 'smallest'"):
        run.steps["both"].outputs["x"]
    with pytest.raises(KeyError, match=r"^step 'both' \(completed\) has no input 'x'; its inputs are "):
        run.steps["both"].inputs["x"]


def test_output_of_a_step_without_any_says_so(home: Path) -> None:
    @argosy.step
    def nothing() -> None:
        return None

    @argosy.pipeline
    def quiet() -> None:
        nothing()

    run = quiet()
    assert run.steps["nothing"].outputs == {}
    with pytest.raises(ValueError, match=r"'nothing' \(completed\) has no outputs"):
        run.steps["nothing"].output  # noqa: B018 - reading it is what is tested


def test_a_run_has_times_a_name_and_can_be_read_again(home: Path) -> None:
    @argosy.pipeline
    def adding() -> None:
        total(numbers())

    run = adding.with_options(run_name="monday")()
    assert (run.name, run.pipeline_name, run.project) == ("monday", "adding", "default")
    assert run.started is not None
    assert run.ended is not None
    assert run.started.tzinfo is timezone.utc
    assert run.duration == (run.ended - run.started).total_seconds()
    again = argosy.Client().get_run("monday")
    assert (again.id, again.status, list(again.steps)) == (run.id, "completed", ["numbers", "total"])
    assert run.reload().steps["total"].output == run.steps["total"].output
    assert "<b>monday</b> of pipeline <b>adding</b>: completed" in run._repr_html_()


def test_a_run_name_that_exists_is_refused_and_nothing_runs(home: Path) -> None:
    @argosy.pipeline
    def adding() -> None:
        numbers()

    named = adding.with_options(run_name="monday")
    named()
    with pytest.raises(argosy.AlreadyExistsError, match="monday"):
        named()
    assert len(list(argosy.Client().list_runs())) == 1


def test_a_step_used_twice_has_two_invocations(home: Path) -> None:
    @argosy.pipeline
    def twice() -> None:
        total(numbers(2))
        total(numbers(4))

    run = twice()
    assert sorted(run.steps) == ["numbers", "numbers_2", "total", "total_2"]
    assert [run.steps[name].output.load() for name in ("total", "total_2")] == [1, 6]
    assert run.steps["total_2"].output.name == "twice::total_2::output"


def test_a_list_of_artifacts_arrives_as_a_list_and_is_recorded_as_a_tuple_of_versions(home: Path) -> None:
    saved = argosy.save_artifact(100, "hundred")

    @argosy.pipeline
    def gathering() -> None:
        stored: Any = saved  # a version stands for its value
        add_all([total(numbers(2)), total(numbers(4)), argosy.ExternalArtifact(name="hundred"), stored])

    run = gathering()
    assert run.steps["add_all"].output.load() == 207
    given = run.steps["add_all"].inputs["items"]
    assert isinstance(given, tuple)
    assert given == (run.steps["total"].output, run.steps["total_2"].output, saved, saved)


def test_a_tuple_of_artifacts_arrives_as_a_tuple(home: Path) -> None:
    @argosy.step
    def kind(items: tuple[int, ...]) -> str:
        return type(items).__name__

    @argosy.pipeline
    def gathering() -> None:
        kind((total(numbers(2)), total(numbers(4))))

    assert gathering().steps["kind"].output.load() == "tuple"


def test_every_consumer_gets_a_copy_of_its_own(home: Path) -> None:
    @argosy.step
    def emptied(values: list[int]) -> int:
        values.clear()
        return len(values)

    @argosy.pipeline
    def selfish() -> None:
        values = numbers(3)
        first = emptied.with_options(enable_cache=False)(values)
        total.with_options(after=first)(values)

    assert selfish().steps["total"].output.load() == 3


def test_a_parameter_changed_by_a_step_does_not_change_the_next_run(home: Path) -> None:
    @argosy.step(enable_cache=False)
    def growing(items: list[int] = [1]) -> int:  # noqa: B006 - the default that a step must not spoil
        items.append(1)
        return len(items)

    @argosy.pipeline
    def grow() -> None:
        growing()

    assert [grow().steps["growing"].output.load() for _ in range(3)] == [2, 2, 2]


def test_an_output_of_another_type_is_saved_as_it_is_with_a_warning(home: Path) -> None:
    @argosy.step
    def liar() -> int:
        return "text"  # type: ignore[return-value] # the lie under test

    @argosy.pipeline
    def lying() -> None:
        liar()

    with pytest.warns(OutputTypeWarning, match="declares output 'output' as int but returned str"):
        run = lying()
    assert (run.status, run.steps["liar"].output.load()) == ("completed", "text")
    assert run.steps["liar"].output.data_type == "builtins:str"


def test_an_input_of_another_type_is_passed_as_it_is_with_a_warning(home: Path) -> None:
    @argosy.step
    def text() -> str:
        return "5"

    @argosy.step
    def doubled(number: int) -> str:
        return number * 2  # type: ignore[return-value] # a text in truth

    @argosy.pipeline
    def mixed() -> None:
        doubled(text())  # type: ignore[arg-type] # the mistake under test

    with pytest.warns(InputTypeWarning, match="takes input 'number' as int but received str"):
        run = mixed()
    assert run.steps["doubled"].output.load() == "55"


def test_an_annotated_output_keeps_its_tags_version_and_metadata(home: Path) -> None:
    config = argosy.ArtifactConfig(name="weights", version="v9", tags=["dev"], metadata={"owner": "ann"})

    @argosy.step
    def fit() -> Annotated[np.ndarray, config]:
        return np.ones((2, 3))

    @argosy.pipeline
    def training() -> None:
        fit()

    version = training().steps["fit"].output
    assert (version.name, version.version, version.tags) == ("weights", "v9", ("dev",))
    assert version.metadata["owner"] == "ann"
    assert version.metadata["shape"] == [2, 3]


def test_a_class_of_the_test_itself_comes_back_by_the_consumers_annotation(home: Path) -> None:
    class Model:
        def __init__(self, rate: float) -> None:
            self.rate = rate

    class ModelMaterializer(argosy.Materializer[Model]):
        types = (Model,)
        format = "model-text"

        def save(self, value: Model, files: Any) -> None:
            files.write("rate.txt", str(value.rate).encode())

        def load(self, files: Any, as_type: type[Model] | None) -> Model:
            return (as_type or Model)(float(files.read("rate.txt")))

    @argosy.step(enable_cache=False, output_materializers=ModelMaterializer)
    def fit() -> Model:
        return Model(0.5)

    @argosy.step(enable_cache=False)
    def rate_of(model: Model) -> float:
        return model.rate

    @argosy.pipeline
    def training() -> None:
        rate_of(fit())

    run = training()
    assert run.steps["rate_of"].output.load() == 0.5
    assert run.steps["fit"].output.format == "model-text"


def test_a_step_called_as_a_function_loads_its_artifact_arguments(home: Path) -> None:
    saved = argosy.save_artifact([1, 2, 3], "values")
    assert total(saved) == 6
    assert total(argosy.ExternalArtifact(name="values")) == 6
    assert total(argosy.ExternalArtifact(id=UUID(saved.id))) == 6
    assert total(argosy.ExternalArtifact([4])) == 4
    assert add_all([argosy.ExternalArtifact(5), argosy.ExternalArtifact(6)]) == 11


def test_a_list_or_tuple_of_artifacts_stays_one_in_a_plain_call(home: Path) -> None:
    @argosy.step
    def same(parts: Any) -> Any:
        return parts

    saved = argosy.save_artifact(1, "value")
    assert same([saved, argosy.ExternalArtifact(2)]) == [1, 2]
    assert same((saved,)) == (1,)
    assert same([1, 2]) == [1, 2]


def test_save_and_load_inside_a_step_are_linked_to_it(home: Path) -> None:
    argosy.save_artifact([1, 2], "values")

    @argosy.step
    def busy() -> int:
        loaded = argosy.load_artifact("values")
        argosy.save_artifact(sum(loaded), "sum")
        argosy.save_artifact("a note", "note", tags=["dev"])
        return 7

    @argosy.pipeline
    def working() -> None:
        busy()

    step = working().steps["busy"]
    assert [version.name for version in step.saved] == ["sum", "note"]
    assert [version.name for version in step.loaded] == ["values"]
    assert step.saved[0].producer_step_run_id == step.id
    assert list(step.outputs) == ["output"]
    assert step.inputs == {}


def test_what_a_failing_step_saved_and_loaded_stays_linked(home: Path) -> None:
    argosy.save_artifact([1, 2], "values")

    @argosy.step
    def busy() -> None:
        argosy.load_artifact("values")
        argosy.save_artifact(1, "partial")
        raise RuntimeError("late")

    @argosy.pipeline
    def working() -> None:
        busy()

    with pytest.raises(RuntimeError, match="late"):
        working()
    step = next(iter(argosy.Client().list_runs())).reload().steps["busy"]
    assert ([v.name for v in step.saved], [v.name for v in step.loaded]) == (["partial"], ["values"])
    assert argosy.load_artifact("partial") == 1


def test_the_same_version_loaded_twice_is_one_input(home: Path) -> None:
    saved = argosy.save_artifact([1, 2], "values", alias="prod")
    saved_id = saved.id

    @argosy.step
    def reading() -> int:
        by_name: list[int] = argosy.load_artifact("values")
        by_alias: list[int] = argosy.load_artifact("values", alias="prod")
        again: list[int] = argosy.load_artifact(saved_id)
        return len(by_name + by_alias + again)

    @argosy.pipeline
    def working() -> None:
        reading()

    first, second = working().steps["reading"], working().steps["reading"]
    assert (first.output.load(), first.loaded) == (6, (saved,))
    assert (second.status, second.loaded) == ("cached", (saved,))


def test_large_and_small_outputs_of_one_step_arrive_together(store: str) -> None:
    @argosy.step
    def arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.arange(400_000.0), np.arange(100_000.0), np.arange(3.0)

    @argosy.step
    def sizes(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> list[int]:
        return [len(a), len(b), len(c)]

    @argosy.pipeline
    def working() -> None:
        a, b, c = arrays()
        sizes(a, b, c)

    assert working().steps["sizes"].output.load() == [400_000, 100_000, 3]


def test_values_saved_by_a_step_are_not_among_its_outputs_even_under_the_same_name(home: Path) -> None:
    @argosy.step
    def making() -> Annotated[int, "n"]:
        argosy.save_artifact(41, "n")
        return 42

    @argosy.pipeline
    def working() -> None:
        making()

    step = working().steps["making"]
    assert [(version.version, version.load()) for version in step.saved] == [("1", 41)]
    assert (step.output.version, step.output.load()) == ("2", 42)
