"""The limit: what plain grpcio moves when it does nothing but what has to be done.

One stream of raw bytes each way, no protobuf, both processes with a tuned allocator. Up into a sink
that writes a file, hashes it with BLAKE3 in a second thread and answers after fsync; down from a warm
file into a preallocated array, hashed in a second thread too and compared.

``python -m bench.transfer.bare serve DIRECTORY [--no-fsync]`` prints its address;
``python -m bench.transfer.bare work ADDRESS BYTES SEED`` saves and loads one array.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from blake3 import blake3

from bench.child import ROOT, environment
from bench.transfer.contents import bytes_of, make_array
from bench.transfer.processes import Client
from bench.transfer.rounds import Side
from bench.transfer.warm import NEEDED, warm_memory

CHUNK = 1 << 20
UP, DOWN = "/bare.Bytes/Up", "/bare.Bytes/Down"
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8


def tune_allocator() -> None:
    """Let glibc keep the memory of chunks instead of giving it back and asking for it anew; 1.7 times the rate."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for option, value in (
        (M_MMAP_THRESHOLD, 32 << 20),  # the most glibc takes
        (M_TRIM_THRESHOLD, 512 << 20),
        (M_TOP_PAD, 16 << 20),
        (M_ARENA_MAX, 2),
    ):
        mallopt(option, value)


@contextlib.contextmanager
def bare_side(size: int, *, fsync: bool) -> Iterator[Side]:
    """Run the sink in a process of its own; the side saves and loads an array in one of its own too."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder))
        command = [sys.executable, "-m", "bench.transfer.bare"]
        options = [] if fsync else ["--no-fsync"]
        process = subprocess.Popen(
            [*command, "serve", folder, *options], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            yield lambda seed: Client([*command, "work", address, str(size), str(seed)], env).answer()
        finally:
            process.kill()
            process.communicate()


def main() -> None:
    """Serve, or do the work of one client."""
    tune_allocator()
    if sys.argv[1] == "serve":
        _serve(Path(sys.argv[2]), fsync="--no-fsync" not in sys.argv)
    else:
        print(json.dumps(_work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))


class _Hashing:
    """BLAKE3 of what is given, computed in a thread of its own."""

    def __init__(self) -> None:
        self._hasher = blake3()
        self._chunks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # As bounded as the kernel's buffers: a sink that falls behind must not pile chunks up.
        self._ahead = threading.BoundedSemaphore(8)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def update(self, chunk: object) -> None:
        self._ahead.acquire()
        self._chunks.put(chunk)

    def digest(self) -> bytes:
        self._chunks.put(None)
        self._thread.join()
        return self._hasher.digest()

    def _run(self) -> None:
        while (chunk := self._chunks.get()) is not None:
            self._hasher.update(chunk)
            self._ahead.release()


class _Sink(grpc.GenericRpcHandler):
    """Keeps one file: what came up last is what goes down."""

    def __init__(self, directory: Path, *, fsync: bool) -> None:
        self._path = directory / "bytes"
        self._fsync = fsync
        self._digest = b""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        if details.method == UP:
            return grpc.stream_unary_rpc_method_handler(self._up)
        return grpc.unary_stream_rpc_method_handler(self._down)

    def _up(self, chunks: Iterable[bytes], _: grpc.ServicerContext) -> bytes:
        self._path.unlink(missing_ok=True)
        hashing = _Hashing()
        with self._path.open("wb", buffering=0) as file:
            for chunk in chunks:
                hashing.update(chunk)
                file.write(chunk)
            if self._fsync:
                os.fsync(file.fileno())
        self._digest = hashing.digest()
        return self._digest

    def _down(self, _: bytes, __: grpc.ServicerContext) -> Iterator[bytes]:
        yield self._digest
        with self._path.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                yield chunk


def _serve(directory: Path, *, fsync: bool) -> None:
    server = grpc.server(ThreadPoolExecutor(4), options=[*UNLIMITED, ("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([_Sink(directory, fsync=fsync)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


def _work(address: str, size: int, seed: int) -> dict[str, float]:
    array = make_array(size, seed)
    with grpc.insecure_channel(address, options=UNLIMITED) as channel:
        up: Any = channel.stream_unary(UP)
        down: Any = channel.unary_stream(DOWN)
        _save(up, array[: max(size // 16, 4 << 20) // 8])
        _load(down, min(size, max(size // 16, 4 << 20)))
        warm_memory(NEEDED * size)
        started = time.perf_counter()
        _save(up, array)
        saved = time.perf_counter() - started
        warm_memory(NEEDED * size)
        started = time.perf_counter()
        _load(down, size)
        loaded = time.perf_counter() - started
    return {"save": saved, "load": loaded}


def _save(up: Any, array: np.ndarray[Any, Any]) -> None:
    view = bytes_of(array)
    digest = up(bytes(view[start : start + CHUNK]) for start in range(0, view.nbytes, CHUNK))
    assert len(digest) == 32


def _load(down: Any, size: int) -> np.ndarray[Any, Any]:
    array = np.empty(size // 8)
    view, offset = bytes_of(array), 0
    chunks = iter(down(b""))
    digest = next(chunks)
    hashing = _Hashing()
    for chunk in chunks:
        hashing.update(chunk)
        view[offset : offset + len(chunk)] = chunk
        offset += len(chunk)
    if (hashing.digest(), offset) != (digest, size):
        raise SystemExit("other bytes came down than went up")
    return array


if __name__ == "__main__":
    main()
