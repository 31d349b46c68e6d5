"""The benches run and tell what they measured; whether a promise is kept is for a quiet machine to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import BENCHES

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = {
    "start-up": 4,
    "server-ready": 2,
    "command-line": 4,
    "small-objects": 4,
    "five-steps": 3,
    "steps": 3,
    "log-capture": 4,
    "large-array": 9,
    "large-frame": 8,
    "latest-versions": 20,
    "lineage": 4,
    "watchers": 3,
}


def test_every_bench_is_tried() -> None:
    assert NUMBERS.keys() == BENCHES.keys()


@pytest.mark.parametrize("name", NUMBERS)
def test_a_bench_measures_in_a_quick_round(name: str) -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--json", "--only", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    results = json.loads(done.stdout)
    assert len(results) == NUMBERS[name], done.stderr
    assert done.returncode == (1 if any(result["ratio"] and result["ratio"] > 1 for result in results) else 0)
    assert [
        result["name"]
        for result in results
        if not result["samples"] or result["unit"] not in {"ms", "s", "MiB", "%", "threads"}
    ] == []
