"""Neither saving nor loading a large value takes a second copy of it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from argosy.materializers.files import FileSink
from argosy.materializers.numpy_statistics import statistics
from argosy.materializers.registry import load_value, save_value
from tests.unit.materializers.kept import MemorySource

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
