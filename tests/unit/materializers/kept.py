"""Values kept in memory: a file source over what a sink collected, and type-exact equality."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from argosy.materializers.files import FileSink, FileSource
from argosy.materializers.registry import MaterializerChoice, SavedValue, load_value, save_value
from tests.unit.materializers import samples


class MemorySource:
    """Serves the files of a sink as they are."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self._contents = contents

    @property
    def paths(self) -> Sequence[str]:
        return tuple(self._contents)

    def size(self, path: str) -> int:
        return len(self._contents[path])

    def read(self, path: str) -> bytes:
        return self._contents[path]

    def open(self, path: str) -> BinaryIO:
        return io.BytesIO(self._contents[path])

    def buffer(self, path: str) -> memoryview:
        return memoryview(bytearray(self._contents[path]))

    def fetch(self, directory: Path) -> None:
        for path, content in self._contents.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_bytes(content)

    def child(self, directory: str) -> FileSource:
        prefix = f"{directory}/"
        inside = {path[len(prefix) :]: data for path, data in self._contents.items() if path.startswith(prefix)}
        return MemorySource(inside)


@dataclass
class Kept:
    """A saved value: what is recorded about it, and its files."""

    saved: SavedValue
    files: dict[str, bytes]

    def load(self, *, as_type: Any = None, allow_pickle: bool = False, **changed: Any) -> Any:
        recorded: dict[str, Any] = {
            "materializer": self.saved.materializer,
            "data_type": self.saved.data_type,
            "format": self.saved.format,
        }
        return load_value(MemorySource(self.files), as_type=as_type, allow_pickle=allow_pickle, **(recorded | changed))


def keep(value: object, *, allow_pickle: bool = False, materializer: MaterializerChoice | None = None) -> Kept:
    sink = FileSink()
    try:
        saved = save_value(value, sink, materializer=materializer, allow_pickle=allow_pickle)
        return Kept(saved, {file.path: b"".join(bytes(chunk) for chunk in file.chunks()) for file in sink.files})
    finally:
        sink.close()


def roundtrip(value: object, *, allow_pickle: bool = False, as_type: Any = None) -> Any:
    return keep(value, allow_pickle=allow_pickle).load(as_type=as_type, allow_pickle=allow_pickle)


def same(left: Any, right: Any) -> bool:
    """Equal and of the same type, all the way down; NaN equals NaN, 0.0 differs from -0.0."""
    if type(left) is not type(right):
        return False
    for kinds, compare in _COMPARISONS:
        if isinstance(left, kinds):
            return compare(left, right)
    if left != left:
        return repr(left) == repr(right)
    return bool(left == right)


def _same_array(left: Any, right: Any) -> bool:
    return bool(left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes())


def _same_float(left: float, right: float) -> bool:
    if math.isnan(left):
        return math.isnan(right)
    return left == right and math.copysign(1, left) == math.copysign(1, right)


def _same_dict(left: Any, right: Any) -> bool:
    factories = [getattr(value, "default_factory", None) for value in (left, right)]
    return factories[0] is factories[1] and _same_items(list(left.items()), list(right.items()))


def _same_sequence(left: Any, right: Any) -> bool:
    return getattr(left, "maxlen", None) == getattr(right, "maxlen", None) and _same_items(list(left), list(right))


def _same_set(left: Any, right: Any) -> bool:
    waiting = list(right)
    for item in left:
        found = next((index for index, other in enumerate(waiting) if same(item, other)), None)
        if found is None:
            return False
        del waiting[found]
    return not waiting


def _same_moment(left: Any, right: Any) -> bool:
    return bool(left == right and left.fold == right.fold and repr(left.tzinfo) == repr(right.tzinfo))


def _same_object(left: Any, right: Any) -> bool:
    return same(vars(left), vars(right))


def _same_items(left: list[Any], right: list[Any]) -> bool:
    return len(left) == len(right) and all(map(same, left, right))


_COMPARISONS: list[tuple[tuple[type, ...], Callable[[Any, Any], bool]]] = [
    ((np.ndarray,), _same_array),
    ((float,), _same_float),
    ((complex,), lambda left, right: same(left.real, right.real) and same(left.imag, right.imag)),
    ((dict,), _same_dict),
    ((list, tuple, deque), _same_sequence),
    ((set, frozenset), _same_set),
    ((type(pd.NaT),), lambda left, right: left is right),
    ((dt.datetime, dt.time), _same_moment),
    ((samples.Box,), _same_object),
]
