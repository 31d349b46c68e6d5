"""Each code block of the page on saving and loading artifacts, verbatim but for the package's name.

What a block leaves out is put before or after it: the smallest thing that runs.
"""

from __future__ import annotations

import runpy
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

import argosy

Run = Callable[[str], dict[str, Any]]

EXTERNAL_VALUE = """
import numpy as np
from argosy import ExternalArtifact, pipeline, step

@step
def trainer(data: np.ndarray) -> ...:
    ...

@pipeline
def my_pipeline():
    trainer(data=ExternalArtifact(np.array([1, 2, 3])))
"""

BY_ID = """
from uuid import UUID

# Fetch by ID
artifact = ExternalArtifact(id=UUID("3a92ae32-a764-4420-98ba-07da8f742b76"))
"""

BY_NAME = """
# Fetch by name alone - uses latest version of this artifact
artifact = ExternalArtifact(name="my_artifact")
"""

BY_NAME_AND_VERSION = """
# Fetch by name and version
artifact = ExternalArtifact(name="my_artifact", version="my_version")
"""

ETL_STAGE = """
    ########## ETL stage  ##########
    df_inference, target = data_loader(is_inference=True)
    df_inference = inference_data_preprocessor(
        dataset_inf=df_inference,
        preprocess_pipeline=ExternalArtifact(
            name="preprocess_pipeline",
            pipeline_name=MetaConfig.pipeline_name_training,
        ),
        target=target,
    )
"""

DATA_QUALITY_STAGE = """
    ########## DataQuality stage  ##########
    report, _ = evidently_report_step(
        reference_dataset=ExternalArtifact(
            name="dataset_trn",
            pipeline_name=MetaConfig.pipeline_name_training,
        ),
        comparison_dataset=df_inference,
        ignored_cols=["target"],
        metrics=[
            EvidentlyMetricConfig.metric("DataQualityPreset"),
        ],
    )
"""

BY_HAND = """
import numpy as np
import argosy

x = np.ndarray([1, 2, 3])
argosy.save_artifact(x, name="my_numpy_array")
x = argosy.load_artifact("my_numpy_array")
"""

TAKES_AN_ARTIFACT = """
from argosy import ExternalArtifact, pipeline, step

@step
def receive(value: str) -> str:
    return f"got {value}"
"""

GIVES_IT_TO_A_STEP = """
@pipeline
def receiving():
    receive(artifact)

run = receiving()
"""

# What the end-to-end example has around its two blocks.
TRAINING_PROJECT = """
from typing import Annotated

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from argosy import ExternalArtifact, pipeline, step


class MetaConfig:
    pipeline_name_training = "e2e_use_case_training"


class EvidentlyMetricConfig:
    @staticmethod
    def metric(preset: str) -> dict[str, str]:
        return {"preset": preset}


@step
def data_loader(is_inference: bool = False) -> tuple[Annotated[pd.DataFrame, "dataset"], Annotated[str, "target"]]:
    frame = load_breast_cancer(as_frame=True).frame
    return (frame.iloc[500:].drop(columns="target") if is_inference else frame.iloc[:500]), "target"


@step
def train_data_preprocessor(
    dataset: pd.DataFrame, target: str, with_mean: bool = True
) -> tuple[Annotated[pd.DataFrame, "dataset_trn"], Annotated[Pipeline, "preprocess_pipeline"]]:
    fitted = Pipeline([("scale", StandardScaler(with_mean=with_mean))]).set_output(transform="pandas")
    dataset_trn = fitted.fit_transform(dataset.drop(columns=target))
    return dataset_trn.assign(**{target: dataset[target]}), fitted


@pipeline(name=MetaConfig.pipeline_name_training)
def training(with_mean: bool = True):
    dataset, target = data_loader()
    train_data_preprocessor(dataset, target, with_mean=with_mean)


@step
def inference_data_preprocessor(
    dataset_inf: pd.DataFrame, preprocess_pipeline: Pipeline, target: str
) -> Annotated[pd.DataFrame, "dataset_inf"]:
    return preprocess_pipeline.transform(dataset_inf).assign(**{target: 1})


@step
def evidently_report_step(
    reference_dataset: pd.DataFrame, comparison_dataset: pd.DataFrame, ignored_cols: list[str], metrics: list[dict]
) -> tuple[Annotated[dict, "report_json"], Annotated[str, "report_html"]]:
    columns = [column for column in reference_dataset.columns if column not in ignored_cols]
    shifts = comparison_dataset[columns].mean() - reference_dataset[columns].mean()
    report = {"metrics": metrics, "columns": len(columns), "largest_shift": float(shifts.abs().max())}
    return report, shifts.to_frame().to_html()


@pipeline(enable_cache=False)
def batch_inference():
"""


@pytest.fixture
def run(store: str, tmp_path: Path) -> Run:
    """Run a text as a program would be run, from a file of its own; return its names."""
    numbers = iter(range(100))

    def run_program(text: str) -> dict[str, Any]:
        path = tmp_path / f"program_{next(numbers)}.py"
        path.write_text(text)
        return runpy.run_path(str(path))

    return run_program


def test_a_value_goes_into_a_step(run: Run) -> None:
    names = run(EXTERNAL_VALUE)
    record = names["my_pipeline"]()
    given = record.steps["trainer"].inputs["data"]
    assert (record.status, record.steps["trainer"].status) == ("completed", "completed")
    assert given.load().tolist() == [1, 2, 3]
    assert given.name == "my_pipeline::trainer::data"
    made = record.steps["trainer"].output
    assert (made.name, made.named, made.load()) == ("my_pipeline::trainer::output", False, None)


