"""One client of ZenML, run by the interpreter of ZenML's own environment; prints its times as JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from zenml import load_artifact, save_artifact  # type: ignore[import-not-found]  # lives in an environment of its own
from zenml.integrations.numpy.materializers.numpy_materializer import (  # type: ignore[import-not-found]  # as above
    NumpyMaterializer,
)

from bench.transfer.contents import make_array, same_array
from bench.transfer.warm import NEEDED, warm_memory


def main() -> None:
    """Warm both ways up, then save and load in both."""
    size, seed = int(sys.argv[1]), int(sys.argv[2])
    ways = {"": NumpyMaterializer, "pickle_": None}
    for materializer in ways.values():
        _save_and_load(np.zeros(1 << 19), materializer)
    array = make_array(size, seed)
    figures: dict[str, float] = {}
    for prefix, materializer in ways.items():
        warm_memory(NEEDED * size)
        saved, loaded, value = _save_and_load(array, materializer)
        same_array(value, size, seed)
        figures |= {f"{prefix}save": saved, f"{prefix}load": loaded}
    print()
    print(json.dumps(figures))


def _save_and_load(array: Any, materializer: Any) -> tuple[float, float, Any]:
    started = time.perf_counter()
    version = save_artifact(array, "array", materializer=materializer)
    saved = time.perf_counter() - started
    warm_memory(NEEDED * array.nbytes)
    started = time.perf_counter()
    value = load_artifact(version.id)
    return saved, time.perf_counter() - started, value


if __name__ == "__main__":
    main()
