"""Arguments of another type than they may have: refused by name, before the store is asked."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

import argosy
from argosy.errors import ParameterError
from argosy.execution.values.prepared_value import PickleWarning
from argosy.sdk.artifacts import load_artifact, save_artifact
from argosy.sdk.client import Client


@pytest.mark.parametrize("option", ["allow_pickle", "extract_metadata", "include_visualizations"])
@pytest.mark.parametrize("given", ["no", "0", 0, 1, []])
def test_an_option_of_saving_is_true_or_false(option: str, given: object) -> None:
    with pytest.raises(ParameterError) as caught:
        save_artifact(print, "value", **{option: given})  # type: ignore[arg-type]  # what is refused
    assert str(caught.value) == f"{option}={given!r} is neither True nor False; write one of them"
    assert list(Client().list_artifacts()) == []


@pytest.mark.parametrize("option", ["extract_metadata", "include_visualizations"])
def test_only_pickle_is_left_to_the_settings_by_none(option: str) -> None:
    with pytest.raises(ParameterError, match=f"^{option}=None is neither True nor False"):
        save_artifact(1, "value", **{option: None})  # type: ignore[arg-type]  # what is refused


def test_a_text_does_not_let_a_pickle_run() -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (exec, ("raise AssertionError('a pickle ran')",))

    with pytest.warns(PickleWarning):
        saved = save_artifact(Trap(), "trap")
    text: Any = "0"
    with pytest.raises(ParameterError, match="allow_pickle='0' is neither True nor False"):
        load_artifact("trap", allow_pickle=text)
    with pytest.raises(ParameterError, match="allow_pickle='0' is neither True nor False"):
        saved.load(allow_pickle=text)


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        (argosy.ExternalArtifact(1), "ExternalArtifact, which stands for a value and is none; use its value, .value"),
        (argosy.ExternalArtifact(name="x"), "ExternalArtifact.*; load it first, with argosy.load_artifact"),
        (argosy.ExternalArtifact(id=uuid4()), "ExternalArtifact.*; load it first, with argosy.load_artifact"),
    ],
)
def test_what_stands_for_a_value_is_not_saved(value: object, cure: str) -> None:
    with pytest.raises(ParameterError, match=f"^save_artifact got a {cure}"):
        save_artifact(value, "copy")
    assert list(Client().list_artifacts()) == []


def test_a_stored_version_is_not_saved_again() -> None:
    saved = save_artifact(1, "value")
    with pytest.raises(ParameterError, match=r"^save_artifact got a ArtifactVersion.*; use its value, \.load\(\)"):
        save_artifact(saved, "copy")


def test_a_promise_is_not_saved_while_a_pipeline_is_recorded() -> None:
    @argosy.step
    def one() -> int:
        return 1

    @argosy.pipeline
    def saving() -> None:
        save_artifact(one(), "copy")

    with pytest.raises(ParameterError, match=r"^save_artifact got a StepOutput.*: do this inside a step"):
        saving()


@pytest.mark.parametrize(
    ("call", "arguments", "complaint"),
    [
        ("list_artifacts", {"name_contains": 5}, "list_artifacts(name_contains=5): it is a str, not int"),
        ("list_artifacts", {"include_unnamed": "no"}, "include_unnamed='no' is neither True nor False"),
        ("list_artifact_versions", {"name": None}, "list_artifact_versions(name=None): it is a str, not NoneType"),
        ("list_artifact_versions", {"tag": ["x"]}, "list_artifact_versions(tag=['x']): it is a str, not list"),
        (
            "list_artifact_versions",
            {"created_after": "2020"},
            "it is a datetime.datetime, not str; write for example created_after=datetime(2026, 1, 31)",
        ),
        (
            "list_artifact_versions",
            {"created_before": date(2020, 1, 1)},
            "created_before=datetime.date(2020, 1, 1)): it is a datetime.datetime, not date",
        ),
        (
            "list_artifact_versions",
            {"created_after": datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))},
            "it is before the year 1 or after the year 9999 in UTC; leave it out",
        ),
        ("list_artifact_versions", {"oldest_first": "no"}, "oldest_first='no' is neither True nor False"),
        ("list_runs", {"pipeline_name": 5}, "list_runs(pipeline_name=5): it is a str, not int"),
        ("list_runs", {"status": 5}, "list_runs(status=5): it is a str, not int"),
        ("get_run", {"run": 5}, "get_run(run=...): it is a run, its name or its id, not int"),
        ("cancel_run", {"run": None}, "cancel_run(run=...): it is a run, its name or its id, not NoneType"),
        ("step_logs", {"run": "x", "step": 5}, "step_logs(step=5): it is a str, not int"),
        ("step_logs", {"run": "x", "follow": "no"}, "follow='no' is neither True nor False"),
        ("evict_cache", {"ids": "x"}, "evict_cache(ids=...) got a single str; write a list, ids=[...]"),
        ("set_alias", {"alias": 5, "name_or_id": "x"}, "set_alias(alias=5): it is a str, not int"),
        ("delete_alias", {"name": "x", "alias": None}, "delete_alias(alias=None): it is a str, not NoneType"),
        (
            "save_artifact",
            {"value": 1, "name": "x", "tags": None},
            "tags=None is no list of texts; write",
        ),
        ("delete_artifact_version", {"name_or_id": "x", "version": 1, "force": "no"}, "force='no' is neither True nor"),
    ],
)
def test_a_question_that_means_nothing_is_refused_where_it_is_asked(
    call: str, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        getattr(Client(), call)(**arguments)
    assert complaint in str(caught.value)