def test_a_value_switches_caching_off(run: Run) -> None:
    names = run(EXTERNAL_VALUE)
    assert [names["my_pipeline"]().steps["trainer"].status for _ in range(2)] == ["completed", "completed"]


def test_an_artifact_is_fetched_by_id(run: Run) -> None:
    first = argosy.save_artifact("the first", "my_artifact")
    argosy.save_artifact("the second", "my_artifact")
    block = BY_ID.replace("3a92ae32-a764-4420-98ba-07da8f742b76", str(first.id))
    names = run(TAKES_AN_ARTIFACT + block + GIVES_IT_TO_A_STEP)
    assert names["run"].steps["receive"].output.load() == "got the first"
    assert names["artifact"].id == UUID(str(first.id))


def test_an_id_nobody_has_is_not_found_when_the_step_starts(run: Run) -> None:
    with pytest.raises(LookupError, match="3a92ae32-a764-4420-98ba-07da8f742b76"):
        run(TAKES_AN_ARTIFACT + BY_ID + GIVES_IT_TO_A_STEP)


def test_an_artifact_is_fetched_by_name_alone_as_the_latest(run: Run) -> None:
    for value in ("the first", "the second"):
        argosy.save_artifact(value, "my_artifact")
    names = run(TAKES_AN_ARTIFACT + BY_NAME + GIVES_IT_TO_A_STEP)
    assert names["run"].steps["receive"].output.load() == "got the second"


def test_an_artifact_is_fetched_by_name_and_version(run: Run) -> None:
    argosy.save_artifact("mine", "my_artifact", version="my_version")
    argosy.save_artifact("a later one", "my_artifact")
    names = run(TAKES_AN_ARTIFACT + BY_NAME_AND_VERSION + GIVES_IT_TO_A_STEP)
    assert names["run"].steps["receive"].output.load() == "got mine"


def test_the_three_ways_to_fetch_stand_in_one_block(run: Run) -> None:
    names = run("from argosy import ExternalArtifact\n" + BY_ID + BY_NAME + BY_NAME_AND_VERSION)
    assert (names["artifact"].name, names["artifact"].version) == ("my_artifact", "my_version")


def test_inference_takes_the_preprocessing_of_the_training_pipeline(run: Run) -> None:
    names = run(TRAINING_PROJECT + ETL_STAGE)
    trained = names["training"]()
    inferred = names["batch_inference"]()
    step = inferred.steps["inference_data_preprocessor"]
    assert (
        step.inputs["preprocess_pipeline"].id
        == trained.steps["train_data_preprocessor"].outputs["preprocess_pipeline"].id
    )
    scaled = step.output.load()
    assert isinstance(scaled, pd.DataFrame)
    assert scaled.shape == (69, 31)
    assert step.parameters == {}
    assert step.inputs["target"].load() == "target"


def test_the_inference_data_is_compared_with_the_training_data(run: Run) -> None:
    names = run(TRAINING_PROJECT + ETL_STAGE + DATA_QUALITY_STAGE)
    trained = names["training"]()
    inferred = names["batch_inference"]()
    step = inferred.steps["evidently_report_step"]
    assert step.inputs["reference_dataset"].id == trained.steps["train_data_preprocessor"].outputs["dataset_trn"].id
    assert step.inputs["comparison_dataset"].id == inferred.steps["inference_data_preprocessor"].output.id
    assert step.parameters == {"ignored_cols": ["target"], "metrics": [{"preset": "DataQualityPreset"}]}
    report = step.outputs["report_json"].load()
    assert (report["metrics"], report["columns"]) == ([{"preset": "DataQualityPreset"}], 30)
    assert 0 < report["largest_shift"] < 1
    assert step.outputs["report_html"].load().startswith("<table")


def test_after_train_a_train_b_and_back_to_a_from_cache_inference_gets_a(run: Run) -> None:
    names = run(TRAINING_PROJECT + ETL_STAGE)
    train_a, train_b, back_to_a = (names["training"](with_mean=mean) for mean in (True, False, True))
    assert [step.status for step in back_to_a.steps.values()] == ["cached", "cached"]
    a, b = (record.steps["train_data_preprocessor"].outputs["preprocess_pipeline"] for record in (train_a, train_b))
    taken = names["batch_inference"]().steps["inference_data_preprocessor"].inputs["preprocess_pipeline"]
    assert (taken.id, taken.version) == (a.id, a.version)
    assert taken.id != b.id


def test_an_array_is_saved_and_loaded_by_hand(run: Run) -> None:
    *saving, loading = BY_HAND.strip().splitlines()
    names = run("\n".join(saving))
    saved = names["x"].copy()
    exec(loading, names)  # the last line of the block, in the names the others made
    assert type(names["x"]) is np.ndarray
    assert (names["x"].shape, names["x"].dtype) == ((1, 2, 3), np.dtype("float64"))
    assert names["x"].tobytes() == saved.tobytes()
    assert names["x"].flags.writeable


def test_saving_and_loading_work_inside_a_step(run: Run) -> None:
    inside = textwrap.indent(BY_HAND.strip(), "    ")
    names = run(
        f"from argosy import pipeline, step\n\n@step\ndef by_hand() -> float:\n{inside}\n    return float(x.size)\n\n"
        "@pipeline\ndef working():\n    by_hand()\n\nrecord = working()\n"
    )
    step = names["record"].steps["by_hand"]
    assert step.output.load() == 6.0
    assert [(version.name, version.version) for version in step.saved] == [("my_numpy_array", "1")]
    assert [version.id for version in step.loaded] == [version.id for version in step.saved]
