from __future__ import annotations

import copy
import pickle
import re
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.errors import ParameterError
from argosy.graph.external_artifact import ExternalArtifact

ID = "3a92ae32-a764-4420-98ba-07da8f742b76"


@pytest.mark.parametrize("value", [0, "", [], {}, (), False, None, 0.0, b"", object()])
def test_every_value_that_was_passed_is_a_value(value: object) -> None:
    assert ExternalArtifact(value).has_value
    assert ExternalArtifact(value).value is value
    assert ExternalArtifact(value=value).value is value


@pytest.mark.parametrize("array", [np.array([]), np.array([1, 2, 3]), np.array(0)])
def test_arrays_are_values_though_they_have_no_truth(array: np.ndarray[Any, Any]) -> None:
    assert ExternalArtifact(array).value is array


@pytest.mark.parametrize("identifier", [ID, ID.upper(), UUID(ID)])
def test_id_takes_a_uuid_or_its_text(identifier: UUID | str) -> None:
    artifact = ExternalArtifact(id=identifier)
    assert artifact.id == UUID(ID)
    assert not artifact.has_value


@pytest.mark.parametrize(("version", "label"), [(1, "1"), ("1", "1"), ("my_version", "my_version")])
def test_version_takes_int_or_text(version: int | str, label: str) -> None:
    assert ExternalArtifact(name="my_artifact", version=version).version == label


def test_name_alone_selects_nothing_else() -> None:
    artifact = ExternalArtifact(name="training::trainer::output")
    assert (artifact.name, artifact.version, artifact.alias, artifact.pipeline_name) == (
        "training::trainer::output",
        None,
        None,
        None,
    )


class StoredVersion:
    """Looks like an artifact version, as the SDK's own does."""

    __argosy_version_id__ = ID


BAD_COMBINATIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "ExternalArtifact() got none of value, id and name; pass exactly one of value, id=... and name=..."),
    ({"value": None, "id": ID}, "got value and id; pass exactly one"),
    ({"value": 0, "name": "a"}, "got value and name; pass exactly one"),
    ({"id": ID, "name": "a"}, "got id and name; pass exactly one"),
    ({"value": 1, "id": ID, "name": "a"}, "got value and id and name; pass exactly one"),
    ({"value": 1, "version": 1}, "got version without name; version= selects a version of a named artifact: add name="),
    ({"id": ID, "alias": "prod"}, "got alias without name"),
    ({"value": 1, "pipeline_name": "p"}, "got pipeline_name without name"),
    ({"version": 1}, "got none of value, id and name"),
    ({"value": ExternalArtifact(1)}, "got a ExternalArtifact as its value, which is an artifact already; pass it to"),
    ({"value": StoredVersion()}, "got a StoredVersion as its value, which is an artifact already; pass it to the step"),
    ({"name": "a", "version": 1, "alias": "prod"}, "got version and alias; each selects a version on its own"),
    ({"name": "a", "version": 1, "pipeline_name": "p"}, "got version and pipeline_name; each selects"),
    ({"name": "a", "alias": "prod", "pipeline_name": "p"}, "got alias and pipeline_name; each selects"),
    ({"name": "a", "materializer": object}, "got materializer with an artifact that is stored already"),
    ({"id": ID, "extract_metadata": False}, "got extract_metadata with an artifact that is stored already"),
    ({"name": "a", "include_visualizations": False}, "got include_visualizations with an artifact that is stored"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_COMBINATIONS)
