"""Trains a classifier and publishes it, so that services in any language can serve it: ``train.py [iterations]``.

The weights are an array (``npy``); all else a service needs is a ``json`` document, which names the version of the
weights, so that both are swapped at once. The alias ``prod`` moves when both are there.
"""

import sys

import numpy as np
from sklearn.datasets import load_breast_cancer

import argosy

iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 50
data = load_breast_cancer()
mean, scale = data.data.mean(axis=0), data.data.std(axis=0)
rows = (data.data - mean) / scale
weights, bias = np.zeros(rows.shape[1]), 0.0
for _ in range(iterations):
    wrong = 1 / (1 + np.exp(-(rows @ weights + bias))) - data.target
    weights -= 0.1 * rows.T @ wrong / len(rows)
    bias -= 0.1 * float(wrong.mean())

saved = argosy.save_artifact(weights, name="classifier_weights")
model = argosy.save_artifact(
    {"weights_version": saved.version, "bias": bias, "mean": mean.tolist(), "scale": scale.tolist()},
    name="classifier",
)
model.set_alias("prod")
right = ((rows @ weights + bias > 0) == data.target).mean()
print(f"classifier {model.version} is prod: {right:.1%} of {len(rows)} patients are told right")
