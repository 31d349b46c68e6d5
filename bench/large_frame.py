"""Memory of the client while a frame of 1 GiB is saved and loaded; its time is told too.

The size of a frame is ``memory_usage(deep=True)``: an object column counts its pointers and each text as if no
other row shared it, so the frame is made of texts that are not shared, and what is counted is what is held.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import memory
from bench.child import ask, environment
from bench.result import Effort, Result
from bench.running_server import serving

if TYPE_CHECKING:
    import pandas as pd

MEBI = 1 << 20
BAR = 64.0
_ROW_BYTES = 146
"""What a row of the frame takes, deep: the frame is made to come close to the wanted size."""


def measure(effort: Effort) -> list[Result]:
    """Save in one fresh process and load in another; each round has a store of its own."""
    embedded: list[dict[str, float]] = []
    remote: list[dict[str, float]] = []
    for _ in range(effort.rounds):
        with tempfile.TemporaryDirectory() as scratch:
            embedded.append(_round(effort, environment(Path(scratch))))
        with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch, "data")) as server:
            remote.append(_round(effort, environment(Path(scratch), server.url)))
    size = f"{effort.array_bytes // MEBI} MiB frame"
    results = []
    for way, rounds in (("embedded", embedded), ("gRPC", remote)):
        for work in ("save", "load"):
            samples = [figures[f"{work}_excess"] for figures in rounds]
            results.append(Result(f"{size}, {work}, {way}: memory over the frame", samples, "MiB", BAR))
            results.append(Result(f"{size}, {work}, {way}: time", [figures[work] for figures in rounds], "s"))
    return results


def _round(effort: Effort, env: dict[str, str]) -> dict[str, float]:
    size = str(effort.array_bytes)
    saved = ask("bench.large_frame", "save", size, env=env)
    loaded = ask("bench.large_frame", "load", size, env=env)
    return {
        "save": saved["seconds"],
        "save_excess": saved["excess"],
        "load": loaded["seconds"],
        "load_excess": loaded["excess"],
    }


def main() -> None:
    """Do one of both in this process and tell its time and the memory it took beyond the frame."""
    work, size = sys.argv[1], int(sys.argv[2])
    print(json.dumps(_MAIN[work](size)))


def _save(size: int) -> dict[str, float]:
    import argosy

    _warm_up()
    held = memory.now()
    frame = _frame(size)
    memory.forget_peak()  # what making the frame took for a moment
    started = time.perf_counter()
    argosy.save_artifact(frame, "large")
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "excess": memory.peak() - held - _mebibytes(frame)}


def _load(size: int) -> dict[str, float]:
    import argosy

    _warm_up()
    held = memory.now()
    started = time.perf_counter()
    frame = argosy.load_artifact("large")
    seconds = time.perf_counter() - started
    excess = memory.peak() - held - _mebibytes(frame)
    _check(frame, _frame(size))
    return {"seconds": seconds, "excess": excess}


def _warm_up() -> None:
    """Import what both need and connect: it is there before the first value and counts for none."""
    import pandas as pd

    import argosy

    argosy.save_artifact(pd.DataFrame({"a": ["x"]}), "small")
    argosy.load_artifact("small")


def _frame(size: int) -> pd.DataFrame:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    rows = size // _ROW_BYTES
    random = np.random.default_rng(7)
    numbers = random.integers(0, 2**40, rows)
    columns: dict[str, Any] = {f"float{number}": random.random(rows) for number in range(4)}
    columns["int"] = numbers
    columns["small"] = random.integers(0, 100, rows, dtype=np.int8)
    columns["flag"] = columns["float0"] < 0.5
    columns["category"] = pd.Categorical.from_codes(columns["small"] % 3, pd.Index(["low", "middle", "high"]))
    columns["moment"] = pd.to_datetime(numbers, unit="ms", utc=True).tz_convert("Europe/Berlin")
    columns["word"] = _texts(numbers).astype("str")
    columns["object"] = _texts(numbers)
    frame = pd.DataFrame(columns)
    del columns
    pa.default_memory_pool().release_unused()
    return frame


def _texts(numbers: Any) -> Any:
    """Return a column of objects, one text of 15 letters for each number, none of them shared."""
    import numpy as np
    import pandas as pd

    texts = np.empty(len(numbers), dtype=object)
    for row, number in enumerate(numbers):
        texts[row] = f"{number:015d}"
    return pd.Series(texts, dtype=object)


def _mebibytes(frame: pd.DataFrame) -> float:
    return float(frame.memory_usage(deep=True).sum()) / MEBI


def _check(found: Any, saved: Any) -> None:
    import pandas as pd

    pd.testing.assert_frame_equal(found, saved)


_MAIN: dict[str, Callable[[int], dict[str, float]]] = {"save": _save, "load": _load}


if __name__ == "__main__":
    main()
