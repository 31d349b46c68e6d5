"""Compares the patients of the last inference with those of training: Evidently's report, kept as an artifact.

    make demo-data-quality
    .venv-data-quality/bin/python examples/breast_cancer/data_quality.py

Evidently runs on pandas 2, the other two programs on pandas 3. So this one has an environment of its own (extra
``data-quality``), and nothing but the store connects it with them: it takes both frames from there, by names.
"""

import os
from typing import Annotated

import pandas as pd

import argosy
from argosy import ExternalArtifact


class MetaConfig:
    """What this program has to know about the other two."""

    pipeline_name_training = "breast_cancer_training"
    pipeline_name_inference = "breast_cancer_batch_inference"


@argosy.step
def evidently_report(
    reference_dataset: pd.DataFrame, comparison_dataset: pd.DataFrame, ignored_cols: list[str]
) -> Annotated[argosy.HTMLString, "data_quality_report"]:
    """Describe each column of both datasets side by side, and test whether it drifted."""
    os.environ["DO_NOT_TRACK"] = "1"  # Evidently reads it when it is imported, and then tells nobody that it is used
    from evidently import Report
    from evidently.presets import DataDriftPreset, DataSummaryPreset

    reference = reference_dataset.drop(columns=ignored_cols)
    comparison = comparison_dataset.drop(columns=ignored_cols, errors="ignore")
    report = Report([DataSummaryPreset(), DataDriftPreset()]).run(comparison, reference)
    return argosy.HTMLString(report.get_html_str(as_iframe=False))


@argosy.pipeline(name="breast_cancer_data_quality")
def data_quality() -> None:
    ########## DataQuality stage  ##########
    evidently_report(
        reference_dataset=ExternalArtifact(
            name="dataset_trn",
            pipeline_name=MetaConfig.pipeline_name_training,
        ),
        comparison_dataset=ExternalArtifact(
            name="dataset_inf",
            pipeline_name=MetaConfig.pipeline_name_inference,
        ),
        ignored_cols=["target"],
    )


def main() -> None:
    report = data_quality().steps["evidently_report"].output
    print(f"\n{report.name} {report.version} is a page of {report.size_bytes / 1e6:.1f} MB. To look at it:")
    print(f"  argosy artifact preview {report.name} --scripts")


if __name__ == "__main__":
    main()
