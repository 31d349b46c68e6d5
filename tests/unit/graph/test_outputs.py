from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, NamedTuple, NoReturn, Optional, Tuple, TypeVar, Union  # noqa: UP035 - users write Tuple

import numpy as np
import pytest
from typing_extensions import TypeAliasType

from argosy.errors import DefinitionError
from argosy.graph.artifact_config import ArtifactConfig
from argosy.graph.outputs import OutputSpec, declared_outputs


class Pair(NamedTuple):
    a: int
    b: int


ONE_OUTPUT: list[tuple[Any, Any]] = [
    (..., Any),
    (int, int),
    (np.ndarray, np.ndarray),
    (Any, Any),
    (tuple, tuple),
    (tuple[int, ...], tuple[int, ...]),
    (Tuple[int, ...], Tuple[int, ...]),  # noqa: UP006 - users write it so
    (tuple[()], tuple[()]),
    (list[tuple[int, str]], list[tuple[int, str]]),
    (tuple[int, str] | None, tuple[int, str] | None),
    (Optional[int], Optional[int]),  # noqa: UP045 - users write it so
    (Union[int, str], Union[int, str]),  # noqa: UP007 - users write it so
    (Pair, Pair),
]


@pytest.mark.parametrize(("annotation", "expected"), ONE_OUTPUT)
def test_one_output(annotation: Any, expected: Any) -> None:
    outputs = declared_outputs(annotation)
    assert outputs.specs == (OutputSpec("output", expected),)
    assert not outputs.is_tuple


@pytest.mark.parametrize("annotation", [None, type(None), NoReturn])
def test_no_outputs(annotation: Any) -> None:
    assert declared_outputs(annotation).specs == ()


Both = TypeAliasType("Both", tuple[int, str])
First = TypeVar("First")
OneAnd = TypeAliasType("OneAnd", tuple[First, str], type_params=(First,))


@pytest.mark.parametrize(
    "annotation",
    [tuple[int, str], Tuple[int, str], Both, OneAnd[int]],  # noqa: UP006 - users write it so
)
def test_tuple_means_several_outputs_numbered_from_zero(annotation: Any) -> None:
    outputs = declared_outputs(annotation)
    assert outputs.specs == (OutputSpec("output_0", int), OutputSpec("output_1", str))
    assert outputs.is_tuple


def test_tuple_of_one_is_one_output_in_a_tuple() -> None:
    outputs = declared_outputs(tuple[int])
    assert (outputs.keys, outputs.is_tuple) == (("output_0",), True)


def test_names_and_numbers_mix() -> None:
    outputs = declared_outputs(tuple[Annotated[int, "train"], str, Annotated[float, ArtifactConfig(name="test")]])
    assert outputs.keys == ("train", "output_1", "test")
    assert [spec.is_named for spec in outputs] == [True, False, True]
    assert [spec.annotation for spec in outputs] == [int, str, float]


def test_annotated_tuple_is_one_named_output() -> None:
    outputs = declared_outputs(Annotated[tuple[int, str], "pair"])
    assert outputs.specs == (OutputSpec("pair", tuple[int, str], is_named=True),)
    assert not outputs.is_tuple


def test_config_carries_version_tags_and_metadata() -> None:
    config = ArtifactConfig(name="weights", version=7, tags=["a", "b", "a"], metadata={"k": [1, None]})
    (spec,) = declared_outputs(Annotated[int, config])
    assert spec == OutputSpec("weights", int, True, "7", ("a", "b"), {"k": [1, None]})


def test_config_without_name_keeps_the_unnamed_key() -> None:
    (spec,) = declared_outputs(Annotated[int, ArtifactConfig(tags=["a"])])
    assert (spec.key, spec.is_named, spec.tags) == ("output", False, ("a",))


def test_name_beside_a_config_without_name_is_the_name() -> None:
    assert declared_outputs(Annotated[int, "weights", ArtifactConfig(tags=["a"])]).keys == ("weights",)


def test_foreign_annotations_are_left_alone() -> None:
    assert declared_outputs(Annotated[int, "weights", 3, object()]).keys == ("weights",)


def test_unnamed_output_is_stored_under_pipeline_step_and_output() -> None:
    unnamed, named = declared_outputs(tuple[int, Annotated[int, "weights"]])
    assert unnamed.artifact_name("training", "fit_2") == "training::fit_2::output_0"
    assert named.artifact_name("training", "fit_2") == "weights"


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Annotated[int, "a", "b"], "an output is named or configured twice (['a', 'b'])"),
        (Annotated[int, "a", ArtifactConfig(name="b")], "named or configured twice"),
        (Annotated[int, ArtifactConfig(), ArtifactConfig()], "named or configured twice"),
        (Annotated[int, ArtifactConfig], "write ArtifactConfig(name=...)"),
        (Annotated[int, ""], "the name of an output is not allowed: it is empty"),
        (Annotated[int, "a::b"], "'a::b' has '::', which separates pipeline, step and output"),
        (Annotated[int, "../a"], "has a '.' or '..' part"),
        (Annotated[int, "3a92ae32-a764-4420-98ba-07da8f742b76"], "has the form of a UUID"),
        (tuple[Annotated[int, "a"], Annotated[str, "a"]], "two outputs are named 'a'"),
        (tuple[int, Annotated[str, "output_0"]], "two outputs are named 'output_0'"),
    ],
)
def test_bad_annotations_are_refused_with_the_cure(annotation: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(message)):
        declared_outputs(annotation)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ArtifactConfig(name=""), "ArtifactConfig(name=...): it is empty"),
        (lambda: ArtifactConfig(version=0), "ArtifactConfig(version=...): '0' is no version number"),
        (lambda: ArtifactConfig(tags="dev"), "tags are a list of str; write tags=[...]"),
        (lambda: ArtifactConfig(tags=[""]), "'' is no tag"),
        (lambda: ArtifactConfig(metadata={"a": object()}), "metadata['a'] is of type object, which JSON cannot say"),
        (lambda: ArtifactConfig(metadata={"a": [math.nan]}), "metadata['a'][0] is nan, which JSON cannot say"),
        (lambda: ArtifactConfig(metadata={"a": "x" * 300_000}), "metadata['a'] has 300003; at most 262144 are allowed"),
        (lambda: ArtifactConfig(metadata={"a": date(2020, 1, 2)}), "metadata['a'] is of type date"),
        (lambda: ArtifactConfig(metadata={"": 1}), "metadata has an empty key"),
        (lambda: ArtifactConfig(metadata={"a": "\ud800"}), "metadata['a'] holds '\\ud800', which has half a surrogate"),
        (lambda: ArtifactConfig(metadata={1: 2}), "metadata has the key 1, which is no text"),  # type: ignore[dict-item] # refused
    ],
)
def test_bad_configs_are_refused_with_the_rule(make: Callable[[], object], message: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(message)):
        make()


def test_config_cannot_be_changed_through_what_it_was_made_from() -> None:
    metadata = {"a": 1}
    config = ArtifactConfig(metadata=metadata)
    metadata["a"] = 2
    assert dict(config.metadata) == {"a": 1}
    assert hash(config) == hash(ArtifactConfig(metadata={"a": 1}))
