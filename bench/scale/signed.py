"""Clients that save large arrays at once by signed URLs past the server, against streams through it.

Store, server and clients share the machine, so what each of them computes slows the others. With machines of their own
the server would have its processor and its network for other clients: hence its processor time is told too. What one
client alone gains is told by :mod:`bench.scale.object_store`.

    python -m bench.scale.signed --kind versitygw --mebibytes 128 --rounds 5 --clients 4
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import replace

from bench.scale.backends import new_bucket
from bench.scale.object_store import STREAMED
from bench.scale.processor_time import seconds_of
from bench.scale.setting import FULL, Setting
from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Line
from bench.transfer.processes import Client
from bench.transfer.rounds import Side, take_turns
from bench.transfer.setting import MEBI
from bench.transfer.table import are_kept, tell
from tests.backends.object_store import KINDS, Kind


def measure(kind: Kind, setting: Setting) -> list[Line]:
    """Save once a round in each way, each time in a bucket of its own."""
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


def main() -> None:
    """Measure and print; there is no promise, only ratios to report."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.signed", description=__doc__.partition("\n")[0])
    parser.add_argument("--kind", choices=KINDS, default="versitygw", help="which store (%(default)s)")
    size = FULL.client_bytes // MEBI
    parser.add_argument("--mebibytes", type=int, default=size, help="size of each array (%(default)s)")
    parser.add_argument("--clients", type=int, default=FULL.clients, help="how many at once (%(default)s)")
    parser.add_argument("--rounds", type=int, default=FULL.rounds, help="the medians count (%(default)s)")
    arguments = parser.parse_args()
    size = arguments.mebibytes * MEBI
    setting = replace(FULL, client_bytes=size, clients=arguments.clients, rounds=arguments.rounds)
    lines = measure(arguments.kind, setting)
    tell(lines, setting.rounds, as_json=False)
    sys.exit(0 if are_kept(lines) else 1)


if __name__ == "__main__":
    main()
