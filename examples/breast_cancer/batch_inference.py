"""Classifies new patients with what training left in the store, and checks that they are alike.

    python examples/breast_cancer/batch_inference.py
    python examples/breast_cancer/batch_inference.py --stain 1.15    # another laboratory's stain

Nothing is imported from ``training.py``: the store alone connects the two programs, by names.
``pipeline_name=`` takes each artifact from the last *completed* training run, so preprocessing and
reference data belong together even while another training run is under way.
"""

import argparse
from typing import Annotated, Any

import pandas as pd
from scipy.stats import false_discovery_control, ks_2samp
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

import argosy
from argosy import ExternalArtifact

KNOWN_PATIENTS = 455
SIGNIFICANCE = 0.05


class MetaConfig:
    """What this program has to know about the other one."""

    pipeline_name_training = "breast_cancer_training"


@argosy.step
def load_new_patients(stain: float) -> Annotated[pd.DataFrame, "new_patients"]:
    """Return the patients training never saw; a stain other than 1 scales what it affects, texture."""
    frame: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    new = frame.iloc[KNOWN_PATIENTS:].drop(columns="target")
    textures = [column for column in new.columns if "texture" in column]
    return new.assign(**{column: new[column] * stain for column in textures})


@argosy.step
def inference_preprocess(
    dataset_inf: pd.DataFrame, preprocess_pipeline: Pipeline
) -> Annotated[pd.DataFrame, "dataset_inf"]:
    """Apply exactly the preprocessing that was fitted in training."""
    features: pd.DataFrame = preprocess_pipeline.transform(dataset_inf)
    return features


@argosy.step
def predict(model: LogisticRegression, dataset_inf: pd.DataFrame) -> Annotated[pd.Series, "predictions"]:
    return pd.Series(model.predict_proba(dataset_inf)[:, 0], index=dataset_inf.index, name="p_malignant")


@argosy.step
def report_drift(
    reference_dataset: pd.DataFrame, comparison_dataset: pd.DataFrame, ignored_cols: list[str]
) -> Annotated[pd.DataFrame, "drift_report"]:
    """Test for each column whether both datasets can be samples of one distribution.

    The two-sample Kolmogorov-Smirnov test (Hodges, "The significance probability of the Smirnov
    two-sample test", Arkiv för Matematik 3, 1958, as ``scipy.stats.ks_2samp``); its p-values are
    corrected for the number of columns by Benjamini and Hochberg ("Controlling the false discovery
    rate", J. R. Statist. Soc. B 57, 1995), since of 30 plain tests one or two would cry wolf.
    """
    columns = [column for column in reference_dataset.columns if column not in ignored_cols]
    tests: list[Any] = [ks_2samp(reference_dataset[column], comparison_dataset[column]) for column in columns]
    p_values = false_discovery_control([test.pvalue for test in tests])
    report = pd.DataFrame(
        {"statistic": [test.statistic for test in tests], "p_value": p_values, "drifted": p_values < SIGNIFICANCE},
        index=pd.Index(columns, name="column"),
    )
    return report.sort_values("p_value", kind="stable")


@argosy.pipeline(name="breast_cancer_batch_inference")
def batch_inference(stain: float = 1.0) -> None:
    ########## ETL stage  ##########
    new_patients = load_new_patients(stain)
    dataset_inf = inference_preprocess(
        dataset_inf=new_patients,
        preprocess_pipeline=ExternalArtifact(
            name="preprocess_pipeline",
            pipeline_name=MetaConfig.pipeline_name_training,
        ),
    )
    ########## DataQuality stage  ##########
    report_drift(
        reference_dataset=ExternalArtifact(
            name="dataset_trn",
            pipeline_name=MetaConfig.pipeline_name_training,
        ),
        comparison_dataset=dataset_inf,
        ignored_cols=["target"],
    )
    ########## Inference stage  ##########
    predict(ExternalArtifact(name="model", alias="prod"), dataset_inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stain", type=float, default=1.0, help="factor on the texture columns, 1 for none")
    run = batch_inference(stain=parser.parse_args().stain)

    predictions: pd.Series = run.steps["predict"].output.load()
    print(f"\n{len(predictions)} new patients, {(predictions > 0.5).sum()} of them probably malignant. The clearest:")
    print(predictions.nlargest(3).round(4).to_string())

    drift: pd.DataFrame = run.steps["report_drift"].output.load()
    print(
        f"\nDrift: {drift['drifted'].sum()} of {len(drift)} columns differ from the training data. The nearest to it:"
    )
    print(drift.rename_axis(None).head(5).round(4).to_string())


if __name__ == "__main__":
    main()
