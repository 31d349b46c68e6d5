"""The same content saved a second time: it has to be hashed, and nothing has to be sent."""

from __future__ import annotations

from collections.abc import Mapping

from bench.transfer.counting_proxy import counting
from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Line, at_most
from bench.transfer.processes import Client
from bench.transfer.rounds import Side, take_turns
from bench.transfer.setting import Setting

REQUESTS_KIB = 16.0
"""What the calls themselves may send; content would show as a thousand times that."""


def measure(setting: Setting) -> list[Line]:
    """Save in one process, then in another, whose bytes on the wire are counted."""
    samples = take_turns({"argosy": _argosy(setting.array_bytes)}, setting.rounds, warm_up=setting.warm_up)
    what = f"save {setting.array} again, gRPC"
    return [
        samples.line(what, "argosy.save", "hashing it, all cores", "argosy.hash", at_most(1.2)),
        samples.promise(f"{what}: sent, requests included", "argosy.sent", REQUESTS_KIB, unit="KiB"),
    ]


def _argosy(size: int) -> Side:
    def side(seed: int) -> Mapping[str, float]:
        options = (f"--bytes={size}", f"--seed={seed}", "--tuned")
        with fresh_server() as fresh, counting(fresh.server.url) as proxy:
            Client.of_argosy(fresh.env(), "save", *options).answer()
            with Client.of_argosy(fresh.env(proxy.url), "again", *options, "--wait") as client:
                client.until_ready()
                before = proxy.up
                client.go()
                return {**client.answer(), "sent": (proxy.up - before) / 1024}

    return side
