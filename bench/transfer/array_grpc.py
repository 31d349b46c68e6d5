"""The large array over gRPC, against the same bytes in a bare stream and in MLflow's server."""

from __future__ import annotations

import contextlib
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
            "tuned": _argosy(size, "--tuned"),
            "bare": stack.enter_context(bare_side(size, fsync=True)),
            "default": _argosy(size),
            "unsynced-tuned": _argosy(size, "--tuned", durability="process"),
            "bare-unsynced": stack.enter_context(bare_side(size, fsync=False)),
            "unsynced-default": _argosy(size, durability="process"),
        }
        if setting.venvs:
            venvs = setting.venvs
            sides["mlflow"] = attempt(lambda: stack.enter_context(mlflow_array(venvs, size)))
        samples = take_turns(sides, setting.rounds, warm_up=setting.warm_up)
    return [*_bare_lines(samples, setting.array), *(_mlflow_lines(samples, setting.array) if setting.venvs else [])]


def _argosy(size: int, *options: str, durability: str = "full") -> Side:
    def side(seed: int) -> Mapping[str, float]:
        with fresh_server("--durability", durability) as fresh:
            return Client.of_argosy(fresh.env(), "array", f"--bytes={size}", f"--seed={seed}", *options).answer()

    return side


def _bare_lines(samples: Samples, array: str) -> list[Line]:
    save, load = f"save {array}, gRPC", f"load {array}, gRPC"
    synced, unsynced = "bare stream, fsync", "bare stream"
    plain = "default allocator"
    return [
        samples.line(f"{save}, durable", "tuned.save", synced, "bare.save", at_least(0.85)),
        samples.line(f"{save}, durable, {plain}", "default.save", synced, "bare.save"),
        samples.line(f"{save}, no fsync", "unsynced-tuned.save", unsynced, "bare-unsynced.save"),
        samples.line(f"{save}, no fsync, {plain}", "unsynced-default.save", unsynced, "bare-unsynced.save"),
        samples.line(load, "tuned.load", unsynced, "bare.load", at_least(0.85)),
        samples.line(f"{load}, {plain}", "default.load", unsynced, "bare.load"),
    ]


def _mlflow_lines(samples: Samples, array: str) -> list[Line]:
    save, load = f"save {array}, gRPC", f"load {array}, gRPC"
    log, download = "MLflow log_artifact", "MLflow download + np.load"
    plain = "default allocator"
    return [
        samples.line(f"{save}, durable", "tuned.save", log, "mlflow.save", at_least(2.2)),
        samples.line(f"{save}, durable, {plain}", "default.save", log, "mlflow.save"),
        samples.line(f"{save}, no fsync", "unsynced-tuned.save", log, "mlflow.save", at_least(3.5)),
        samples.line(f"{save}, no fsync, {plain}", "unsynced-default.save", log, "mlflow.save"),
        samples.line(load, "tuned.load", download, "mlflow.load", at_least(6)),
        samples.line(f"{load}, {plain}", "default.load", download, "mlflow.load"),
    ]
