"""Small saves and loads of 16 clients: one process that answers, one supervised worker, and two workers.

Clients and server share the machine, so on few cores the ratio tells what the workers gain beside the clients, and not
what they would with a machine of their own: the processor time of the server for each call is told too.

    python -m bench.scale.workers --seconds 5 --rounds 3 [--database URL]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc

from argosy.v1.artifact_pb2 import ArtifactSpec, VersionSelector
from argosy.v1.artifact_service_pb2 import CreateArtifactVersionRequest
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy.v1.artifact_transfer_pb2 import DownloadArtifactRequest
from bench.child import ROOT, environment
from bench.running_server import serving

PROCESSES, THREADS = 4, 4
CONTENT = bytes(1024)
SHAPES = {"one process": [], "1 worker": ["--workers=1"], "2 workers": ["--workers=2"]}
LEAD_SECONDS = 3.0
"""So long all clients take to start and to connect."""


@dataclass(frozen=True)
class Round:
    """Calls a second of all clients together, and what they cost the server.

    Attributes:
        saves: versions of 1 KiB created a second, each under a name of its own client.
        loads: versions of 1 KiB downloaded a second.
        cost: milliseconds of processor time of the server for each call.
    """

    saves: float
    loads: float
    cost: float


def measure(seconds: float, rounds: int, database: str = "") -> dict[str, list[Round]]:
    """Measure all shapes in turn, so that whatever else the machine does meets all of them."""
    measured: dict[str, list[Round]] = {shape: [] for shape in SHAPES}
    for _ in range(rounds):
        for shape, options in SHAPES.items():
            measured[shape].append(_round(options, seconds, database))
    return measured


def _round(options: list[str], seconds: float, database: str) -> Round:
    with tempfile.TemporaryDirectory() as scratch:
        given = [*options, "--sweep-interval=0", *([f"--database={database}"] if database else [])]
        with serving(Path(scratch, "data"), *given) as server:
            begin = time.time() + LEAD_SECONDS
            command = [sys.executable, "-m", "bench.scale.workers", "--drive", server.url, "--begin", str(begin)]
            clients = [
                subprocess.Popen(
                    [*command, "--seconds", str(seconds)],
                    env=environment(Path(scratch)),
                    cwd=ROOT,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for _ in range(PROCESSES)
            ]
            counts = [json.loads(client.communicate()[0]) for client in clients]
            saves, loads = (sum(count[kind] for count in counts) for kind in ("saves", "loads"))
            used = _processor_seconds(server.pid)
    return Round(saves / seconds, loads / seconds, used / (saves + loads) * 1000)


def _processor_seconds(server: int) -> float:
    """Return what a server and its workers have used since they started; 0 where no ``/proc`` tells."""
    children = Path(f"/proc/{server}/task/{server}/children")
    if not children.exists():
        return 0.0
    ticks = 0
    for pid in (server, *map(int, children.read_text().split())):
        # The name of the program, in parentheses, may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _drive(url: str, begin: float, seconds: float) -> None:
    """Save, then load, on several connections at once, each for so many seconds; print how often."""
    counts = {"saves": 0, "loads": 0}
    lock = threading.Lock()

    def client() -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(url.removeprefix("grpc://"), options=options) as channel:
            stub, name = ArtifactServiceStub(channel), f"client-{uuid.uuid4()}"
            _save(stub, name)
            time.sleep(max(0.0, begin - time.time()))
            saves = _repeat(lambda: _save(stub, name), begin + seconds)
            loads = _repeat(lambda: _load(stub, name), begin + 2 * seconds)
        with lock:
            counts["saves"] += saves
            counts["loads"] += loads

    threads = [threading.Thread(target=client) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(counts))


def _repeat(call: Callable[[], None], until: float) -> int:
    count = 0
    while time.time() < until:
        call()
        count += 1
    return count


def _save(stub: ArtifactServiceStub, name: str) -> None:
    request = CreateArtifactVersionRequest(
        project="bench", request_id=str(uuid.uuid4()), spec=ArtifactSpec(name=name, format="bytes")
    )
    request.files.add(path="data.bin", inline_content=CONTENT)
    stub.CreateArtifactVersion(request)


def _load(stub: ArtifactServiceStub, name: str) -> None:
    request = DownloadArtifactRequest(project="bench", selector=VersionSelector(name=name))
    if b"".join(part.chunk for part in stub.DownloadArtifact(request)) != CONTENT:
        raise SystemExit("other bytes came back than were saved")


def main() -> None:
    """Measure and print; there is no promise, only a ratio to report."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.workers", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="how long saves, and loads, are counted")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", default="", help="URL of a database instead of SQLite")
    parser.add_argument("--drive", help=argparse.SUPPRESS)
    parser.add_argument("--begin", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.drive:
        _drive(arguments.drive, arguments.begin, arguments.seconds)
        return
    measured = measure(arguments.seconds, arguments.rounds, arguments.database)
    print(f"{PROCESSES * THREADS} clients, {os.cpu_count()} CPUs shared with them, median of {arguments.rounds}")
    base = measured["one process"]
    for shape, rounds in measured.items():
        saves, loads, cost = (
            statistics.median(getattr(one, kind) for one in rounds) for kind in ("saves", "loads", "cost")
        )
        ratios = [
            statistics.median(getattr(one, kind) for one in rounds)
            / statistics.median(getattr(one, kind) for one in base)
            for kind in ("saves", "loads")
        ]
        print(
            f"{shape:12} {saves:7.0f} saves/s ({ratios[0]:.2f}x) {loads:7.0f} loads/s ({ratios[1]:.2f}x) "
            f"{cost:6.2f} ms of processor a call"
        )


if __name__ == "__main__":
    main()
