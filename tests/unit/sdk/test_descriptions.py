from __future__ import annotations

from typing import Annotated

import pytest

import argosy
from argosy import ArtifactConfig, DefinitionError, ParameterError

WORDS = "Weights of May.\nMeasured on the test set."


def test_a_value_is_saved_with_a_description_and_shows_it() -> None:
    saved = argosy.save_artifact(1, "value", description=WORDS)
    assert saved.description == WORDS
    found = argosy.get_artifact("value")
    assert found.description == WORDS
    assert ">Weights of May.\nMeasured on the test set.</td>" in found._repr_html_()


def test_a_description_is_changed_and_the_rest_stays() -> None:
    saved = argosy.save_artifact(1, "value", tags=["kept"], metadata={"rows": 3}, description="old")
    changed = saved.update(description=WORDS)
    assert (changed.description, changed.tags, changed.metadata["rows"]) == (WORDS, ("kept",), 3)
    assert changed.update(tags=[]).description == WORDS
    assert changed.update(description="").description == ""


def test_an_output_has_the_description_of_its_annotation() -> None:
    @argosy.step
    def fit() -> Annotated[int, ArtifactConfig(name="weights", description=WORDS)]:
        return 1

    @argosy.pipeline
    def training() -> None:
        fit()

    assert training().steps["fit"].output.description == WORDS
    assert argosy.Client().save_artifact(2, "weights", description="by hand").description == "by hand"


@pytest.mark.parametrize(
    ("description", "complaint"),
    [
        ("x" * 4097, "description= has 4097 bytes; at most 4096 are allowed"),
        ("a\x1b[31m", r"description= has the control character '\x1b'; remove it"),
        (5, "description= takes a text, got int"),
        ("\ud800", "half a surrogate pair"),
    ],
    ids=["too long", "escape", "number", "half a character"],
)
def test_what_is_no_description_is_refused_everywhere_and_nothing_is_saved(description: str, complaint: str) -> None:
    saved = argosy.save_artifact(1, "other")
    with pytest.raises(ParameterError) as caught:
        argosy.save_artifact(1, "value", description=description)
    assert complaint in str(caught.value)
    with pytest.raises(ParameterError):
        saved.update(description=description)
    with pytest.raises(DefinitionError) as defined:
        ArtifactConfig(description=description)
    assert complaint in str(defined.value)
    assert [version.name for version in argosy.list_artifact_versions()] == ["other"]
