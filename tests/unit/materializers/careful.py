"""Materializers that are right, and one whose values say nothing of being equal: run by their test, not collected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

import argosy
from argosy.materializers.files import FileSink, FileSource
from argosy.testing import MaterializerContract


class Layer:
    def __init__(self, weights: Any) -> None:
        self.weights = weights


class LayerMaterializer(argosy.Materializer[Layer]):
    types = (Layer,)
    format = "layer"
    packages = ("numpy", "grpcio")  # Argosy itself has them, so neither can be missing

    def save(self, value: Layer, files: FileSink) -> None:
        files.write("weights.bin", np.ascontiguousarray(value.weights).data)  # of a layer without weights it is empty
        files.write("shape.json", json.dumps(value.weights.shape).encode())

    def load(self, files: FileSource, as_type: type[Layer] | None) -> Layer:
        try:
            return Layer(np.frombuffer(files.buffer("weights.bin")).reshape(json.loads(files.read("shape.json"))))
        except (ValueError, TypeError) as error:
            raise argosy.MaterializerError(f"these are no weights: {error}") from error


class TestLayers(MaterializerContract):
    materializer = LayerMaterializer

    def values(self) -> Mapping[str, Any]:
        return {"two": Layer(np.arange(2.0)), "none": Layer(np.zeros((0, 2)))}

    def equal(self, loaded: Any, value: Any) -> bool:
        return np.array_equal(loaded.weights, value.weights)


class TestLayersThatCannotBeCompared(TestLayers):
    equal = MaterializerContract.equal
