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


def test_a_thread_older_than_the_step_is_not_part_of_it(home: Path) -> None:
    go, saved = threading.Event(), threading.Event()

    def save() -> None:
        go.wait(30)
        argosy.save_artifact(1, "elsewhere")
        saved.set()

    older = threading.Thread(target=save)
    older.start()

    @argosy.step(enable_cache=False)
    def fit() -> None:
        go.set()
        saved.wait(30)

    @argosy.pipeline
    def training() -> None:
        fit()

    step = training().steps["fit"]
    older.join()
    assert step.saved == ()
    assert argosy.Client().get_artifact_version("elsewhere").producer_step_run_id is None


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
