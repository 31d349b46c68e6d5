"""What is moved: arrays and files of random content, other ones for each seed; peers get the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

FILE_BYTES = 1024
FILES_A_FOLDER = 1000


def make_array(size: int, seed: int) -> np.ndarray[Any, Any]:
    """Return an array of ``size`` bytes; saving it twice under one seed is saving the same content."""
    array = np.empty(size // 8)
    np.random.default_rng(seed).random(out=array)
    return array


def bytes_of(array: np.ndarray[Any, Any]) -> memoryview:
    """Return the bytes of an array, without a copy."""
    whole: Any = array  # a buffer; numpy's stubs tell it only to newer Pythons
    return memoryview(whole).cast("B")


def same_array(array: np.ndarray[Any, Any], size: int, seed: int) -> None:
    """Check that an array is the one of ``seed``.

    Raises:
        SystemExit: it is another one.
    """
    generator = np.random.default_rng(seed)
    step = 1 << 20
    parts = (array[start : start + step] for start in range(0, size // 8, step))
    if array.nbytes != size or not all(np.array_equal(part, generator.random(part.size)) for part in parts):
        raise SystemExit("another array came back than was saved")


def make_files(folder: Path, count: int, seed: int) -> None:
    """Write ``count`` files of 1 KiB below ``folder``, a thousand in each sub-folder."""
    generator = np.random.default_rng(seed)
    for number in range(count):
        file = folder / f"part-{number // FILES_A_FOLDER}" / f"{number:05}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(generator.bytes(FILE_BYTES))


def same_files(one: Path, other: Path) -> None:
    """Check that two folders hold the same files.

    Raises:
        SystemExit: they do not.
    """
    if _files(one) != _files(other):
        raise SystemExit(f"{one} does not hold the files of {other}")


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
