"""A run is resumed only by the pipeline it is of: what completed must still be called, and be given the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import GraphError
from argosy.execution.records.run_record import PipelineRun


@argosy.step(enable_cache=False)
def one() -> int:
    return 1


@argosy.step(enable_cache=False)
def doubled(x: int) -> int:
    if Path("broken").exists():
        raise RuntimeError("the disk is full")
    return 2 * x


@argosy.step(enable_cache=False)
def added(x: int, y: int) -> int:
    return x + y


def failed_run(pipeline: Any) -> PipelineRun:
    """Run a pipeline, of which ``doubled`` fails this time."""
    Path("broken").touch()
    with pytest.raises(RuntimeError):
        pipeline()
    Path("broken").unlink()
    return last_run()


def last_run() -> PipelineRun:
    return next(iter(argosy.Client().list_runs())).reload()


def test_a_pipeline_whose_completed_step_is_another_one_now_is_refused(home: Path) -> None:
    @argosy.pipeline
    def adding() -> None:
        doubled(one())

    failed = failed_run(adding)

    @argosy.step(name="one")
    def pair() -> tuple[int, int]:
        return 1, 2

    @argosy.pipeline(name="adding")
    def changed() -> None:
        pair()

    with pytest.raises(GraphError, match=r"'one' completed in it as .*'output' and is .*'output_0', 'output_1' now"):
        changed.resume(failed)

    @argosy.pipeline(name="adding")
    def without() -> None:
        doubled(1)

    with pytest.raises(GraphError, match="step 'one' completed in it and is not called any more"):
        without.resume(failed)
    assert failed.reload().status == "failed"


def test_a_completed_step_that_is_called_with_another_parameter_is_refused(home: Path) -> None:
    files = ["b", "c"]

    @argosy.step(enable_cache=False)
    def read(file: str) -> int:
        return len(file)

    @argosy.step(enable_cache=False)
    def total(sizes: list[int]) -> int:
        return sum(sizes)

    @argosy.pipeline
    def reading() -> None:
        doubled(total(read.map(files)))

    failed_run(reading)
    files.insert(0, "a")
    refused = """step 'read' completed in it with file="b" and is called with file="a" now; undo the change"""
    with pytest.raises(GraphError, match=refused):
        reading.resume(last_run())
    assert last_run().status == "failed"
    files.remove("a")
    assert reading.resume(last_run()).steps["doubled"].output.load() == 4


def test_a_completed_step_that_is_given_another_input_is_refused(home: Path) -> None:
    stored = [argosy.save_artifact(value, "stored") for value in (5, 6)]
    other = argosy.save_artifact(7, "other")
    source: Any = None

    @argosy.pipeline
    def wired() -> None:
        x, y = one(), one()
        doubled(added({"x": x, "y": y}.get(source, source), 1))

    def refusal(then: Any, now: Any) -> str:
        nonlocal source
        source = then
        failed_run(wired)
        source = now
        with pytest.raises(GraphError) as refused:
            wired.resume(last_run())
        source = then
        assert wired.resume(last_run()).status == "completed"
        return str(refused.value).split("step 'added' ")[1].split(";")[0]

    by_name = argosy.ExternalArtifact(name="stored")
    first, second = "output 'output' of step 'one'", "output 'output' of step 'one_2'"
    assert refusal("x", "y") == f"completed in it with x={first} and is called with x={second} now"
    assert refusal("x", 3) == f"completed in it with x={first} and is called with x=3 now"
    assert refusal(by_name, "x") == f"completed in it with x=version '2' of 'stored' and is called with x={first} now"
    assert refusal(by_name, argosy.ExternalArtifact(id=other.id)).startswith("completed in it with x=version '2' of")
    assert refusal(by_name, argosy.ExternalArtifact(name="other")).endswith("x=ExternalArtifact(name='other') now")
    assert refusal(stored[0], stored[1]).startswith("completed in it with x=version '1' of 'stored' and is called")


def test_a_name_given_to_a_step_that_completed_means_what_it_meant_then(home: Path) -> None:
    argosy.save_artifact(5, "stored")

    @argosy.pipeline
    def named() -> None:
        doubled(added(argosy.ExternalArtifact(name="stored"), 1))

    failed_run(named)
    argosy.save_artifact(50, "stored")
    assert named.resume(last_run()).steps["doubled"].output.load() == 12
