"""Running benches that compare, one after the other, in a folder that is removed."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from bench.child import compile_sources
from bench.transfer.line import Line
from bench.transfer.table import are_kept, tell

S = TypeVar("S")
WHERE = "What is written lies in the temporary directory: TMPDIR chooses the file system that is measured."


def run(
    benches: Mapping[str, Callable[[S], list[Line]]], chosen: Iterable[str], setting: S, rounds: int, *, as_json: bool
) -> None:
    """Measure and tell; the exit code is 1 when a promise is broken or a side could not be measured."""
    compile_sources()
    # Stopped from outside it ends as ever: what it started is ended, what it wrote is removed.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="argosy-bench-") as folder:
        tempfile.tempdir = folder
        for name in chosen:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            began = time.monotonic()
            lines += _measured(name, benches[name], setting)
            print(f"  took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    tell(lines, rounds, as_json=as_json)
    sys.exit(0 if are_kept(lines) else 1)


def _measured(name: str, bench: Callable[[S], list[Line]], setting: S) -> list[Line]:
    try:
        return bench(setting)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return [Line(name, "", error=f"{type(error).__name__}: {error}")]
