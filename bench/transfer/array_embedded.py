"""The large array in the embedded store, against ``cp`` on the same disk and against ZenML."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.child import environment
from bench.transfer.contents import make_array
from bench.transfer.line import Line, at_least, at_most
from bench.transfer.processes import Client
from bench.transfer.rounds import Side, attempt, take_turns
from bench.transfer.setting import Setting
from bench.transfer.warm import NEEDED, warm_memory
from bench.transfer.zenml_peer import zenml_array


def measure(setting: Setting) -> list[Line]:
    """Save and load once a round; each round has a store of its own."""
    size = setting.array_bytes
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sides = {"argosy": _argosy(size), "cp": _copy(folder, size)}
        if setting.venvs:
            venvs = setting.venvs
            sides["zenml"] = attempt(lambda: stack.enter_context(zenml_array(venvs, size)))
        samples = take_turns(sides, setting.rounds, warm_up=setting.warm_up)
    save, load = f"save {setting.array}, embedded", f"load {setting.array}, embedded"
    lines = [
        samples.line(save, "argosy.save", "cp", "cp.seconds", at_most(1.2)),
        samples.line(load, "argosy.load", "cp", "cp.seconds", at_most(0.7)),
    ]
    if setting.venvs:
        lines += [
            samples.line(save, "argosy.save", "ZenML save, npy", "zenml.save", at_least(8)),
            samples.line(save, "argosy.save", "ZenML save, pickle", "zenml.pickle_save"),
            samples.line(load, "argosy.load", "ZenML load, npy", "zenml.load", at_least(4)),
            samples.line(load, "argosy.load", "ZenML load, pickle", "zenml.pickle_load"),
        ]
    return lines


def _argosy(size: int) -> Side:
    def side(seed: int) -> Mapping[str, float]:
        with tempfile.TemporaryDirectory() as home:
            return Client.of_argosy(environment(Path(home)), "array", f"--bytes={size}", f"--seed={seed}").answer()

    return side


def _copy(folder: Path, size: int) -> Side:
    source, target = folder / "source", folder / "target"

    def side(seed: int) -> Mapping[str, float]:
        make_array(size, seed).tofile(source)
        warm_memory(NEEDED * size)
        started = time.perf_counter()
        subprocess.run(["cp", str(source), str(target)], check=True)
        seconds = time.perf_counter() - started
        source.unlink()
        target.unlink()
        return {"seconds": seconds}

    return side
