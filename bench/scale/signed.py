"""Clients that save large arrays at once by signed URLs past the server, against streams through it.

Store, server and clients share the machine, so what each of them computes slows the others. With machines of their own
the server would have its processor and its network for other clients: hence its processor time is told too. What one
client alone gains is told by :mod:`bench.scale.object_store`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from bench.scale.backends import new_bucket
from bench.scale.object_store import STREAMED
from bench.scale.processor_time import seconds_of
from bench.scale.setting import Setting
from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Line
from bench.transfer.processes import Client
from bench.transfer.rounds import Side, take_turns
from bench.transfer.setting import MEBI
from tests.backends.object_store import Kind


def measure(setting: Setting) -> list[Line]:
    """Save once a round in each way, each time in a bucket of its own."""
    kind: Kind = "versitygw"
    size, clients = setting.client_bytes, setting.clients
    sides = {"signed": _many(kind, size, clients), "streamed": _many(kind, size, clients, STREAMED)}
    samples = take_turns(sides, setting.rounds, warm_up=setting.warm_up)
    what = f"{size // MEBI} MiB array each, {clients} clients at once, {kind}, past the server"
    against = "through the server"
    return [
        samples.line(f"save {what}", "signed.save", against, "streamed.save"),
        samples.line(f"processor time of the server: {what}", "signed.cpu", against, "streamed.cpu"),
    ]


def _many(kind: Kind, size: int, clients: int, *options: str) -> Side:
    """Clients save at once: from the first one's beginning to the last one's end."""

    def side(seed: int) -> Mapping[str, float]:
        bucket = new_bucket(kind)
        os.environ.update(bucket.environment)
        with contextlib.ExitStack() as stack:
            fresh = stack.enter_context(fresh_server(f"--blobs={bucket.url}", *options))
            seeds = [clients * seed + number for number in range(clients)]
            work = [("save", f"--bytes={size}", f"--seed={one}", "--tuned", "--wait") for one in seeds]
            running = [stack.enter_context(Client.of_argosy(fresh.env(), *arguments)) for arguments in work]
            for client in running:
                client.until_ready()
            before = seconds_of(fresh.server.pid)
            for client in running:
                client.go()
            answers = [client.answer() for client in running]
            seconds = max(answer["ended"] for answer in answers) - min(answer["started"] for answer in answers)
            return {"save": seconds, "cpu": seconds_of(fresh.server.pid) - before}

    return side
