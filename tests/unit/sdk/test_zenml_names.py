"""Names that programs written for ZenML import: what is none here says what to use instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.sdk.zenml_names import INSTEAD, PAGE

ANY: Any = argosy
ROOT = Path(__file__).resolve().parents[3]
OF_ZENML_ITSELF = re.findall(
    r"\w+",
    "ArtifactConfig CommandStep ExternalArtifact Model Tag add_tags bulk_log_metadata get_pipeline_context "
    "get_step_context link_artifact_to_model load_artifact log_artifact_metadata log_metadata log_model_metadata "
    "log_step_metadata pipeline register_artifact remove_tags run_hook save_artifact show step unmapped wait",
)
"""What ``zenml.__all__`` has in 0.98."""


def import_from_argosy(name: str) -> None:
    exec(f"from argosy import {name}", {})


def test_an_import_is_answered_with_what_to_use_and_where_more_stands() -> None:
    with pytest.raises(ImportError) as caught:
        import_from_argosy("get_step_context")
    assert str(caught.value) == (
        "cannot import name 'get_step_context' from 'argosy'; coming from ZenML? use argosy.current_step() "
        "(docs/coming-from-zenml.md)"
    )
    assert caught.value.name == "argosy"


def test_an_attribute_is_answered_alike_and_is_absent_for_those_who_ask_whether_it_is_there() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'StepRetryConfig'; coming from ZenML\? .*argosy\.Retry\("):
        _ = ANY.StepRetryConfig
    assert not hasattr(argosy, "StepRetryConfig")
    assert getattr(argosy, "Model", None) is None  # as pickle asks every module


def test_a_name_of_nobody_is_refused_in_the_words_of_python() -> None:
    with pytest.raises(ImportError, match=r"^cannot import name 'nonsense' from 'argosy' \("):
        import_from_argosy("nonsense")
    with pytest.raises(AttributeError, match=r"^module 'argosy' has no attribute 'nonsense'$"):
        _ = ANY.nonsense


def test_each_name_of_zenml_itself_is_one_here_or_is_answered() -> None:
    assert sorted({*OF_ZENML_ITSELF} - {*argosy.__all__} - {*INSTEAD}) == []
    assert {*argosy.__all__} & {*INSTEAD} == set()


def test_submodules_are_imported_as_ever() -> None:
    import_from_argosy("testing, aio, errors")


@pytest.mark.parametrize("name", INSTEAD)
def test_what_is_named_instead_exists_and_the_page_tells_of_it(name: str) -> None:
    assert not hasattr(argosy, name)
    named = set(re.findall(r"argosy\.(\w+)", INSTEAD[name]))
    assert named <= set(argosy.__all__)
    assert re.search(rf"`[^`]*\b{name}\b[^`]*`", (ROOT / PAGE).read_text())
