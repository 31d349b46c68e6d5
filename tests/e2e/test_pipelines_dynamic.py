"""Pipelines whose shape depends on values: loads in the body, maps, pipelines in pipelines, async steps."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pytest

import argosy
from argosy.errors import GraphError
from tests.unit.sdk.moved_bytes import count_moved_bytes

Array = npt.NDArray[np.float64]


@dataclass
class Table:
    """A class of this module, which is kept as JSON."""

    rows: int


@argosy.step
def count(start: int) -> int:
    return start


@argosy.step
def double(x: int) -> int:
    return x * 2


@argosy.step
def numbers(upto: int) -> list[int]:
    return list(range(upto))


@argosy.step
def arrays(sizes: list[int]) -> list[Array]:
    return [np.ones(size) for size in sizes]


@argosy.step
def tables(sizes: list[int]) -> tuple[Table, ...]:
    return tuple(Table(size) for size in sizes)


@argosy.step
def size(data: Array, factor: int = 1) -> int:
    return len(data) * factor


@argosy.step
def rows(table: Table) -> int:
    assert type(table) is Table
    return table.rows


@argosy.step
def total(parts: list[int]) -> int:
    return sum(parts)


@argosy.step
def split(x: int) -> tuple[Annotated[int, "low"], int]:
    return x, x * 10


@argosy.step
def fails() -> int:
    raise ValueError("no value")


def statuses(run: argosy.PipelineRun) -> dict[str, str]:
    return {name: step.status for name, step in run.steps.items()}


def newest() -> argosy.PipelineRun:
    return next(iter(argosy.Client().list_runs()))


def test_conditions_and_loops_on_loaded_values(store: str) -> None:
    @argosy.pipeline
    def growing(limit: int) -> None:
        value = count(1)
        while argosy.value_of(value) < limit:
            value = double(value)

    run = growing(limit=5)
    assert (run.status, list(run.steps)) == ("completed", ["count", "double", "double_2", "double_3"])
    assert run.steps["double_3"].output.load() == 8
    assert run.steps["double_2"].inputs["x"] == run.steps["double"].output
    again = growing(limit=3)
    assert statuses(again) == {"count": "cached", "double": "cached", "double_2": "cached"}


def test_what_is_not_loaded_runs_when_the_body_has_ended(home: Path) -> None:
    seen: list[str] = []

    @argosy.step(enable_cache=False)
    def told(name: str) -> str:
        seen.append(name)
        return name

    @argosy.pipeline
    def telling() -> None:
        first, second = told("first"), told("second")
        argosy.value_of(second)
        seen.append("body")
        argosy.value_of(second)
        told.with_options(after=first)("third")

    assert statuses(telling()) == {"told": "completed", "told_2": "completed", "told_3": "completed"}
    assert seen == ["second", "body", "first", "third"]


def test_each_load_gives_a_value_of_its_own(home: Path) -> None:
    @argosy.pipeline
    def loading() -> None:
        made = numbers(2)
        argosy.value_of(made).append(9)
        assert argosy.value_of(made) == [0, 1]
        total(made)

    assert loading().steps["total"].output.load() == 1


def test_a_step_that_fails_raises_where_its_value_is_loaded(store: str) -> None:
    @argosy.pipeline
    def failing() -> None:
        count(1)
        argosy.value_of(fails())

    with pytest.raises(ValueError, match="no value"):
        failing()
    run = newest()
    assert (run.status, run.reload().steps["fails"].status) == ("failed", "failed")


def test_a_body_that_raises_after_steps_ran_fails_the_run(store: str) -> None:
    @argosy.pipeline
    def broken() -> None:
        argosy.value_of(count(1))
        raise RuntimeError("of the body")

    with pytest.raises(RuntimeError, match="of the body"):
        broken()
    run = newest().reload()
    assert (run.status, statuses(run)) == ("failed", {"count": "completed"})
    assert run.error is not None
    assert run.error.message == "of the body"


def test_a_body_that_raises_before_any_step_ran_leaves_nothing_behind(home: Path) -> None:
    @argosy.pipeline
    def broken() -> None:
        count(1)
        raise RuntimeError("of the body")

    with pytest.raises(RuntimeError, match="of the body"):
        broken()
    assert list(argosy.Client().list_runs()) == []


def test_a_graph_error_after_steps_ran_fails_the_run(home: Path) -> None:
    @argosy.pipeline
    def wrong() -> None:
        argosy.value_of(count(1))
        double.with_options(after="nobody")(2)

    with pytest.raises(GraphError, match="shall run after 'nobody'"):
        wrong()
    assert newest().status == "failed"


def test_a_value_given_to_the_pipeline_is_a_value_in_its_body(home: Path) -> None:
    stored = argosy.save_artifact([1, 2, 3], "stored")
    seen: list[object] = []

    @argosy.pipeline
    def given(one: list[int], other: list[int], third: list[int]) -> None:
        seen.extend([argosy.value_of(one), argosy.value_of(other), argosy.value_of(third)])
        total(one)

    given(argosy.ExternalArtifact(name="stored"), stored, argosy.ExternalArtifact([4]))
    assert seen == [[1, 2, 3], [1, 2, 3], [4]]


def test_mapped_over_parameters_and_collected(store: str) -> None:
    @argosy.pipeline
    def mapping() -> None:
        total(double.map([1, 2, 3]))

    run = mapping()
    assert run.steps["total"].output.load() == 12
    assert statuses(mapping()) == dict.fromkeys(["double", "double_2", "double_3", "total"], "cached")
    assert [version.load() for version in run.steps["total"].inputs["parts"]] == [2, 4, 6]


def test_mapped_over_the_outputs_of_a_map_and_several_outputs(home: Path) -> None:
    @argosy.pipeline
    def mapping() -> None:
        lows, highs = split.map(double.map([1, 2]))
        total(lows)
        total(highs)

    run = mapping()
    assert (run.steps["total"].output.load(), run.steps["total_2"].output.load()) == (6, 60)


def test_no_items_run_nothing_and_the_collector_receives_an_empty_list(store: str) -> None:
    @argosy.pipeline
    def mapping() -> None:
        total(double.map([]))

    run = mapping()
    assert (statuses(run), run.steps["total"].output.load()) == ({"total": "completed"}, 0)
    assert dict(run.steps["total"].inputs) == {"parts": ()}
    assert mapping().steps["total"].status == "cached"


def test_a_pipeline_that_only_maps_over_no_items_completes_without_a_step(store: str) -> None:
    @argosy.pipeline
    def mapping(items: list[int]) -> None:
        double.map(items)

    run = mapping([])
    assert (run.status, statuses(run)) == ("completed", {})


def test_an_output_that_is_a_list_is_mapped_over_item_by_item(store: str) -> None:
    @argosy.pipeline
    def mapping(upto: int) -> None:
        total(size.map(arrays(numbers(upto)), factor=10))

    run = mapping(upto=4)
    assert list(run.steps) == ["numbers", "arrays", "size", "size_2", "size_3", "size_4", "total"]
    assert [run.steps[name].output.load() for name in ("size", "size_2", "size_3", "size_4")] == [0, 10, 20, 30]
    assert run.steps["total"].output.load() == 60
    assert run.steps["size_3"].inputs["data"] == run.steps["arrays"].output
    assert set(statuses(mapping(upto=4)).values()) == {"cached"}


def test_a_mapped_step_moves_little_more_than_its_item(
    home: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", server)
    moved = count_moved_bytes(monkeypatch)

    @argosy.pipeline(enable_cache=False)
    def mapping(sizes: list[int]) -> None:
        whole = arrays(sizes)
        size.map(whole)
        moved.reset()

    mapping([1 << 18] * 4)
    assert 4 * (8 << 18) <= moved.count < 1.1 * 4 * (8 << 18)


def test_items_of_a_tuple_have_the_type_of_the_consumer(home: Path) -> None:
    @argosy.pipeline
    def mapping() -> None:
        total(rows.map(tables([3, 4])))

    assert mapping().steps["total"].output.load() == 7


def test_items_that_moved_in_the_list_are_not_taken_from_cache(home: Path) -> None:
    @argosy.pipeline
    def mapping(sizes: list[int]) -> None:
        size.map(arrays(sizes))

    mapping([1, 2])
    run = mapping([2, 1])
    assert [run.steps[name].output.load() for name in ("size", "size_2")] == [2, 1]
    assert run.steps["size"].status == "completed"


def test_mapped_steps_run_at_the_same_time(home: Path) -> None:
    together = threading.Barrier(3, timeout=20)

    @argosy.step(enable_cache=False)
    def meet(x: int) -> int:
        together.wait()
        return x

    @argosy.pipeline(max_parallel=3)
    def meeting() -> None:
        assert argosy.value_of(meet.map([1, 2, 3])) == [1, 2, 3]

    assert meeting().status == "completed"


def test_pipelines_in_pipelines_run_as_one(store: str) -> None:
    @argosy.pipeline
    def inner(upto: int) -> Any:
        return total(numbers(upto))

    @argosy.pipeline(enable_cache=False)
    def outer() -> None:
        first = inner.inline(3)
        double(first)
        inner.with_options(name="again").inline(argosy.value_of(first))

    run = outer()
    assert list(run.steps) == ["inner.numbers", "inner.total", "double", "again.numbers", "again.total"]
    assert run.steps["double"].output.load() == 6
    assert run.steps["inner.total"].output.name == "outer::inner.total::output"
    assert (run.steps["inner.total"].name, run.pipeline_name) == ("total", "outer")
    assert [run.pipeline_name for run in argosy.Client().list_runs()] == ["outer"]


def test_a_pipeline_called_in_a_running_step_is_refused(home: Path) -> None:
    @argosy.pipeline
    def inner() -> None:
        count(1)

    @argosy.step
    def calls() -> None:
        inner()

    @argosy.pipeline
    def outer() -> None:
        calls()

    with pytest.raises(GraphError, match="is called inside the running step 'calls'"):
        outer()


@argosy.step(enable_cache=False)
async def waits(x: int) -> int:
    await asyncio.sleep(0)
    return x + 1


def test_async_steps_are_awaited(store: str) -> None:
    @argosy.pipeline
    def waiting() -> None:
        total(waits.map([1, 2]))

    assert waiting().steps["total"].output.load() == 5


def test_async_steps_run_where_a_loop_is_running_already(home: Path) -> None:
    @argosy.pipeline
    def waiting() -> None:
        assert argosy.value_of(waits(1)) == 2

    async def notebook() -> str:
        return waiting().status

    assert asyncio.run(notebook()) == "completed"


def test_an_async_step_is_a_coroutine_function_elsewhere() -> None:
    assert asyncio.run(waits(1)) == 2


def test_an_async_step_called_in_an_async_step_is_awaited_there(home: Path) -> None:
    @argosy.step(enable_cache=False)
    async def outer_step() -> int:
        return int(await waits(1))

    @argosy.pipeline
    def waiting() -> None:
        outer_step()

    assert waiting().steps["outer_step"].output.load() == 2


def test_run_names_tell_the_moment(store: str) -> None:
    @argosy.pipeline(run_name="nightly-{date}")
    def stamped() -> None:
        count(1)

    before = time.gmtime()
    name = stamped().name
    assert name in {time.strftime("nightly-%Y-%m-%d", moment) for moment in (before, time.gmtime())}
    assert stamped.with_options(run_name="{{x}} {date} {time}")().name.startswith("{x} 20")
