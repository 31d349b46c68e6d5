"""A thousand watchers of one server: how late the last one hears, and what they cost the server."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from bench import memory
from bench.child import ask, environment
from bench.result import Effort, Result
from bench.running_server import serving

WATCHERS = 1000
CHANNELS = 10
EVENTS = 5
SETTLE_SECONDS = 1.0
"""After the watchers are gone, and before memory is read: what was in flight arrives."""
POOL = 16
"""Threads a server may have for all that watch: 12 that send, one that looks for events, one that finds who takes
nothing, and what gRPC starts for more connections.
"""


def measure(effort: Effort) -> list[Result]:
    """Give each round a fresh server and a fresh process that watches it."""
    with tempfile.TemporaryDirectory() as scratch:
        rounds = []
        for number in range(effort.rounds):
            with serving(Path(scratch, f"data-{number}")) as server:
                arguments = (server.url.removeprefix("grpc://"), str(server.pid))
                rounds.append(ask("bench.watchers", *arguments, env=environment(Path(scratch, "client"))))
    return [
        Result(f"event to all of {WATCHERS} watchers", [seconds for r in rounds for seconds in r["seconds"]], "s", 0.4),
        Result(f"memory of the server for {WATCHERS} watchers", [r["memory"] for r in rounds], "MiB", 60),
        Result(f"threads of the server for {WATCHERS} watchers", [r["threads"] for r in rounds], "threads", POOL),
    ]


async def _watch(address: str, pid: str) -> dict[str, object]:
    import grpc

    from argosy.v1.artifact_pb2 import ArtifactSpec, NewArtifactFile
    from argosy.v1.artifact_service_pb2 import CreateArtifactVersionRequest
    from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
    from argosy.v1.blob_service_pb2 import GetCapabilitiesRequest
    from argosy.v1.blob_service_pb2_grpc import BlobServiceStub
    from argosy.v1.watch_pb2 import WatchArtifactsRequest, WatchArtifactsResponse

    own = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(address, options=own) for _ in range(CHANNELS)]

    async def save() -> None:
        request = CreateArtifactVersionRequest(
            project="default", request_id=str(uuid.uuid4()), spec=ArtifactSpec(name="weights", format="bytes")
        )
        request.files.append(NewArtifactFile(path="data.bin", inline_content=b"x"))
        await ArtifactServiceStub(channels[0]).CreateArtifactVersion(request)

    await save()
    # The threads for small calls, which begin the watches, start when they are first needed: now.
    blobs = BlobServiceStub(channels[0])
    await asyncio.gather(*(blobs.GetCapabilities(GetCapabilitiesRequest(project="default")) for _ in range(200)))
    memory_before, threads_before = memory.now(pid), _threads(pid)
    heard = asyncio.Semaphore(0)

    async def listen(number: int) -> None:
        # Messages are taken apart later: a thousand programs would do that at once, this one does it one by one.
        watch: Any = channels[number % CHANNELS].unary_stream(
            "/argosy.v1.ArtifactService/WatchArtifacts",
            request_serializer=WatchArtifactsRequest.SerializeToString,
            response_deserializer=None,
        )
        async for message in watch(WatchArtifactsRequest(project="default")):
            messages[number].append(message)
            heard.release()

    messages: list[list[bytes]] = [[] for _ in range(WATCHERS)]
    listening = [asyncio.create_task(listen(number)) for number in range(WATCHERS)]
    for _ in range(WATCHERS):
        await heard.acquire()
    seconds = []
    for _ in range(EVENTS):
        started = time.perf_counter()
        await save()
        for _ in range(WATCHERS):
            await heard.acquire()
        seconds.append(time.perf_counter() - started)
    await asyncio.sleep(SETTLE_SECONDS)
    result = {
        "seconds": seconds,
        "memory": memory.now(pid) - memory_before,
        "threads": _threads(pid) - threads_before,
    }
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    for channel in channels:
        await channel.close()
    wanted = ["", *(str(number) for number in range(2, EVENTS + 2))]
    for received in messages:
        if [WatchArtifactsResponse.FromString(message).event.version for message in received] != wanted:
            raise SystemExit("a watcher missed an event")
    return result


def _threads(pid: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Threads:"))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_watch(*sys.argv[1:]))))
