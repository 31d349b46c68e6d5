"""Many clients that save at once: does the server keep its rate, and its memory?"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from bench import memory
from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Line, at_least
from bench.transfer.processes import Client
from bench.transfer.rounds import Side, take_turns
from bench.transfer.setting import MEBI, Setting

SERVER_MIB = 400.0


def measure(setting: Setting) -> list[Line]:
    """Save from one client, then from all at once; each time to a fresh server."""
    count, size = setting.clients, setting.client_bytes
    sides = {"one": _saving(1, size), "all": _saving(count, size)}
    samples = take_turns(sides, setting.rounds, warm_up=setting.warm_up)
    what = f"{count} clients of {size // MEBI} MiB each at once"
    return [
        samples.line(
            what, "all.seconds", f"{count} times one client's time", "one.seconds", at_least(0.8), times=count
        ),
        samples.promise(f"{what}: server's memory", "all.memory", SERVER_MIB, unit="MiB"),
    ]


def _saving(count: int, size: int) -> Side:
    def side(seed: int) -> Mapping[str, float]:
        with fresh_server() as fresh, contextlib.ExitStack() as stack:
            seeds = range(seed * 100, seed * 100 + count)
            works = [("save", f"--bytes={size}", f"--seed={one}", "--tuned", "--wait") for one in seeds]
            clients = [stack.enter_context(Client.of_argosy(fresh.env(), *work)) for work in works]
            for client in clients:
                client.until_ready()
            for client in clients:
                client.go()
            answers = [client.answer() for client in clients]
            seconds = max(answer["ended"] for answer in answers) - min(answer["started"] for answer in answers)
            return {"seconds": seconds, "memory": memory.peak(fresh.server.pid)}

    return side
