"""Threads that a step starts belong to the step: what they save and load is linked to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import argosy
from argosy.errors import GraphError


def in_thread(call: Callable[[], object]) -> None:
    """Run a call in a new thread and raise what it raised."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(call).result()


def test_what_a_thread_of_a_step_saves_and_loads_is_linked_to_the_step(home: Path) -> None:
    argosy.save_artifact([1, 2], "features")

    @argosy.step(enable_cache=False)
    def fit() -> None:
        in_thread(lambda: argosy.save_artifact(len(argosy.load_artifact("features")), "count"))

    @argosy.pipeline
    def training() -> None:
        fit()

    step = training().steps["fit"]
    assert [version.name for version in step.saved] == ["count"]
    assert [version.name for version in step.loaded] == ["features"]


def test_a_new_version_of_what_a_thread_loaded_is_a_miss(home: Path) -> None:
    @argosy.step
    def read() -> int:
        with ThreadPoolExecutor(max_workers=1) as pool:
            return pool.submit(lambda: int(argosy.load_artifact("number"))).result()

    @argosy.pipeline
    def reading() -> None:
        read()

    argosy.save_artifact(1, "number")
    assert reading().steps["read"].output.load() == 1
    assert reading().steps["read"].status == "cached"
    argosy.save_artifact(2, "number")
    again = reading().steps["read"]
    assert (again.output.load(), again.cache_miss) == (2, ("loaded:number",))


def test_threads_somebody_else_started_are_not_part_of_the_step(home: Path) -> None:
    running, saved = threading.Event(), threading.Event()

    @argosy.step(enable_cache=False)
    def fit() -> None:
        running.set()
        assert saved.wait(30)

    @argosy.step(enable_cache=False)
    def other() -> None: ...

    @argosy.pipeline
    def training() -> None:
        fit()

    @argosy.pipeline
    def elsewhere() -> None:
        other()

    def meanwhile() -> None:
        assert running.wait(30)
        # The thread is younger than the step and has nothing to do with it.
        in_thread(lambda: argosy.save_artifact(1, "elsewhere"))
        in_thread(elsewhere)
        saved.set()

    driver = threading.Thread(target=meanwhile)
    driver.start()
    step = training().steps["fit"]
    driver.join()
    assert step.saved == ()
    assert argosy.Client().get_artifact_version("elsewhere").producer_step_run_id is None
    assert [run.pipeline_name for run in argosy.Client().list_runs()] == ["elsewhere", "training"]


def test_a_thread_that_outlives_its_step_is_not_part_of_the_next(home: Path) -> None:
    pools: list[ThreadPoolExecutor] = []

    @argosy.step(enable_cache=False)
    def first() -> None:
        pools.append(ThreadPoolExecutor(max_workers=1))
        pools[0].submit(lambda: argosy.save_artifact(1, "one")).result()

    @argosy.step(enable_cache=False)
    def second() -> None:
        pools[0].submit(lambda: argosy.save_artifact(2, "two")).result()

    @argosy.pipeline
    def training() -> None:
        second.with_options(after=first())()

    run = training()
    pools[0].shutdown()
    assert [version.name for version in run.steps["first"].saved] == ["one"]
    assert run.steps["second"].saved == ()


def test_a_pipeline_in_a_thread_of_a_step_is_refused(home: Path) -> None:
    @argosy.step
    def inner() -> None: ...

    @argosy.pipeline
    def nested() -> None:
        inner()

    @argosy.step
    def outer() -> None:
        in_thread(nested)

    @argosy.pipeline
    def training() -> None:
        outer()

    with pytest.raises(GraphError, match="'nested' is called inside the running step 'outer'"):
        training()
