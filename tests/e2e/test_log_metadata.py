"""``argosy.log_metadata``: about the running step, one of its outputs, and any stored version; on both stores."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime
from typing import Annotated, Any

import numpy as np
import pytest

import argosy
from argosy import ArtifactConfig, NotFoundError, ParameterError

pytestmark = pytest.mark.usefixtures("store")


def run_step(body: Any) -> Any:
    """Run a pipeline of one step whose code is ``body``; return the record of the step."""

    @argosy.step(enable_cache=False)
    def fit() -> tuple[
        Annotated[int, ArtifactConfig(name="weights", metadata={"unit": "kg", "auc": 0.1})], Annotated[int, "score"]
    ]:
        body()
        return 1, 2

    @argosy.pipeline
    def training() -> None:
        fit()

    return training().steps["fit"]


def test_what_is_told_of_the_running_step_is_on_its_record_and_newer_wins() -> None:
    def body() -> None:
        argosy.log_metadata({"rows": 1000, "epoch": 1})
        argosy.log_metadata({"epoch": 2, "loss": np.float32(0.5)})

    assert run_step(body).metadata == {"rows": 1000, "epoch": 2, "loss": 0.5}


def test_what_is_told_of_an_output_is_saved_with_it_and_wins() -> None:
    def body() -> None:
        argosy.log_metadata({"auc": 0.5, "note": "first"}, artifact="weights")
        argosy.log_metadata({"auc": 0.97}, artifact="weights")

    record = run_step(body)
    assert {key: record.outputs["weights"].metadata[key] for key in ("unit", "auc", "note")} == {
        "unit": "kg",
        "auc": 0.97,
        "note": "first",
    }
    assert "auc" not in record.outputs["score"].metadata
    assert record.metadata == {}


def test_an_unnamed_output_is_called_output() -> None:
    @argosy.step
    def fit() -> int:
        argosy.log_metadata({"auc": 0.97}, artifact="output")
        return 1

    @argosy.pipeline
    def training() -> None:
        fit()

    assert training().steps["fit"].output.metadata["auc"] == 0.97


def test_a_misspelt_output_ends_the_step_before_anything_is_saved() -> None:
    with pytest.raises(ParameterError) as caught:
        run_step(lambda: argosy.log_metadata({"auc": 0.97}, artifact="weigths"))
    assert "step 'fit' has no such output and saved no such artifact (did you mean 'weights'?)" in str(caught.value)
    assert "pass version= or alias=" in str(caught.value)
    assert list(argosy.list_artifact_versions()) == []


def test_what_is_told_of_a_step_that_fails_stays() -> None:
    def body() -> None:
        argosy.log_metadata({"reached": "epoch 3"})
        raise ValueError("diverged")

    with pytest.raises(ValueError, match="diverged"):
        run_step(body)
    (run,) = argosy.Client().list_runs("training")
    assert argosy.Client().get_run(run.id).steps["fit"].metadata == {"reached": "epoch 3"}


def test_a_thread_of_the_step_tells_of_the_step() -> None:
    def body() -> None:
        threads = [
            threading.Thread(target=argosy.log_metadata, args=({f"worker_{number}": number},)) for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert run_step(body).metadata == {f"worker_{number}": number for number in range(4)}


def test_facts_of_earlier_attempts_stay_on_the_step_and_do_not_reach_outputs() -> None:
    attempts: list[int] = []

    @argosy.step(retry=1, enable_cache=False)
    def fit() -> int:
        attempts.append(1)
        argosy.log_metadata({f"attempt_{len(attempts)}": True, "newest": len(attempts)})
        argosy.log_metadata({f"attempt_{len(attempts)}": True}, artifact="output")
        if len(attempts) == 1:
            raise ValueError("first")
        return 1

    @argosy.pipeline
    def training() -> None:
        fit()

    record = training().steps["fit"]
    assert record.metadata == {"attempt_1": True, "attempt_2": True, "newest": 2}
    assert "attempt_1" not in record.output.metadata
    assert record.output.metadata["attempt_2"] is True


def test_a_stored_version_is_told_of_at_once_in_every_way_it_can_be_named() -> None:
    first = argosy.save_artifact(1, "value", alias="prod", metadata={"kept": 1, "changed": 1})
    second = argosy.save_artifact(2, "value")
    argosy.log_metadata({"a": 1, "changed": 2}, artifact=first)
    argosy.log_metadata({"b": 1}, artifact=first.id)
    argosy.log_metadata({"c": 1}, artifact="value", version=1)
    argosy.log_metadata({"d": 1}, artifact="value", alias="prod")
    argosy.log_metadata({"latest": 1}, artifact="value")
    found = argosy.get_artifact(first.id).metadata
    assert {key: found[key] for key in ("kept", "changed", "a", "b", "c", "d")} == {
        "kept": 1,
        "changed": 2,
        "a": 1,
        "b": 1,
        "c": 1,
        "d": 1,
    }
    assert argosy.get_artifact(second.id).metadata["latest"] == 1


def test_a_step_tells_of_what_it_saved_and_of_versions_named_exactly() -> None:
    other = argosy.save_artifact(1, "other")

    def body() -> None:
        argosy.save_artifact(1, "checkpoint")
        argosy.save_artifact(2, "checkpoint")
        argosy.log_metadata({"epoch": 2}, artifact="checkpoint")
        argosy.log_metadata({"used": True}, artifact="other", version=1)
        argosy.log_metadata({"also": True}, artifact=other)

    run_step(body)
    assert argosy.get_artifact("checkpoint", 2).metadata["epoch"] == 2
    assert "epoch" not in argosy.get_artifact("checkpoint", 1).metadata
    found = argosy.get_artifact("other").metadata
    assert (found["used"], found["also"]) == (True, True)


def test_many_tell_of_one_version_and_nothing_is_lost() -> None:
    version = argosy.save_artifact(1, "value")
    threads = [
        threading.Thread(target=argosy.log_metadata, args=({f"key_{number}": number},), kwargs={"artifact": version})
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = argosy.get_artifact("value").metadata
    assert {key: found.get(key) for key in (f"key_{n}" for n in range(20))} == {f"key_{n}": n for n in range(20)}


def test_metadata_that_is_not_json_is_refused_by_key_and_type_and_tells_nothing() -> None:
    version = argosy.save_artifact(1, "value")

    def body() -> None:
        for target in ({}, {"artifact": "weights"}, {"artifact": version}):
            with pytest.raises(ParameterError, match=r"metadata\['when'\] is of type datetime, which JSON cannot say"):
                argosy.log_metadata({"ok": 1, "when": datetime(2026, 1, 1)}, **target)
        with pytest.raises(ParameterError, match=r"metadata\['loss'\] is nan"):
            argosy.log_metadata({"loss": float("nan")})
        with pytest.raises(ParameterError, match="metadata has the key 5, which is no text"):
            argosy.log_metadata({5: 1})  # type: ignore[dict-item]  # mypy finds it too

    record = run_step(body)
    assert record.metadata == {}
    assert "ok" not in record.outputs["weights"].metadata
    assert "ok" not in argosy.get_artifact("value").metadata


def test_more_than_the_store_keeps_is_refused_where_it_is_told() -> None:
    def body() -> None:
        for target in ({}, {"artifact": "weights"}):
            argosy.log_metadata({"first": "x" * 200_000}, **target)
            with pytest.raises(ParameterError, match="at most 262144 are allowed: save it as an artifact"):
                argosy.log_metadata({"second": "x" * 100_000}, **target)

    record = run_step(body)
    assert list(record.metadata) == ["first"]
    assert "second" not in record.outputs["weights"].metadata


def test_where_there_is_nothing_to_tell_of_it_is_said() -> None:
    with pytest.raises(ParameterError, match="no step is running here; call it inside a step, or pass artifact="):
        argosy.log_metadata({"a": 1})
    with pytest.raises(ParameterError, match=r"log_metadata\(version=3\): it needs the name of an artifact"):
        argosy.log_metadata({"a": 1}, version=3)
    with pytest.raises(NotFoundError):
        argosy.log_metadata({"a": 1}, artifact="absent")
    version = argosy.save_artifact(1, "value")
    with pytest.raises(ParameterError, match="a version stands for itself"):
        argosy.log_metadata({"a": 1}, artifact=version, version=1)
    with pytest.raises(ParameterError, match="log_metadata takes a dict of text to JSON values, got None"):
        argosy.log_metadata(None, artifact=version)  # type: ignore[arg-type]  # mypy finds it too
    argosy.log_metadata({}, artifact=version)


def test_the_promise_of_an_output_is_no_version_to_tell_of() -> None:
    @argosy.step
    def fit() -> int:
        return 1

    @argosy.pipeline
    def training() -> None:
        argosy.log_metadata({"a": 1}, artifact=fit())  # type: ignore[arg-type]  # mypy finds it too

    with pytest.raises(ParameterError, match=r"log_metadata\(artifact=...\) got a StepOutput"):
        training()


def test_a_step_called_as_a_plain_function_tells_nobody() -> None:
    @argosy.step
    def fit(rows: int) -> Annotated[int, "weights"]:
        argosy.log_metadata({"rows": rows})
        argosy.log_metadata({"auc": 0.97}, artifact="weights")
        return rows

    @argosy.step
    async def fit_soon(rows: int) -> Annotated[int, "weights"]:
        await asyncio.sleep(0)
        argosy.log_metadata({"rows": rows})
        argosy.log_metadata({"auc": 0.97}, artifact="weights")
        return rows

    assert fit(3) == 3
    assert asyncio.run(fit_soon(3)) == 3
    with pytest.raises(ParameterError, match="which JSON cannot say"):
        fit({1, 2})  # type: ignore[arg-type]  # what is told is checked all the same
    assert list(argosy.list_artifact_versions()) == []


def test_a_step_called_inside_another_tells_of_that_one() -> None:
    @argosy.step
    def part() -> Annotated[int, "inner"]:
        argosy.log_metadata({"part": True})
        argosy.log_metadata({"auc": 0.97}, artifact="inner")
        return 1

    record = run_step(part)
    assert record.metadata == {"part": True}
    assert record.outputs["weights"].metadata["auc"] == 0.1
