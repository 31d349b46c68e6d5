"""``argosy.add_tags``: of an output of the running step, of what it saved, of any stored version."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest

import argosy

Weights = Annotated[int, argosy.ArtifactConfig(name="weights", tags=["daily"])]


def run_step(body: Callable[[], object], **options: Any) -> argosy.PipelineRun:
    @argosy.step(enable_cache=False, **options)
    def fit() -> tuple[Weights, Annotated[int, "score"]]:
        body()
        return 1, 2

    @argosy.pipeline
    def training() -> None:
        fit()

    return training()


def test_an_output_has_its_own_tags_and_those_given_while_it_ran_each_once(home: Path) -> None:
    def body() -> None:
        argosy.add_tags("good", "daily", artifact="weights")
        argosy.add_tags("good", "reviewed", artifact="weights")

    outputs = run_step(body).steps["fit"].outputs
    assert outputs["weights"].tags == ("daily", "good", "reviewed")
    assert outputs["score"].tags == ()
    assert [version.name for version in argosy.list_artifact_versions(tag="reviewed")] == ["weights"]


def test_what_the_step_saved_and_any_stored_version_get_them_at_once(home: Path) -> None:
    argosy.save_artifact(1, "other")
    second = argosy.save_artifact(2, "other")

    def body() -> None:
        argosy.save_artifact(1, "note", tags=["a"])
        argosy.add_tags("b", artifact="note")
        argosy.add_tags("old", artifact="other", version=1)
        argosy.add_tags("new", artifact=second)
        assert argosy.get_artifact("note").tags == ("a", "b")

    run_step(body)
    argosy.add_tags("outside", artifact="other")
    assert argosy.get_artifact("other", 1).tags == ("old",)
    assert argosy.get_artifact("other").tags == ("new", "outside")


def test_tags_of_an_attempt_that_failed_are_not_those_of_the_next(home: Path) -> None:
    def body() -> None:
        step = argosy.current_step()
        assert step is not None
        argosy.add_tags(f"attempt-{step.attempt}", artifact="weights")
        if step.attempt == 1:
            raise OSError("not yet")

    assert run_step(body, retry=1).steps["fit"].outputs["weights"].tags == ("attempt-2", "daily")


def test_a_step_called_as_a_plain_function_tells_nobody(home: Path) -> None:
    @argosy.step
    def fit() -> Annotated[int, "weights"]:
        argosy.add_tags("good", artifact="weights")
        return 1

    assert fit() == 1
    assert list(argosy.list_artifact_versions()) == []


@pytest.mark.parametrize(
    ("tags", "artifact", "message"),
    [
        ((), "weights", 'add_tags was given no tag; write add_tags("good", artifact="weights")'),
        ((5,), "weights", "holds 5, which is no text"),
        (
            ("good",),
            "weigths",
            "add_tags(artifact='weigths'): step 'fit' has no such output and saved no such artifact",
        ),
        (("",), "weights", "add_tags: '' is no tag; a tag has 1 to 255 printable characters"),
    ],
)
def test_what_cannot_be_meant_ends_the_step_by_name(
    home: Path, tags: tuple[Any, ...], artifact: str, message: str
) -> None:
    with pytest.raises(argosy.ParameterError, match=re.escape(message)):
        run_step(lambda: argosy.add_tags(*tags, artifact=artifact))
    assert list(argosy.list_artifact_versions("weights")) == []
