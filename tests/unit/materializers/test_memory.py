"""Neither saving nor loading a large value takes a second copy of it."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from argosy.materializers.array_family.statistics import statistics
from argosy.materializers.files import FileSink
from argosy.materializers.registry import load_value, save_value
from tests.unit.materializers.kept import MemorySource, roundtrip

ARRAY_BYTES = 200 << 20
SLACK_BYTES = 16 << 20


class LargeSource(MemorySource):
    """One ``npy`` file of the wanted size, whose data are zeros."""

    def size(self, path: str) -> int:
        return len(self.read(path)) + ARRAY_BYTES

    def buffer(self, path: str) -> memoryview:
        memory = np.zeros(self.size(path), np.uint8).data
        header = self.read(path)
        memory[: len(header)] = header
        return memory


def peak_of(action: Callable[[], object]) -> int:
    """Most bytes that were held at once by what ``action`` allocated; numpy reports its buffers too."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_saving_a_large_array_takes_no_second_copy(layout: str) -> None:
    side = 5 << 10
    array = np.zeros((side, side), order="F" if layout == "F" else "C")
    if layout == "strided":
        array = np.zeros((side, 2 * side))[:, ::2]
    assert array.nbytes == ARRAY_BYTES
    sink = FileSink()

    def save() -> None:
        save_value(array, sink, allow_pickle=False)
        for file in sink.files:
            assert file.size_bytes == ARRAY_BYTES + 128
            for _ in file.chunks():
                pass

    try:
        assert peak_of(save) < SLACK_BYTES
    finally:
        sink.close()


def test_saving_a_large_sparse_array_of_coordinates_copies_none_of_them() -> None:
    count = 5 << 20
    places = np.zeros((2, count), np.int32)
    value = sp.coo_array((np.zeros(count), tuple(places)), shape=(1, 1))
    sink = FileSink()
    assert peak_of(lambda: save_value(value, sink, allow_pickle=False)) < SLACK_BYTES < places.nbytes
    assert [file.size_bytes for file in sink.files if "coords" in file.path] == [places.nbytes + 128]


def test_loading_a_large_array_takes_no_second_copy() -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (26214400,), }".ljust(117) + b"\n"
    source = LargeSource({"data.npy": b"\x93NUMPY\x01\x00\x76\x00" + header})

    def load() -> None:
        array = load_value(
            source, materializer="argosy.numpy", data_type="numpy:ndarray", format="npy", allow_pickle=False
        )
        assert isinstance(array, np.ndarray)
        assert (array.nbytes, bool(array.any())) == (ARRAY_BYTES, False)

    peak = peak_of(load)
    assert ARRAY_BYTES <= peak < ARRAY_BYTES + SLACK_BYTES


def test_statistics_of_a_large_array_take_no_temporary_of_its_size() -> None:
    array = np.zeros(ARRAY_BYTES // 8)
    assert peak_of(lambda: statistics(array)) < SLACK_BYTES


def test_large_frame_goes_through_the_disk_and_comes_back() -> None:
    numbers = np.random.default_rng(0).integers(0, 2**62, 5_000_000)
    frame = pd.DataFrame({"a": numbers})
    sink = FileSink()
    try:
        saved = save_value(frame, sink, allow_pickle=False)
        (file,) = sink.files
        assert file.local_path is not None
        source = MemorySource({file.path: file.local_path.read_bytes()})
    finally:
        sink.close()
    assert not file.local_path.exists()
    back = load_value(
        source, materializer=saved.materializer, data_type=saved.data_type, format=saved.format, allow_pickle=False
    )
    assert isinstance(back, pd.DataFrame)
    pd.testing.assert_frame_equal(back, frame)


FRAMES = """
import json, re, sys
from pathlib import Path
import numpy as np, pandas as pd, pyarrow as pa
import argosy

def held(field):
    return int(re.search(field + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) << 10

def frame(rows):
    numbers = np.random.default_rng(3).integers(0, 2**40, rows)
    texts = np.empty(rows, dtype=object)
    for row, number in enumerate(numbers):
        texts[row] = f"{number:015d}"
    return pd.DataFrame({
        "float": numbers / 7,
        "int": numbers,
        "Int64": pd.array(numbers, "Int64"),
        "flag": numbers % 2 == 0,
        "category": pd.Categorical.from_codes(numbers % 3, ["low", "middle", "high"]),
        "moment": pd.to_datetime(numbers, unit="ms", utc=True).tz_convert("Europe/Berlin"),
        "text": pd.Series(texts, dtype=object),
        "word": pd.Series(texts, dtype="string"),
    }, index=pd.Index(numbers))

argosy.save_artifact(frame(10), "warm")
argosy.load_artifact("warm")
if sys.argv[1] == "save":
    value = frame(2_600_000)
    pa.default_memory_pool().release_unused()
    before = held("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    argosy.save_artifact(value, "large")
    size = 0
else:
    before = held("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    value = argosy.load_artifact("large")
    size = int(value.memory_usage(deep=True).sum())
print(json.dumps({"size": int(value.memory_usage(deep=True).sum()), "excess": held("VmHWM") - before - size}))
"""


def in_a_child(script: str, *arguments: str, home: Path) -> Any:
    """What a fresh process prints: Arrow's memory is none that Python knows of, so the system has to tell it."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={"ARGOSY_HOME": str(home), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system does not tell a process its peak")
def test_a_large_frame_is_saved_and_loaded_without_a_second_copy(tmp_path: Path) -> None:
    saved = in_a_child(FRAMES, "save", home=tmp_path)
    loaded = in_a_child(FRAMES, "load", home=tmp_path)
    assert saved["size"] > 200 << 20
    assert saved["excess"] < 64 << 20
    assert loaded["excess"] < 64 << 20


def test_large_text_is_written_without_its_bytes_in_memory() -> None:
    text = "line\r\n" * (20 << 20)
    sink = FileSink()
    try:
        assert peak_of(lambda: save_value(text, sink, allow_pickle=False)) < SLACK_BYTES
        (file,) = sink.files
        assert file.size_bytes == len(text)
    finally:
        sink.close()


def test_large_text_comes_back_with_its_line_ends() -> None:
    text = "\ré\r\n€\U0001f600" * (4 << 20)
    assert roundtrip(text) == text
