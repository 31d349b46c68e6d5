"""The large array over gRPC, against the same bytes in a bare stream and in MLflow's server."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from bench.transfer.bare import bare_side
from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Line, at_least
from bench.transfer.mlflow_peer import mlflow_array
from bench.transfer.processes import Client
from bench.transfer.rounds import Samples, Side, attempt, take_turns
from bench.transfer.setting import Setting


def measure(setting: Setting) -> list[Line]:
    """Save and load once a round in each way."""
    size = setting.array_bytes
    with contextlib.ExitStack() as stack:
        sides = {
            "durable": _argosy(size, "full"),
            "bare": stack.enter_context(bare_side(size, fsync=True)),
            "unsynced": _argosy(size, "process"),
            "bare-unsynced": stack.enter_context(bare_side(size, fsync=False)),
        }
        if setting.venvs:
            venvs = setting.venvs
            sides["mlflow"] = attempt(lambda: stack.enter_context(mlflow_array(venvs, size)))
        samples = take_turns(sides, setting.rounds, warm_up=setting.warm_up)
    return [*_bare_lines(samples, setting.array), *(_mlflow_lines(samples, setting.array) if setting.venvs else [])]


def _argosy(size: int, durability: str) -> Side:
    """One client tunes its allocator, the other does not; each is the first one in every other round."""

    def side(seed: int) -> Mapping[str, float]:
        clients = [("tuned", 2 * seed, ["--tuned"]), ("default", 2 * seed + 1, [])]
        figures: dict[str, float] = {}
        with fresh_server("--durability", durability) as fresh:
            for name, own_seed, options in clients if seed % 2 else clients[::-1]:
                os.sync()
                work = ("array", f"--bytes={size}", f"--seed={own_seed}", *options)
                answer = Client.of_argosy(fresh.env(), *work).answer()
                figures |= {f"{name}_{figure}": value for figure, value in answer.items()}
        return figures

    return side


def _bare_lines(samples: Samples, array: str) -> list[Line]:
    save, load = f"save {array}, gRPC", f"load {array}, gRPC"
    synced, unsynced = "bare stream, fsync", "bare stream"
    plain = "default allocator"
    return [
        samples.line(f"{save}, durable", "durable.tuned_save", synced, "bare.save", at_least(0.85)),
        samples.line(f"{save}, durable, {plain}", "durable.default_save", synced, "bare.save"),
        samples.line(f"{save}, no fsync", "unsynced.tuned_save", unsynced, "bare-unsynced.save"),
        samples.line(f"{save}, no fsync, {plain}", "unsynced.default_save", unsynced, "bare-unsynced.save"),
        samples.line(load, "durable.tuned_load", unsynced, "bare.load", at_least(0.85)),
        samples.line(f"{load}, {plain}", "durable.default_load", unsynced, "bare.load"),
    ]


def _mlflow_lines(samples: Samples, array: str) -> list[Line]:
    save, load = f"save {array}, gRPC", f"load {array}, gRPC"
    log, download = "MLflow log_artifact", "MLflow download + np.load"
    plain = "default allocator"
    return [
        samples.line(f"{save}, durable", "durable.tuned_save", log, "mlflow.save", at_least(2.2)),
        samples.line(f"{save}, durable, {plain}", "durable.default_save", log, "mlflow.save"),
        samples.line(f"{save}, no fsync", "unsynced.tuned_save", log, "mlflow.save", at_least(3.5)),
        samples.line(f"{save}, no fsync, {plain}", "unsynced.default_save", log, "mlflow.save"),
        samples.line(load, "durable.tuned_load", download, "mlflow.load", at_least(6)),
        samples.line(f"{load}, {plain}", "durable.default_load", download, "mlflow.load"),
    ]
