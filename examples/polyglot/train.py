"""Trains a classifier, has Go score all patients in the same run, and promotes it: ``train.py ITERATIONS SCORER``.

``SCORER`` is the program of go/score. Published are the weights (``npy``), the same model as a file (ONNX), and a
``json`` document, which names the versions of both, so that a service swaps them at once.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_breast_cancer

import argosy

data = load_breast_cancer()


def onnx_model(**parts: Any) -> onnx.ModelProto:
    """The classifier as a graph, its numbers inside."""
    width = len(parts["weights"])
    graph = helper.make_graph(
        [
            helper.make_node("Sub", ["patients", "mean"], ["centered"]),
            helper.make_node("Div", ["centered", "scale"], ["rows"]),
            helper.make_node("MatMul", ["rows", "weights"], ["products"]),
            helper.make_node("Add", ["products", "bias"], ["scores"]),
            helper.make_node("Sigmoid", ["scores"], ["probabilities"]),
        ],
        "classifier",
        [helper.make_tensor_value_info("patients", TensorProto.DOUBLE, ["count", width])],
        [helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, ["count"])],
        [numpy_helper.from_array(np.asarray(part), name) for name, part in parts.items()],
    )
    # Versions that runtimes of the last years read.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


@argosy.step(enable_cache=False)  # the Go step takes the run from the version that this one makes
def train(patients: np.ndarray, iterations: int) -> Annotated[dict[str, Any], "classifier"]:
    """Fit a logistic regression by gradient descent."""
    mean, scale = patients.mean(axis=0), patients.std(axis=0)
    rows = (patients - mean) / scale
    weights, bias = np.zeros(rows.shape[1]), 0.0
    for _ in range(iterations):
        wrong = 1 / (1 + np.exp(-(rows @ weights + bias))) - data.target
        weights -= 0.1 * rows.T @ wrong / len(rows)
        bias -= 0.1 * float(wrong.mean())
    saved = argosy.save_artifact(weights, "classifier_weights")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "classifier.onnx"
        onnx.save(onnx_model(mean=mean, scale=scale, weights=weights, bias=bias), path)
        saved_file = argosy.save_artifact(path, "classifier_onnx")
    versions = {"weights_version": saved.version, "onnx_version": saved_file.version}
    return {**versions, "bias": bias, "mean": mean.tolist(), "scale": scale.tolist()}


@argosy.pipeline
def training(iterations: int, scorer: str) -> None:
    """Train, then score in Go."""
    argosy.value_of(train(argosy.ExternalArtifact(name="patients"), iterations))  # runs it now
    subprocess.run([scorer, argosy.get_artifact("classifier").version], check=True)


if __name__ == "__main__":
    argosy.save_artifact(data.data, "patients")
    run = training(int(sys.argv[1]), sys.argv[2])
    right = ((argosy.load_artifact("scores") > 0.5) == data.target).mean()
    model = run.steps["train"].output
    model.set_alias("prod")
    print(f"classifier {model.version} is prod: Go tells {right:.1%} of {len(data.target)} patients right")