def test_wrong_combinations_are_refused_with_the_cure(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)):
        ExternalArtifact(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"id": "my_artifact"}, "'my_artifact' is no UUID; to find an artifact by its name write name="),
        ({"id": 7}, "an id is a uuid.UUID or its text, not int"),
        ({"id": None}, "an id is a uuid.UUID or its text, not NoneType"),
        ({"name": ""}, "it is empty; give it at least one character"),
        ({"name": None}, "a name is a str, not NoneType"),
        ({"name": ID}, "has the form of a UUID and would be taken for an id"),
        ({"value": 1, "extract_metadata": "no"}, "extract_metadata='no' is neither True nor False; write one of them"),
        ({"value": 1, "include_visualizations": 0}, "include_visualizations=0 is neither True nor False"),
        (
            {"value": 1, "materializer": 3},
            "materializer=3): it is a subclass of argosy.Materializer, an instance of one",
        ),
        ({"value": 1, "materializer": object}, "materializer=<type>): it is a subclass of argosy.Materializer"),
        ({"name": "../a"}, "has a '.' or '..' part"),
        ({"name": "/a"}, "begins or ends with '/'"),
        ({"name": "a/"}, "begins or ends with '/'"),
        ({"name": "a\0b"}, "has control or unprintable characters"),
        ({"name": " a"}, "begins or ends with white space"),
        ({"name": "a" * 256}, "it has 256 characters; at most 255 are allowed"),
        ({"name": "a", "version": ""}, "it is empty"),
        ({"name": "a", "version": 0}, "'0' is no version number; numbers run from 1 on"),
        ({"name": "a", "version": -1}, "'-1' is no version number"),
        ({"name": "a", "version": "007"}, "'007' is no version number"),
        ({"name": "a", "version": True}, "a version is an int or a str, not bool"),
        ({"name": "a", "version": 1.5}, "a version is an int or a str, not float"),
        ({"name": "a", "version": "a/b"}, "has a '/' or outer white space"),
        ({"name": "a", "alias": "1"}, "'1' is not allowed; an alias is 1 to 64 letters"),
        ({"name": "a", "alias": 1}, "an alias is a str, not int"),
        ({"name": "a", "pipeline_name": ""}, "ExternalArtifact(pipeline_name=...): it is empty"),
    ],
)
def test_malformed_arguments_are_refused_with_the_rule(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)):
        ExternalArtifact(**arguments)


def test_unknown_keyword_is_a_type_error() -> None:
    arguments: dict[str, Any] = {"name": "a", "bogus": 1}
    with pytest.raises(TypeError, match="has no keyword 'bogus'; it takes 'value', 'id', 'name'"):
        ExternalArtifact(**arguments)


def test_it_cannot_be_changed() -> None:
    artifact = ExternalArtifact(1)
    with pytest.raises(AttributeError, match="cannot be changed"):
        artifact.value = 2
    with pytest.raises(AttributeError, match="cannot be changed"):
        del artifact.value
    assert artifact.value == 1


@pytest.mark.parametrize(
    ("artifact", "text"),
    [
        (ExternalArtifact(3), "ExternalArtifact(3)"),
        (ExternalArtifact("a" * 1000), f"ExternalArtifact('{'a' * 27}...{'a' * 28}')"),
        (ExternalArtifact(np.zeros((1000, 1000))), "ExternalArtifact(<ndarray of shape (1000, 1000)>)"),
        (ExternalArtifact(list(range(10**6))), "ExternalArtifact(<list of 1000000>)"),
        (ExternalArtifact(b"x" * 10**6), "ExternalArtifact(b'xxxxxxxxxxxxxxxxxxxx'...)"),
        (ExternalArtifact([1, 2]), "ExternalArtifact([1, 2])"),
        (ExternalArtifact(object()), "ExternalArtifact(<object>)"),
        (ExternalArtifact(id=ID), f"ExternalArtifact(id='{ID}')"),
        (ExternalArtifact(name="a", version=2), "ExternalArtifact(name='a', version='2')"),
        (ExternalArtifact(name="a", pipeline_name="p"), "ExternalArtifact(name='a', pipeline_name='p')"),
    ],
)
def test_repr_is_short(artifact: object, text: str) -> None:
    assert repr(artifact) == text


@pytest.mark.parametrize("arguments", [{"value": None}, {"id": ID}, {"name": "a", "alias": "prod"}])
def test_copies_are_the_same_artifact(arguments: dict[str, Any]) -> None:
    original = ExternalArtifact(**arguments)
    for twin in (pickle.loads(pickle.dumps(original)), copy.copy(original)):
        assert repr(twin) == repr(original)
        assert twin.has_value == original.has_value


@given(st.sets(st.sampled_from(["value", "id", "name", "version", "alias", "pipeline_name"])))
def test_a_combination_is_taken_exactly_if_it_means_one_thing(passed: set[str]) -> None:
    examples = {"value": None, "id": ID, "name": "a", "version": 1, "alias": "prod", "pipeline_name": "p"}
    selectors = passed - {"value", "id", "name"}
    sources = passed - selectors
    is_meant = len(sources) == 1 and (not selectors or (sources == {"name"} and len(selectors) == 1))
    arguments: dict[str, Any] = {name: examples[name] for name in passed}
    if is_meant:
        ExternalArtifact(**arguments)
    else:
        with pytest.raises(ParameterError, match="ExternalArtifact"):
            ExternalArtifact(**arguments)
