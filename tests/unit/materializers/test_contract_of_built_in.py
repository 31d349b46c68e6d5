"""The materializers that ship with Argosy keep the contract that users' own are proved with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from argosy.testing import MaterializerContract
from tests.unit.materializers.kept import same

LARGE = 9_000_000
"""So many numbers of 8 bytes are more than 64 MiB."""


class TestJson(MaterializerContract):
    def values(self) -> Mapping[str, Any]:
        return {"nothing": None, "nested": {"a": [1, (2.5, None)], "b": {3, "x"}}, "bytes inside": [1, {"w": [b"x"]}]}

    def large_value(self) -> Any:
        return {"weights": [np.arange(LARGE)], "epoch": 3}

    def size_bytes(self, value: Any) -> int:
        return int(value["weights"][0].nbytes)

    def equal(self, loaded: Any, value: Any) -> bool:
        return same(loaded, value)


class TestTextBytesAndDirectories(MaterializerContract):
    opaque_files = ("data.txt", "data.bin", "content/*")

    def values(self) -> Mapping[str, Any]:
        folder = self.folder / "weights"
        (folder / "deep" / "empty").mkdir(parents=True)
        (folder / "a.bin").write_bytes(b"a" * 1000)
        (folder / "deep" / "b.txt").write_text("b")
        return {"no text": "", "lines": "a\r\nü\n", "no bytes": b"", "bytes": b"\x00\xff", "a tree": folder}

    def large_value(self) -> Any:
        return "line\n" * (16 << 20)

    def size_bytes(self, value: Any) -> int:
        return len(value)

    def equal(self, loaded: Any, value: Any) -> bool:
        if isinstance(value, Path):
            return _tree(loaded) == _tree(value) and loaded.name == value.name
        return bool(loaded == value)


class TestArrays(MaterializerContract):
    def values(self) -> Mapping[str, Any]:
        return {"numbers": np.arange(6.0).reshape(2, 3), "empty": np.zeros((0, 2), "<i4"), "NaN": np.array([np.nan])}

    def large_value(self) -> Any:
        return np.arange(LARGE)


class TestFrames(MaterializerContract):
    needs = ("pandas", "pyarrow")

    def values(self) -> Mapping[str, Any]:
        kinds = pd.Categorical(["low", "high", None])
        moments = pd.to_datetime(["2026-01-01", "", "2026-01-03"], utc=True)
        return {
            "rich": pd.DataFrame({"kind": kinds, "moment": moments, "n": pd.array([1, None, 3], "Int64")}),
            "empty": pd.DataFrame({"a": []}),
        }

    def large_value(self) -> Any:
        return pd.DataFrame({"a": np.arange(LARGE), "b": np.arange(LARGE) / 7})

    def equal(self, loaded: pd.DataFrame, value: pd.DataFrame) -> bool:
        pd.testing.assert_frame_equal(loaded, value)
        return True

    def size_bytes(self, value: pd.DataFrame) -> int:
        return int(value.memory_usage().sum())


class TestEstimators(MaterializerContract):
    # No large value: skops writes and reads arrays by way of memory, which holds them twice.

    def values(self) -> Mapping[str, Any]:
        x = np.arange(40.0).reshape(20, 2)
        return {"fitted": LogisticRegression(C=0.5).fit(x, x[:, 0] > 20), "not fitted": LogisticRegression()}

    def equal(self, loaded: Any, value: Any) -> bool:
        ours, theirs = vars(value), vars(loaded)
        return list(ours) == list(theirs) and all(np.array_equal(ours[name], theirs[name]) for name in ours)


def _tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
