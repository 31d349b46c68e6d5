"""Trains a classifier of breast tumours and leaves everything inference needs in the store.

    python examples/breast_cancer/training.py

The data is scikit-learn's copy of the Wisconsin diagnostic data set: 569 patients, 30 numbers each,
measured on cell nuclei. The first 455 patients are for training; the others arrive later, in
``batch_inference.py``.
"""

from typing import Annotated

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PowerTransformer

import argosy

KNOWN_PATIENTS = 455
REQUIRED_AUC = 0.98


@argosy.step
def load_data() -> Annotated[pd.DataFrame, "patients"]:
    frame: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return frame.iloc[:KNOWN_PATIENTS]


@argosy.step
def split(
    patients: pd.DataFrame, test_size: float, seed: int
) -> tuple[Annotated[pd.DataFrame, "raw_trn"], Annotated[pd.DataFrame, "raw_tst"]]:
    raw_trn, raw_tst = train_test_split(patients, test_size=test_size, random_state=seed, stratify=patients["target"])
    return raw_trn, raw_tst


@argosy.step
def preprocess(
    raw_trn: pd.DataFrame, raw_tst: pd.DataFrame
) -> tuple[
    Annotated[pd.DataFrame, "dataset_trn"],
    Annotated[pd.DataFrame, "dataset_tst"],
    Annotated[Pipeline, "preprocess_pipeline"],
]:
    """Fit on the training rows alone, so that nothing of the test rows leaks into the numbers."""
    preprocess_pipeline = Pipeline([("impute", KNNImputer()), ("normalize", PowerTransformer())])
    preprocess_pipeline.set_output(transform="pandas").fit(raw_trn.drop(columns="target"))

    def apply(raw: pd.DataFrame) -> pd.DataFrame:
        features: pd.DataFrame = preprocess_pipeline.transform(raw.drop(columns="target"))
        return features.assign(target=raw["target"])

    return apply(raw_trn), apply(raw_tst), preprocess_pipeline


@argosy.step
def train(dataset_trn: pd.DataFrame, regularization: float) -> Annotated[LogisticRegression, "model"]:
    model = LogisticRegression(C=regularization, max_iter=1000)
    return model.fit(dataset_trn.drop(columns="target"), dataset_trn["target"])


@argosy.step
def evaluate(model: LogisticRegression, dataset_tst: pd.DataFrame) -> Annotated[dict[str, float], "metrics"]:
    features, target = dataset_tst.drop(columns="target"), dataset_tst["target"]
    predicted = model.predict(features)
    return {
        "accuracy": float(accuracy_score(target, predicted)),
        "auc": float(roc_auc_score(target, model.predict_proba(features)[:, 1])),
        "recall_malignant": float(recall_score(target, predicted, pos_label=0)),
    }


@argosy.pipeline(name="breast_cancer_training")
def training(test_size: float = 0.25, regularization: float = 0.1, seed: int = 7) -> None:
    patients = load_data()
    raw_trn, raw_tst = split(patients, test_size, seed)
    dataset_trn, dataset_tst, _ = preprocess(raw_trn, raw_tst)
    model = train(dataset_trn, regularization)
    evaluate(model, dataset_tst)


def main() -> None:
    run = training()
    metrics: dict[str, float] = run.steps["evaluate"].output.load()
    print("\nOn patients the model has not seen:")
    for name, value in metrics.items():
        print(f"  {name:<18}{value:7.3f}")
    model = run.steps["train"].output
    if metrics["auc"] < REQUIRED_AUC:
        raise SystemExit(f"AUC {metrics['auc']:.3f} is below {REQUIRED_AUC}: {model.name} {model.version} stays unused")
    model.set_alias("prod")
    print(f"{model.name} {model.version} is 'prod' now; batch_inference.py takes it from the store.")


if __name__ == "__main__":
    main()
