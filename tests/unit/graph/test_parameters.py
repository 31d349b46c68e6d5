from __future__ import annotations

import datetime
import decimal
import enum
import json
import pathlib
import re
import threading
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.errors import ParameterError
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.graph.artifact_arguments import is_artifact, is_artifact_list
from argosy.graph.canonical_json import canonical_json
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.parameters import make_parameter
from argosy.graph.version_ids import version_id_of

ID = uuid.UUID("3a92ae32-a764-4420-98ba-07da8f742b76")


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


@dataclass
class Config:
    colour: Colour
    path: pathlib.Path


@dataclass
class Chain:
    following: Chain | None = None


class Model(pydantic.BaseModel):
    when: datetime.date


class Version:
    """Looks like an artifact version, as the SDK's own does."""

    __argosy_version_id__ = ID


class Anything:
    """Has every attribute one asks for, as mocks and proxies do."""

    def __getattr__(self, name: str) -> object:
        return self


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (1.0, "1.0"),
        (float("inf"), '{"$float":"inf"}'),
        (float("nan"), '{"$float":"nan"}'),
        ("ä", '"ä"'),
        ({"b": 1, "a": [1, (2,)]}, '{"a":[1,[2]],"b":1}'),
        ({1: "a"}, '{"1":"a"}'),
        ({3, 1, 2}, "[1,2,3]"),
        (Colour.RED, '"red"'),
        (Level.LOW, "1"),
        ({Colour.RED: 1}, '{"red":1}'),
        (Config(Colour.RED, pathlib.PurePosixPath("a/b")), '{"colour":"red","path":"a/b"}'),  # type: ignore[arg-type] # any system
        (Model(when=datetime.date(2020, 1, 2)), '{"when":"2020-01-02"}'),
        (ID, f'"{ID}"'),
        (decimal.Decimal("1.10"), '"1.10"'),
        (datetime.datetime(2020, 1, 2, 3), '"2020-01-02T03:00:00"'),
        (datetime.timedelta(minutes=1), "60.0"),
    ],
)
def test_every_parameter_has_one_json_text(value: object, text: str) -> None:
    parameter = make_parameter(value, Any, what="parameter 'p'")
    assert parameter.json == text
    assert parameter.value is value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros(3), "a value of type ndarray, which is not JSON-like"),
        (b"abc", "a value of type bytes, which is not JSON-like"),
        (object(), "a value of type object, which is not JSON-like"),
        ([1, {"a": threading.Event()}], "a value of type Event at [1]['a'], which is not JSON-like"),
        ({(1, object()): 1}, "a value of type object at [1]"),
        (complex(1), "a value of type complex, which is not JSON-like"),
        ({1: "a", "1": "b"}, "a dict whose keys have the text '1' twice"),
        ("\ud800", "a text with half a surrogate pair, which UTF-8 cannot say"),
        ({"a": ["\ud800"]}, "a text with half a surrogate pair"),
        (pathlib.PurePosixPath("\udcff"), "a text with half a surrogate pair"),
    ],
)
def test_what_json_cannot_say_is_refused_with_the_cure(value: object, message: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)) as caught:
        make_parameter(value, Any, what="parameter 'p'")
    assert str(caught.value).startswith("parameter 'p' was given ")
    assert "wrap other values in ExternalArtifact(...)" in str(caught.value)


def test_container_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ParameterError, match="a list that contains itself or is nested too deeply"):
        make_parameter(loop, Any, what="parameter 'p'")
    chained = Chain()
    chained.following = chained
    with pytest.raises(ParameterError, match="a Chain that contains itself or is nested too deeply"):
        make_parameter(chained, Chain, what="parameter 'p'")


def test_data_for_a_typed_input_is_told_to_be_wrapped() -> None:
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(ParameterError, match=r"expected ndarray, found <DataFrame.*if it is data, wrap it"):
        make_parameter(frame, np.ndarray, what="parameter 'data'")


def test_default_that_does_not_fit_its_annotation_is_the_authors_word() -> None:
    assert make_parameter(None, float, what="p", default=None).value is None
    assert make_parameter(1, float, what="p", default=1).json == "1.0"


def test_class_of_artifact_versions_is_no_artifact() -> None:
    assert version_id_of(ArtifactVersion) is None
    assert version_id_of(Version) is None
    with pytest.raises(ParameterError, match="a value of type type, which is not JSON-like"):
        make_parameter(ArtifactVersion, Any, what="parameter 'p'")


def test_artifacts_are_told_from_parameters() -> None:
    artifacts: list[Any] = [ExternalArtifact(1), ExternalArtifact(name="a"), Version()]
    others: list[Any] = [1, "a", None, [], (), {}, np.zeros(1), Anything(), artifacts, ID]
    assert [is_artifact(value) for value in artifacts] == [True, True, True]
    assert [is_artifact(value) for value in others] == [False] * len(others)
    assert version_id_of(Version()) == ID


def test_lists_wholly_of_artifacts_are_inputs() -> None:
    one: Any = ExternalArtifact(1)
    assert is_artifact_list([one, Version()])
    assert is_artifact_list((one,))
    assert not is_artifact_list([])
    assert not is_artifact_list([one, 1])
    assert not is_artifact_list([[one]])
    assert not is_artifact_list({"a": one})


@pytest.mark.parametrize(
    "make",
    [
        lambda one: [one, 1],
        lambda one: [[one], [one]],
        lambda one: {"a": one},
        lambda one: {"a": [1, {"b": (one,)}]},
        lambda one: {one: 1},
        lambda one: {one},
    ],
)
def test_mixed_containers_are_refused(make: Any) -> None:
    mixed = make(ExternalArtifact(1))
    with pytest.raises(ParameterError, match=r"contains ExternalArtifact\(1\) among other things; only a list or"):
        make_parameter(mixed, Any, what="parameter 'p'")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(JSON)
def test_json_values_survive_their_text(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_text_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)
