from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import argosy
from argosy import NotFoundError, ParameterError


def found(**filters: Any) -> list[tuple[str, str]]:
    return [(version.name, version.version) for version in argosy.list_artifact_versions(**filters)]


def test_get_artifact_finds_a_version_every_way_a_load_does() -> None:
    first = argosy.save_artifact(1, "value", alias="prod")
    second = argosy.save_artifact(2, "value")
    assert argosy.get_artifact("value") == second
    assert argosy.get_artifact("value", 1) == first
    assert argosy.get_artifact("value", alias="prod") == first
    assert argosy.get_artifact(first.id).load() == 1
    with pytest.raises(NotFoundError, match="similar: value"):
        argosy.get_artifact("valeu")
    first.delete(force=True)
    with pytest.raises(NotFoundError, match=r"'value' of version '1' was deleted in project 'default'; similar: 2"):
        argosy.get_artifact("value", 1)
    with pytest.raises(NotFoundError, match=r"'value' of version '3' does not exist in project"):
        argosy.get_artifact("value", 3)


def test_versions_are_found_by_their_facts() -> None:
    argosy.save_artifact(1, "value", metadata={"epochs": 10, "data": {"kind": "a", "rows": [1, 2.5]}})
    argosy.save_artifact(2, "value", metadata={"epochs": "10"})
    assert found(metadata={"epochs": 10}) == [("value", "1")]
    assert found(metadata={"epochs": 10.0}) == [("value", "1")]
    assert found(metadata={"epochs": "10"}) == [("value", "2")]
    assert found(metadata={"data": {"rows": (1.0, 2.5), "kind": "a"}}) == [("value", "1")]
    assert found(metadata={"epochs": True}) == []
    assert found(metadata={}) == [("value", "2"), ("value", "1")]


def test_filters_hold_together() -> None:
    @argosy.step
    def fit() -> int:
        argosy.save_artifact(1, "inside", tags=["t"], metadata={"a": 1})
        return 1

    @argosy.pipeline
    def training() -> None:
        fit()

    training()
    argosy.save_artifact(1, "inside", tags=["t"], metadata={"a": 1})
    assert found(name="inside", pipeline="training", tag="t", metadata={"a": 1}) == [("inside", "1")]
    hour = timedelta(hours=1)
    now = datetime.now(timezone.utc)
    assert len(found(tag="t", created_after=now - hour, created_before=now + hour)) == 2
    assert found(tag="t", created_after=now + hour) == []
    assert found(pipeline="training", oldest_first=True) == [("inside", "1"), ("training::fit::output", "1")]


def test_a_misspelt_filter_is_answered_with_what_was_meant() -> None:
    with pytest.raises(TypeError, match=r"has no keyword 'metdata' \(did you mean 'metadata'\?\); it takes 'name', "):
        argosy.list_artifact_versions(metdata={"a": 1})  # type: ignore[call-arg]  # mypy finds it too
    with pytest.raises(TypeError, match="'pipeline_name' \\(did you mean 'pipeline'"):
        argosy.Client().list_artifact_versions(pipeline_name="x")  # type: ignore[call-arg]  # as above


def test_facts_to_look_for_that_are_not_json_are_refused_by_name() -> None:
    with pytest.raises(ParameterError, match=r"list_artifact_versions: metadata\['when'\] is of type datetime"):
        argosy.list_artifact_versions(metadata={"when": datetime(2026, 1, 1)})


def test_a_version_is_deleted_only_when_it_is_named_exactly() -> None:
    argosy.save_artifact(1, "value")
    argosy.save_artifact(2, "value")
    with pytest.raises(ParameterError, match="which version of 'value' shall be deleted"):
        argosy.delete_artifact("value")
    argosy.delete_artifact("value", 1)
    assert found() == [("value", "2")]
