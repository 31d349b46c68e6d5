"""A directory of many small files as one artifact, against MLflow with a tenth of them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Line, at_least
from bench.transfer.mlflow_peer import mlflow_directory
from bench.transfer.processes import Client, files_in_memory
from bench.transfer.rounds import Side, attempt, take_turns
from bench.transfer.setting import Setting


def measure(setting: Setting) -> list[Line]:
    """Save and load once a round; what MLflow takes counts for as many files."""
    with contextlib.ExitStack() as stack:
        sides = {"argosy": _argosy(setting.files)}
        if setting.venvs:
            venvs = setting.venvs
            sides["mlflow"] = attempt(lambda: stack.enter_context(mlflow_directory(venvs, setting.peer_files)))
        samples = take_turns(sides, setting.rounds, warm_up=setting.warm_up)
    save, load = f"save {setting.files} files of 1 KiB, gRPC", f"load {setting.files} files of 1 KiB, gRPC"
    lines = [samples.promise(save, "argosy.save", 4.0), samples.promise(load, "argosy.load", 3.0)]
    lines.append(samples.line(load, "argosy.load", "the files written by hand", "argosy.by hand"))
    if setting.venvs:
        times = setting.files / setting.peer_files
        share = f"{times:g} times MLflow, {setting.peer_files}"
        lines += [
            samples.line(save, "argosy.save", f"{share} logged", "mlflow.save", at_least(8), times=times),
            samples.line(load, "argosy.load", f"{share} downloaded", "mlflow.load", times=times),
        ]
    return lines


def _argosy(files: int) -> Side:
    def side(seed: int) -> Mapping[str, float]:
        with fresh_server() as fresh:
            folder = fresh.scratch / "files"
            options = (f"--files={files}", f"--folder={folder}", f"--seed={seed}", "--tuned")
            return Client.of_argosy(files_in_memory(fresh.env()), "directory", *options).answer()

    return side
