"""Read by mypy, never run: what type checkers know about steps and pipelines."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from typing_extensions import assert_type

from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.records.run_record import PipelineRun
from argosy.graph.artifact_config import ArtifactConfig
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.fan_out import each
from argosy.graph.model import Graph
from argosy.graph.step_options import Retry
from argosy.sdk.artifacts import load_artifact
from argosy.sdk.client import Client
from argosy.sdk.pipelines import Pipeline, pipeline
from argosy.sdk.steps import Step, step
from argosy.sdk.values import value_of

Array = npt.NDArray[np.float64]


@step
def bare(x: int, /, rate: float = 0.1) -> str:
    return str(x * rate)


@step()
def parenthesized(x: int, *, rate: float) -> Array:
    return np.ones(x) * rate


@step(name="other", enable_cache=False, output_materializers={"train": object}, allow_pickle=True)
def two(x: Array) -> tuple[Annotated[Array, "train"], Annotated[Array, ArtifactConfig(name="test", tags=["a"])]]:
    return x, x


@step
def nothing(data: list[Array], mode: Literal["a", "b"] = "a") -> None: ...


@step(
    retry=Retry(3, delay=1.5, on=(OSError,)),
    timeout=timedelta(hours=1),
    on_start=print,
    on_failure=[print],
    cache_key=lambda parameters: str(parameters["url"]),
    ignore=["url"],
    file_dependencies="table.csv",
    max_age=60,
)
async def fetch(url: str) -> int:
    return len(url)


@step(retry=2)
def guarded(x: int) -> int:
    return x


@pipeline(runner="processes", max_parallel=4, execution_mode="continue", run_name="{date}", on_success=print)
def guarding() -> None:
    assert_type(guarded(fetch("a")), int)
    assert_type(guarded.with_options(retry=0, after=fetch, timeout=3)(1), int)
    guarding.with_options(max_parallel=1, execution_mode="fail_fast")


@pipeline
def choosing(rates: list[float]) -> Array:
    data = parenthesized(3, rate=1)
    if value_of(data).mean() > 0.5:
        guarded(1)
    assert_type(value_of(guarded(1)), int)
    scores = guarded.map([1, 2, 3])
    assert_type(scores, list[int])
    assert_type(value_of(scores), list[int])
    assert_type(fetch.map(["a", "b"]), Any)
    assert_type(bare.map(x=each([1, 2]), rate=0.5), list[str])
    firsts, seconds = two.map([data, data])
    assert_type(firsts, list[Array])
    nothing(seconds)
    return data


@pipeline
def outer() -> None:
    assert_type(choosing.inline([0.1]), Array)
    two(choosing.inline([0.1]))
    assert_type(choosing.with_options(name="a").inline([]), Array)


@pipeline
def training(rate: float = 0.1) -> None:
    train, test = two(parenthesized(3, rate=rate))
    assert_type(train, Array)
    assert_type(test, Array)
    nothing([train, test], mode="b")
    nothing.with_options(name="again", after=train)([train])
    nothing.with_options(after=["other", bare])(ExternalArtifact([1]))


@pipeline(name="inference", enable_cache=True)
def inference(data: Array) -> int:
    two(data)
    return 1


def check_steps() -> None:
    assert_type(bare(1), str)
    assert_type(bare(1, rate=2), str)
    assert_type(parenthesized(1, rate=2), Array)
    assert_type(bare.with_options(enable_cache=False)(1), str)
    assert_type(bare.name, str)
    wrapped: Step[[Array], tuple[Array, Array]] = two
    assert wrapped is two


def check_external_artifact_fits_every_parameter() -> None:
    assert_type(ExternalArtifact(3), Any)
    assert_type(ExternalArtifact(name="a", version=1), Any)
    parenthesized(ExternalArtifact(id="3a92ae32-a764-4420-98ba-07da8f742b76"), rate=ExternalArtifact(value=None))
    two(ExternalArtifact(np.array([1, 2, 3])))
    nothing([ExternalArtifact(name="a", alias="prod"), ExternalArtifact(name="a", pipeline_name="training")])


def check_external_artifact_is_a_class_too(value: object) -> None:
    if isinstance(value, ExternalArtifact):
        assert_type(value, ExternalArtifact)
        assert_type(value.version, str | None)


def check_artifact_versions_fit_every_parameter(run: PipelineRun, stored: ArtifactVersion) -> None:
    assert_type(run.steps["fit"].output, ArtifactVersion)
    assert_type(stored.version, str)
    assert_type(stored.load(as_type=int), int)
    two(run.steps["fit"].output)
    nothing([run.steps["fit"].outputs["train"], stored])
    inference(stored)
    inference(run.steps["fit"].inputs["x"])
    print(run.steps["fit"].inputs["x"].version)


def check_parts_of_values(stored: ArtifactVersion, client: Client) -> None:
    assert_type(load_artifact("a", columns=["x", 3], rows=slice(10), as_type=pd.DataFrame), pd.DataFrame)
    assert_type(client.load_artifact("a", columns=("x",), as_type=pd.DataFrame), pd.DataFrame)
    assert_type(stored.load(pd.DataFrame, rows=slice(1, 9, 2)), pd.DataFrame)
    assert_type(load_artifact("a", rows=slice(3)), Any)
    assert_type(stored.load(columns=["x"]), Any)
    assert_type(stored.open("data.npy"), BinaryIO)


def check_pipelines() -> None:
    assert_type(training(), PipelineRun)
    assert_type(training(rate=0.5), PipelineRun)
    assert_type(inference.with_options(run_name="a")(ExternalArtifact(name="a")), PipelineRun)
    assert_type(training.record(0.5), Graph)
    assert_type(training.resume("nightly"), PipelineRun)
    assert_type(inference.resume(training(), data=ExternalArtifact(name="a")).resume(), PipelineRun)
    some: Pipeline[[Array]] = inference
    assert some is inference
