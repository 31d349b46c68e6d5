"""Small saves and loads of 16 clients: one process that answers, one supervised worker, and two workers.

Clients and server share the machine, so on few cores the ratio tells what the workers gain beside the clients, and not
what they would with a machine of their own: the processor time of the server for each call is told too.

    python -m bench.scale.workers --seconds 2 --rounds 5 [--sqlite]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import grpc

from argosy.v1.artifact_pb2 import ArtifactSpec, VersionSelector
from argosy.v1.artifact_service_pb2 import CreateArtifactVersionRequest
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy.v1.artifact_transfer_pb2 import DownloadArtifactRequest
from bench.child import environment
from bench.running_server import serving
from bench.scale.backends import new_cluster
from bench.scale.processor_time import seconds_of
from bench.scale.setting import FULL, Setting
from bench.transfer.line import Line
from bench.transfer.processes import READY, Client
from bench.transfer.rounds import Side, take_turns
from bench.transfer.table import are_kept, tell
from tests.backends.postgres import Cluster

PROCESSES, THREADS = 4, 4
CONTENT = bytes(1024)
SHAPES = {"one process": [], "1 worker": ["--workers=1"], "2 workers": ["--workers=2"]}


def measure(setting: Setting, *, on_sqlite: bool = False) -> list[Line]:
    """Measure all shapes in turn, so that whatever else the machine does meets all of them."""
    with contextlib.ExitStack() as stack:
        cluster = None if on_sqlite else stack.enter_context(new_cluster(fsync="on", shared_buffers="128MB"))
        sides = {shape: _shape(options, setting.seconds, cluster) for shape, options in SHAPES.items()}
        samples = take_turns(sides, setting.rounds, warm_up=False)
    where = "SQLite" if on_sqlite else "PostgreSQL"
    lines = []
    for shape, base in (("1 worker", "one process"), ("2 workers", "1 worker")):
        for what in ("saves", "loads"):
            text = f"{what} of 1 KiB by {PROCESSES * THREADS} clients, {where}, {shape}"
            line = samples.line(text, f"{shape}.{what}", base, f"{base}.{what}", unit="/s")
            lines.append(replace(line, is_rate=True))
        text = f"processor time of the server for each of them, {where}, {shape}"
        lines.append(samples.line(text, f"{shape}.cost", base, f"{base}.cost", unit="ms"))
    return lines


def _shape(options: list[str], seconds: float, cluster: Cluster | None) -> Side:
    """Return what counts the calls a second of all clients together, and the processor time of the server for each."""

    def side(_: int) -> Mapping[str, float]:
        database = [f"--database={cluster.new_database()}"] if cluster else []
        with (
            tempfile.TemporaryDirectory() as scratch,
            serving(Path(scratch, "data"), *options, *database, "--sweep-interval=0") as server,
            contextlib.ExitStack() as stack,
        ):
            command = [sys.executable, "-m", "bench.scale.workers", "--drive", server.url, "--seconds", str(seconds)]
            clients = [stack.enter_context(Client(command, environment(Path(scratch)))) for _ in range(PROCESSES)]
            for client in clients:
                client.until_ready()
            before = seconds_of(server.pid)
            for client in clients:
                client.go()
            counts = [client.answer() for client in clients]
            used = seconds_of(server.pid) - before
        saves, loads = (sum(count[kind] for count in counts) for kind in ("saves", "loads"))
        return {"saves": saves / seconds, "loads": loads / seconds, "cost": used / (saves + loads) * 1000}

    return side


def _drive(url: str, seconds: float) -> None:
    """Save, then load, on several connections at once, each for so many seconds; print how often."""
    counts = {"saves": 0, "loads": 0, "clients": 0}
    lock = threading.Lock()
    # One more than there are clients: who says when they shall begin.
    connected, begin = threading.Barrier(THREADS + 1), threading.Barrier(THREADS + 1)

    def client() -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(url.removeprefix("grpc://"), options=options) as channel:
            stub, name = ArtifactServiceStub(channel), f"client-{uuid.uuid4()}"
            _save(stub, name)
            connected.wait()
            begin.wait()
            began = time.monotonic()
            saves = _repeat(lambda: _save(stub, name), began + seconds)
            loads = _repeat(lambda: _load(stub, name), began + 2 * seconds)
        with lock:
            counts["saves"] += saves
            counts["loads"] += loads
            counts["clients"] += 1

    threads = [threading.Thread(target=client, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    connected.wait(timeout=60)
    print(READY, flush=True)
    input()
    begin.wait()
    for thread in threads:
        thread.join()
    if counts["clients"] != THREADS:
        raise SystemExit("a client failed")
    print(json.dumps(counts))


def _repeat(call: Callable[[], None], until: float) -> int:
    """Call until a moment, once at least: the last save may have taken all the time of the loads."""
    count = 1
    call()
    while time.monotonic() < until:
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
    parser.add_argument("--seconds", type=float, default=FULL.seconds, help="how long saves, and loads, are counted")
    parser.add_argument("--rounds", type=int, default=FULL.rounds, help="the medians count (%(default)s)")
    parser.add_argument("--sqlite", action="store_true", help="over SQLite instead of PostgreSQL")
    parser.add_argument("--drive", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.drive:
        _drive(arguments.drive, arguments.seconds)
        return
    setting = replace(FULL, seconds=arguments.seconds, rounds=arguments.rounds)
    lines = measure(setting, on_sqlite=arguments.sqlite)
    tell(lines, setting.rounds, as_json=False)
    sys.exit(0 if are_kept(lines) else 1)


if __name__ == "__main__":
    main()
