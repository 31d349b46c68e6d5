"""A hundred small values one by one and in one call."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.child import ask, environment
from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Line
from bench.transfer.processes import Client
from bench.transfer.rounds import Side, take_turns
from bench.transfer.setting import Setting

SMALL = "bench.small_objects"


def measure(setting: Setting) -> list[Line]:
    """Give each round a fresh process and a fresh store."""
    sides: dict[str, Side] = {
        "embedded": _embedded,
        "server": _server,
        "embedded-batch": _embedded_batch,
        "server-batch": _server_batch,
    }
    samples = take_turns(sides, setting.rounds, warm_up=setting.warm_up)
    return [
        samples.promise("100 small saves, embedded", "embedded.saves", 0.15),
        samples.promise("100 small loads, embedded", "embedded.loads", 0.08),
        samples.promise("100 small saves, gRPC", "server.saves", 0.3),
        samples.promise("100 small loads, gRPC", "server.loads", 0.15),
        samples.promise("100 small saves in one call, embedded", "embedded-batch.batch", 0.05),
        samples.promise("100 small saves in one call, gRPC", "server-batch.batch", 0.05),
    ]


def _embedded(_: int) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory() as home:
        return ask(SMALL, env=environment(Path(home)))


def _server(_: int) -> Mapping[str, float]:
    with fresh_server() as fresh:
        return ask(SMALL, env=fresh.env())


def _embedded_batch(_: int) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory() as home:
        return Client.of_argosy(environment(Path(home)), "batch").answer()


def _server_batch(_: int) -> Mapping[str, float]:
    with fresh_server() as fresh:
        return Client.of_argosy(fresh.env(), "batch").answer()
