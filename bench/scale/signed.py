"""Large arrays by signed URLs past the server, against streams through it and s3fs alone; and what the server pays.

Store, server and clients share the machine, so what each of them computes slows the others. With machines of their own
the server would have its processor and its network for other clients: hence its processor time is told too.

    python -m bench.scale.signed --kind versitygw --mebibytes 256 --rounds 5 --clients 4
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import replace

from bench.scale.backends import new_bucket
from bench.scale.object_store import s3fs_alone
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
    """Save and load once a round in each way, each time in a bucket of its own."""
    size, clients = setting.array_bytes, setting.clients
    sides = {
        "signed": _alone(kind, size),
        "streamed": _alone(kind, size, "--no-signed-transfers"),
        "s3fs": s3fs_alone(kind, size),
        "signed-many": _many(kind, size, clients),
        "streamed-many": _many(kind, size, clients, "--no-signed-transfers"),
    }
    samples = take_turns(sides, setting.rounds, warm_up=setting.warm_up)
    array = f"{size // MEBI} MiB array, {kind}"
    many = f"{clients} clients at once: {array}"
    return [
        samples.line(f"save {array}, signed", "signed.save", "streamed", "streamed.save"),
        samples.line(f"load {array}, signed", "signed.load", "streamed", "streamed.load"),
        samples.line(f"save {array}, signed", "signed.save", "s3fs alone", "s3fs.save"),
        samples.line(f"load {array}, signed", "signed.load", "s3fs alone", "s3fs.load"),
        samples.line(f"processor time of the server, {array}, signed", "signed.cpu", "streamed", "streamed.cpu"),
        samples.line(f"save {many}, signed", "signed-many.save", "streamed", "streamed-many.save"),
        samples.line(
            f"processor time of the server, {many}, signed", "signed-many.cpu", "streamed", "streamed-many.cpu"
        ),
    ]


def _alone(kind: Kind, size: int, *options: str) -> Side:
    """One client saves and loads."""

    def side(seed: int) -> Mapping[str, float]:
        bucket = new_bucket(kind)
        os.environ.update(bucket.environment)
        with fresh_server(f"--blobs={bucket.url}", *options) as fresh:
            before = seconds_of(fresh.server.pid)
            work = ("array", f"--bytes={size}", f"--seed={seed}", "--tuned")
            answer = Client.of_argosy(fresh.env(), *work).answer()
            return {**answer, "cpu": seconds_of(fresh.server.pid) - before}

    return side


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
    parser.add_argument("--mebibytes", type=int, default=256, help="size of each array (%(default)s)")
    parser.add_argument("--clients", type=int, default=4, help="how many at once (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="the medians count (%(default)s)")
    arguments = parser.parse_args()
    setting = replace(FULL, array_bytes=arguments.mebibytes * MEBI, clients=arguments.clients, rounds=arguments.rounds)
    lines = measure(arguments.kind, setting)
    tell(lines, setting.rounds, as_json=False)
    sys.exit(0 if are_kept(lines) else 1)


if __name__ == "__main__":
    main()
