"""Arrow's threads must hold nothing of Python's when the interpreter ends: letting it go then aborts the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SAVE_AND_LOAD = """
import os, sys
import numpy as np, pandas as pd, pyarrow.parquet
import argosy

def threads() -> int:
    return len(os.listdir("/proc/self/task"))

frame = pd.DataFrame(np.arange(12_000.0).reshape(400, 30)).add_prefix("column")
before = threads()
argosy.save_artifact(frame, "frame")
assert argosy.load_artifact("frame").equals(frame)
print(threads() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system does not tell a process its threads")
def test_a_small_frame_is_kept_and_read_without_threads_of_arrow(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAVE_AND_LOAD],
        env={"ARGOSY_HOME": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0\n"
