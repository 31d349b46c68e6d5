"""Large arrays by signed URLs past the server, against streams through it and s3fs alone; and what the server pays.

Store, server and clients share the machine, so what each of them computes slows the others. With machines of their own
the server would have its processor and its network for other clients: hence its processor time is told too.

    python -m bench.scale.signed --kind versitygw --mebibytes 256 --rounds 5 --clients 4
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.child import ask, environment
from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Line
from bench.transfer.processes import Client
from bench.transfer.rounds import Side, take_turns
from bench.transfer.setting import MEBI
from tests.backends.object_store import KINDS, Kind, new_bucket


def measure(kind: Kind, size: int, clients: int, rounds: int) -> list[Line]:
    """Save and load once a round in each way, each time in a bucket of its own."""
    sides = {
        "signed": _alone(kind, size),
        "streamed": _alone(kind, size, "--no-signed-transfers"),
        "s3fs": _s3fs(kind, size),
        "signed-many": _many(kind, size, clients),
        "streamed-many": _many(kind, size, clients, "--no-signed-transfers"),
    }
    samples = take_turns(sides, rounds)
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
            before = _processor_seconds(fresh.server.pid)
            work = ("array", f"--bytes={size}", f"--seed={seed}", "--tuned")
            answer = Client.of_argosy(fresh.env(), *work).answer()
            return {**answer, "cpu": _processor_seconds(fresh.server.pid) - before}

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
            before = _processor_seconds(fresh.server.pid)
            for client in running:
                client.go()
            answers = [client.answer() for client in running]
            seconds = max(answer["ended"] for answer in answers) - min(answer["started"] for answer in answers)
            return {"save": seconds, "cpu": _processor_seconds(fresh.server.pid) - before}

    return side


def _s3fs(kind: Kind, size: int) -> Side:
    def side(seed: int) -> Mapping[str, float]:
        bucket = new_bucket(kind)
        os.environ.update(bucket.environment)
        where = f"--s3fs={bucket.bucket}/{bucket.prefix}"
        env = environment(Path(os.curdir))
        return ask("bench.scale.object_store", where, f"--bytes={size}", f"--seed={seed}", env=env)

    return side


def _processor_seconds(pid: int) -> float:
    """Return what a process has used since it started; 0 where no ``/proc`` tells."""
    facts = Path(f"/proc/{pid}/stat")
    if not facts.exists():
        return 0.0
    # The name of the program, in parentheses, may hold spaces.
    fields = facts.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print; there is no promise, only ratios to report."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.signed", description=__doc__.partition("\n")[0])
    parser.add_argument("--kind", choices=KINDS, default="versitygw", help="which store (%(default)s)")
    parser.add_argument("--mebibytes", type=int, default=256, help="size of each array (%(default)s)")
    parser.add_argument("--clients", type=int, default=4, help="how many at once (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="the medians count (%(default)s)")
    arguments = parser.parse_args()
    lines = measure(arguments.kind, arguments.mebibytes * MEBI, arguments.clients, arguments.rounds)
    for line in lines:
        print(_told(line))
    sys.exit(1 if any(line.error for line in lines) else 0)


def _told(line: Line) -> str:
    if line.error or line.ratio is None or line.spread is None:
        return f"{line.what}: not measured: {line.error}"
    ours, theirs = statistics.median(line.ours), statistics.median(line.theirs)
    low, high = line.spread
    return (
        f"{line.what}: {ours:.2f} s, {line.against} {theirs:.2f} s: {line.ratio:.2f} times as fast, "
        f"{low:.2f} to {high:.2f} in the rounds"
    )


if __name__ == "__main__":
    main()
