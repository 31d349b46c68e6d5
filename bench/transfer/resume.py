"""The server is killed when half of an upload went through, and comes back: what did that cost?"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping

from bench.running_server import serving
from bench.transfer.counting_proxy import counting
from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Line, at_most
from bench.transfer.processes import PATIENCE, Client
from bench.transfer.rounds import Side, take_turns
from bench.transfer.setting import MEBI, Setting

MARK_MIB = 16.0
"""Bytes between two durable marks of an upload."""


def measure(setting: Setting) -> list[Line]:
    """Upload once undisturbed and once with a server that is killed, through the same proxy."""
    size = setting.array_bytes
    samples = take_turns(
        {"whole": _undisturbed(size), "killed": _killed(size)}, setting.rounds, warm_up=setting.warm_up
    )
    what = f"save {setting.array}, gRPC, server killed at 50 %"
    if not samples.errors:
        counts = zip(samples.figures["killed.sent"], samples.figures["whole.sent"], strict=True)
        samples.figures["killed.resent"] = [killed - whole for killed, whole in counts]
    return [
        samples.line(what, "killed.save", "undisturbed", "whole.save", at_most(1.25)),
        samples.promise(f"{what}: sent twice", "killed.resent", MARK_MIB, unit="MiB"),
    ]


def _options(size: int, seed: int) -> tuple[str, ...]:
    return ("save", f"--bytes={size}", f"--seed={seed}", "--tuned", "--wait")


def _undisturbed(size: int) -> Side:
    def side(seed: int) -> Mapping[str, float]:
        with (
            fresh_server() as fresh,
            counting(fresh.server.url) as proxy,
            Client.of_argosy(fresh.env(proxy.url), *_options(size, seed)) as client,
        ):
            client.until_ready()
            before = proxy.up
            client.go()
            return {"save": client.answer()["save"], "sent": (proxy.up - before) / MEBI}

    return side


def _killed(size: int) -> Side:
    """The time without a server does not count: from the kill until the next one says that it listens."""

    def side(seed: int) -> Mapping[str, float]:
        with (
            fresh_server() as fresh,
            counting(fresh.server.url) as proxy,
            Client.of_argosy(fresh.env(proxy.url), *_options(size, seed)) as client,
        ):
            client.until_ready()
            before = proxy.up
            proxy.hold_at(size // 2)
            client.go()
            if not proxy.reached.wait(PATIENCE):
                raise RuntimeError("half of the bytes never went through")
            os.kill(fresh.server.pid, signal.SIGKILL)
            killed = time.perf_counter()
            with serving(fresh.data) as successor:
                away = time.perf_counter() - killed
                proxy.release(successor.url)
                return {"save": client.answer()["save"] - away, "sent": (proxy.up - before) / MEBI}

    return side
