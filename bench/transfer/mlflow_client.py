"""One client of MLflow, run by the interpreter of MLflow's own environment; prints its times as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import mlflow  # type: ignore[import-not-found]  # lives in an environment of its own
import numpy as np

from bench.transfer.contents import make_array, make_files, same_array, same_files
from bench.transfer.warm import NEEDED, warm_memory

WARM_UPS = 8
"""The server has four workers, and any of them may get a request."""

_download: Any = mlflow.artifacts.download_artifacts


def main() -> None:
    """Warm up with a small file, then do the work."""
    work, amount, seed, scratch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    with mlflow.start_run() as run:
        small = scratch / "small.npy"
        np.save(small, np.zeros(1 << 19))
        for number in range(WARM_UPS):
            mlflow.log_artifact(str(small))
            _download(run_id=run.info.run_id, artifact_path=small.name, dst_path=str(scratch / f"warm-up-{number}"))
        done = (_array if work == "array" else _directory)(run.info.run_id, amount, seed, scratch)
    print()
    print(json.dumps(done))


def _array(run_id: str, size: int, seed: int, scratch: Path) -> dict[str, float]:
    file = scratch / "array.npy"
    np.save(file, make_array(size, seed))
    warm_memory(NEEDED * size)
    started = time.perf_counter()
    mlflow.log_artifact(str(file))
    saved = time.perf_counter() - started
    file.unlink()
    warm_memory(NEEDED * size)
    started = time.perf_counter()
    array = np.load(_download(run_id=run_id, artifact_path=file.name, dst_path=str(scratch)))
    loaded = time.perf_counter() - started
    same_array(array, size, seed)
    return {"save": saved, "load": loaded}


def _directory(run_id: str, count: int, seed: int, scratch: Path) -> dict[str, float]:
    folder = scratch / "files"
    make_files(folder, count, seed)
    warm_memory(256 << 20)
    started = time.perf_counter()
    mlflow.log_artifacts(str(folder), "files")
    saved = time.perf_counter()
    loaded = _download(run_id=run_id, artifact_path="files", dst_path=str(scratch / "back"))
    ended = time.perf_counter()
    same_files(Path(loaded), folder)
    return {"save": saved - started, "load": ended - saved}


if __name__ == "__main__":
    main()
