"""A materializer with every flaw the contract looks for, and the contract over it: run by its test, not collected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import argosy
from argosy.materializers.files import FileSink, FileSource
from argosy.testing import MaterializerContract


class Samples:
    def __init__(self, numbers: Any) -> None:
        self.numbers = numbers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Samples) and np.array_equal(self.numbers, other.numbers)

    __hash__ = None  # type: ignore[assignment]  # compares by content


class CarelessMaterializer(argosy.Materializer[Samples]):
    types = (Samples,)
    format = "careless"
    packages = ("skops",)  # which it does not need

    def save(self, value: Samples, files: FileSink) -> None:
        files.write("numbers", bytes(value.numbers))
        files.write("again", bytes(value.numbers))

    def load(self, files: FileSource, as_type: type[Samples] | None) -> Samples:
        content = files.open("numbers").read(files.size("numbers") - 1)  # never the last byte, never the other file
        copies = [np.frombuffer(content, np.uint8).copy() for _ in range(2)]
        return Samples(copies[0])

    def extract_metadata(self, value: Samples) -> dict[str, Any]:
        raise ValueError("nothing to say")


class TestCareless(MaterializerContract):
    materializer = CarelessMaterializer

    def values(self) -> Mapping[str, Any]:
        return {"a few": Samples(np.arange(100, dtype=np.uint8))}

    def large_value(self) -> Any:
        return Samples(np.ones(72 << 20, np.uint8))

    def size_bytes(self, value: Any) -> int:
        return int(value.numbers.nbytes)
