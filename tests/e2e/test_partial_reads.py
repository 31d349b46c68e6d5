"""Parts of stored values, and files read in place: the same embedded and over a server, for few bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import argosy
from argosy.transport.connection import disconnect_all
from tests.api.server_process import ServerProcess
from tests.unit.sdk.moved_bytes import MovedBytes, count_moved_bytes

MIB = 1 << 20


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> MovedBytes:
    return count_moved_bytes(monkeypatch)


def test_rows_columns_and_files_move_about_what_is_asked(store: str, moved: MovedBytes) -> None:
    array = np.arange(8 * MIB).reshape(-1, 128)
    frame = pd.DataFrame(np.random.default_rng(1).random((100_000, 50))).add_prefix("column")
    argosy.save_artifact(array, "array")
    saved = argosy.save_artifact(frame, "frame")

    moved.reset()
    np.testing.assert_array_equal(argosy.load_artifact("array", rows=slice(60_000, 60_500)), array[60_000:60_500])
    assert moved.count <= 500 * 128 * 8 + 4096
    assert moved.others == []

    moved.reset()
    part = argosy.load_artifact("frame", columns=["column7"])
    pd.testing.assert_frame_equal(part, frame[["column7"]])
    assert moved.count < 2 * part["column7"].nbytes

    moved.reset()
    with saved.open("data.parquet") as file:
        assert pq.ParquetFile(file).metadata.num_rows == 100_000
        file.seek(saved.size_bytes // 2)
        assert len(file.read(1000)) == 1000
    assert moved.count < 300_000

    moved.reset()
    with saved.open("data.parquet") as file:
        size = file.seek(0, 2)
        file.seek(0)
        assert sum(map(len, iter(lambda: file.read(100_000), b""))) == size
    assert moved.count == size


def test_a_file_that_is_open_outlives_a_server_that_comes_back(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = np.arange(4 * MIB)
    data = tmp_path / "data"
    with ServerProcess(data) as server:
        monkeypatch.setenv("ARGOSY_SERVER", f"grpc://{server.address}")
        saved = argosy.save_artifact(array, "array")
        opened = saved.open()
        assert len(opened.read(MIB)) == MIB
        server.terminate()
        assert server.wait() == 0
    with ServerProcess(data, f"--listen={server.address}"), opened:
        assert opened.read()[-8 * MIB :] == array[-MIB:].tobytes()
        disconnect_all()


LOAD = """
import os
import numpy, pandas, pyarrow.parquet
import argosy

before = len(os.listdir("/proc/self/task"))
frame = argosy.load_artifact("frame", columns=["b"], rows=slice(10, 20))
print(frame.shape, len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system does not tell a process its threads")
def test_a_part_of_a_frame_is_read_without_threads_of_arrow(home: Path) -> None:
    argosy.save_artifact(pd.DataFrame({"a": range(1000), "b": range(1000)}), "frame")
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        env={"ARGOSY_HOME": str(home), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "(10, 1) 0\n"
