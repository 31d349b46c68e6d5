from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import pytest

from argosy.execution.caching.code_fingerprint import CodeFingerprint
from argosy.execution.caching.key import CacheKey, InputContent, is_cacheable, make_cache_key
from argosy.graph.artifact_config import ArtifactConfig
from argosy.graph.external_artifact import ExternalArtifact
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import step

CODE = CodeFingerprint("own", {"helpers.scale": "scale"}, "all")
NPY = InputContent("npy", "numpy:ndarray", "blake3:aa")


@step
def source() -> int:
    return 1


@step
def fit(data: Any, rate: Any = 0.1) -> Annotated[int, "weights"]:
    return 1


def key_of(
    *,
    rate: Any = 0.1,
    data: Callable[[], Any] = source,
    used: Callable[..., Any] = fit,
    project: str = "default",
    code: CodeFingerprint = CODE,
    contents: Sequence[InputContent] = (NPY,),
    materializers: Mapping[str, str] | None = None,
    pipeline_name: str = "training",
) -> CacheKey:
    @pipeline(name=pipeline_name)
    def training() -> None:
        used(data(), rate=rate)

    return make_cache_key(
        project=project,
        invocation=list(training.record().invocations.values())[-1],
        code=code,
        inputs={"data": contents},
        materializers=materializers or {"weights": "json"},
    )


def differing(one: CacheKey, other: CacheKey) -> set[str]:
    return {name for name in {*one.parts, *other.parts} if one.parts.get(name) != other.parts.get(name)}


def test_parts_have_the_names_a_miss_is_explained_by() -> None:
    assert list(key_of().parts) == [
        "code",
        "code:helpers.scale",
        "input:data",
        "materializers",
        "outputs",
        "parameter:rate",
        "project",
    ]


def test_equal_calls_have_equal_keys() -> None:
    assert key_of() == key_of()
    assert len(key_of().digest) == 64


def test_default_and_passed_parameter_are_the_same() -> None:
    @step
    def trained(data: Any, rate: float = 1) -> Annotated[int, "weights"]:
        return 1

    assert key_of(used=lambda data, rate: trained(data)) == key_of(used=trained, rate=1.0)


def test_name_of_the_pipeline_does_not_count() -> None:
    assert key_of(pipeline_name="a") == key_of(pipeline_name="b")


def test_name_of_the_step_does_not_count_since_its_code_does() -> None:
    assert key_of(used=fit.with_options(name="other")) == key_of()


@step
def fit_other_output(data: Any, rate: Any = 0.1) -> Annotated[int, "bias"]:
    return 1


@step
def fit_tagged(data: Any, rate: Any = 0.1) -> Annotated[int, ArtifactConfig(name="weights", tags=["dev"])]:
    return 1


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"project": "other"}, "project"),
        ({"code": replace(CODE, own="changed")}, "code"),
        ({"code": replace(CODE, parts={"helpers.scale": "changed"})}, "code:helpers.scale"),
        ({"rate": 0.2}, "parameter:rate"),
        ({"rate": "0.1"}, "parameter:rate"),
        ({"contents": [replace(NPY, format="parquet")]}, "input:data"),
        ({"contents": [replace(NPY, digest="blake3:bb")]}, "input:data"),
        ({"contents": [replace(NPY, data_type="numpy:memmap")]}, "input:data"),
        ({"contents": [NPY, NPY]}, "input:data"),
        ({"data": lambda: [source()]}, "input:data"),
        ({"used": fit_other_output}, "outputs"),
        ({"used": fit_tagged}, "outputs"),
        ({"materializers": {"weights": "pickle"}}, "materializers"),
    ],
)
def test_each_part_changes_the_key_and_nothing_else(changed: dict[str, Any], part: str) -> None:
    before, after = key_of(), key_of(**changed)
    assert before.digest != after.digest
    assert differing(before, after) == {part}


def test_list_and_tuple_of_inputs_differ() -> None:
    one, other = key_of(data=lambda: [source()]), key_of(data=lambda: (source(),))
    assert differing(one, other) == {"input:data"}


class Colour(enum.Enum):
    RED = "red"


@dataclass(frozen=True)
class Red:
    value: str = "red"


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (1, 1.0), ([1], (1,)), (Colour.RED, "red"), (Red(), {"value": "red"}), ({1}, [1]), (None, "null")],
)
def test_parameters_that_json_cannot_tell_apart_differ(one: Any, other: Any) -> None:
    assert differing(key_of(rate=one), key_of(rate=other)) == {"parameter:rate"}


def test_equal_parameters_of_any_kind_are_equal() -> None:
    for value in (Colour.RED, Red(), {"a": [1, (2, None)]}, {3, 1, 2}, float("nan")):
        assert key_of(rate=value) == key_of(rate=value)


def test_code_without_digest_makes_no_key_and_says_why() -> None:
    invocation = pipeline(name="p")(lambda: source()).record().invocations["source"]
    uncached = CodeFingerprint("own", {}, None, ("helpers.lock: no digest",))
    key = make_cache_key(project="p", invocation=invocation, code=uncached, inputs={}, materializers={})
    assert (key.digest, dict(key.parts)) == (
        "",
        {"uncacheable": "it reads what has no digest: helpers.lock: no digest"},
    )


def test_input_whose_content_is_not_given_is_an_error() -> None:
    invocation = pipeline(name="p")(lambda: fit(source())).record().invocations["fit"]
    with pytest.raises(KeyError, match="data"):
        make_cache_key(project="p", invocation=invocation, code=CODE, inputs={}, materializers={})


@pytest.mark.parametrize(
    ("step_options", "step_", "pipeline_options", "pipeline_", "setting", "expected"),
    [
        (None, None, None, None, True, True),
        (None, None, None, None, False, False),
        (None, None, None, False, True, False),
        (None, True, None, False, False, True),
        (None, False, None, True, True, False),
        (None, True, False, True, True, False),
        (True, False, False, False, False, True),
        (False, True, True, True, True, False),
    ],
)
def test_caching_is_decided_by_the_nearest_word(
    step_options: bool | None,
    step_: bool | None,
    pipeline_options: bool | None,
    pipeline_: bool | None,
    setting: bool,
    expected: bool,
) -> None:
    @step(enable_cache=step_)
    def work() -> int:
        return 1

    @pipeline(enable_cache=pipeline_)
    def training() -> None:
        work.with_options(enable_cache=step_options)()

    graph = training.with_options(enable_cache=pipeline_options).record()
    assert is_cacheable(graph, graph.invocations["work"], setting=setting) == expected


@pytest.mark.parametrize("value", [ExternalArtifact(0), [ExternalArtifact(name="a"), ExternalArtifact(None)]])
def test_external_value_switches_caching_off_for_its_step_only(value: Any) -> None:
    @step(enable_cache=True)
    def first(data: Any) -> int:
        return 1

    @step
    def second(data: int) -> int:
        return 1

    @pipeline(enable_cache=True)
    def training() -> None:
        second(first.with_options(enable_cache=True)(value))

    graph = training.with_options(enable_cache=True).record()
    assert not is_cacheable(graph, graph.invocations["first"])
    assert is_cacheable(graph, graph.invocations["second"])


def test_external_artifact_by_name_or_id_caches() -> None:
    @pipeline
    def training() -> None:
        fit(ExternalArtifact(name="data"))
        fit(ExternalArtifact(id="3a92ae32-a764-4420-98ba-07da8f742b76"))

    graph = training.record()
    assert [is_cacheable(graph, invocation) for invocation in graph.invocations.values()] == [True, True]
