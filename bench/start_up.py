"""What it costs to import the client, over a Python that imports nothing."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from bench.child import ROOT, environment, seconds_of
from bench.result import Effort, Result

BARE = "pass"
IMPORTED = "import argosy"
USED = "from argosy import Client, ExternalArtifact, load_artifact, pipeline, save_artifact, step"
STATUS = "print(open('/proc/self/status').read())"


def measure(effort: Effort) -> list[Result]:
    """Import in turns with the bare interpreter, so that a busy machine slows both alike."""
    milliseconds: dict[str, list[float]] = {IMPORTED: [], USED: []}
    mebibytes: dict[str, list[float]] = {IMPORTED: [], USED: []}
    with tempfile.TemporaryDirectory() as scratch:
        env = environment(Path(scratch))
        for code in (BARE, IMPORTED, USED):
            seconds_of([sys.executable, "-c", code], env)
        for _ in range(effort.rounds * 2 + 1):
            bare_seconds, bare_peak = seconds_of([sys.executable, "-c", BARE], env), _peak_mebibytes(BARE, env)
            for code in (IMPORTED, USED):
                milliseconds[code].append((seconds_of([sys.executable, "-c", code], env) - bare_seconds) * 1000)
                mebibytes[code].append(_peak_mebibytes(code, env) - bare_peak)
    return [
        Result("import argosy", milliseconds[IMPORTED], "ms", 150),
        Result("import argosy, memory", mebibytes[IMPORTED], "MiB", 40e6 / 2**20),
        Result("from argosy import step, …", milliseconds[USED], "ms"),
        Result("from argosy import step, …, memory", mebibytes[USED], "MiB"),
    ]


def _peak_mebibytes(code: str, env: dict[str, str]) -> float:
    """Let the child print its own status: importing anything to look would count too."""
    command = [sys.executable, "-c", f"{code}\n{STATUS}"]
    status = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
