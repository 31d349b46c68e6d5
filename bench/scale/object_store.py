"""A large array saved and loaded through a server whose bytes are in a bucket, and straight to it, against s3fs alone.

Store, server and client share the machine, so what each of them computes slows the others; s3fs hashes nothing but what
the protocol asks for.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from bench.child import ask, environment
from bench.scale.backends import new_bucket
from bench.scale.processor_time import seconds_of
from bench.scale.setting import Setting
from bench.transfer.contents import bytes_of, make_array
from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Line, at_least
from bench.transfer.processes import Client
from bench.transfer.rounds import Side, take_turns
from bench.transfer.setting import MEBI
from tests.backends.object_store import Kind

PART_BYTES = 8 * MEBI
"""Of both sides."""
STREAMED = "--no-signed-transfers"
"""The option of a server through which all bytes go."""


def measure(setting: Setting) -> list[Line]:
    """Compare on each kind of object store."""
    return [line for kind in setting.kinds for line in _measure_on(kind, setting)]


def _measure_on(kind: Kind, setting: Setting) -> list[Line]:
    """Save and load once a round in each way, each time in a bucket of its own."""
    size = setting.array_bytes
    sides = {"streamed": _argosy(kind, size, STREAMED), "signed": _argosy(kind, size), "s3fs": _s3fs(kind, size)}
    samples = take_turns(sides, setting.rounds, warm_up=setting.warm_up)
    what = f"{size // MEBI} MiB array, {kind}"
    through, past = "through the server", "past the server"
    against_s3fs = [
        samples.line(f"{verb} {what}, {way}", f"{side}.{verb}", "s3fs alone", f"s3fs.{verb}", bar)
        for side, way, bar in (("streamed", through, at_least(0.8)), ("signed", past, None))
        for verb in ("save", "load")
    ]
    of_server = f"processor time of the server: {what}, {past}"
    return [*against_s3fs, samples.line(of_server, "signed.cpu", through, "streamed.cpu")]


def _argosy(kind: Kind, size: int, *options: str) -> Side:
    def side(seed: int) -> Mapping[str, float]:
        bucket = new_bucket(kind)
        os.environ.update(bucket.environment)
        with fresh_server(f"--blobs={bucket.url}", *options) as fresh:
            before = seconds_of(fresh.server.pid)
            work = ("array", f"--bytes={size}", f"--seed={seed}", "--tuned")
            answer = Client.of_argosy(fresh.env(), *work).answer()
            return {**answer, "cpu": seconds_of(fresh.server.pid) - before}

    return side


def _s3fs(kind: Kind, size: int) -> Side:
    def side(seed: int) -> Mapping[str, float]:
        bucket = new_bucket(kind)
        os.environ.update(bucket.environment)
        path = f"{bucket.bucket}/{bucket.prefix}"
        env = environment(Path(os.curdir))
        return ask("bench.scale.object_store", path, str(size), str(seed), env=env)

    return side


def _use_s3fs(path: str, size: int, seed: int) -> dict[str, float]:
    """Do with s3fs what the client of Argosy does: a warm-up, then save and load one array."""
    import s3fs

    store = s3fs.S3FileSystem(default_block_size=PART_BYTES)
    warm_up = bytes_of(make_array(max(size // 16, 4 * MEBI), 1_000_000 + seed))
    store.pipe_file(f"{path}/warm-up", bytes(warm_up), chunksize=PART_BYTES)
    store.cat_file(f"{path}/warm-up", chunksize=PART_BYTES)
    content = bytes(bytes_of(make_array(size, seed)))
    started = time.perf_counter()
    store.pipe_file(f"{path}/array", content, chunksize=PART_BYTES)
    saved = time.perf_counter()
    loaded = store.cat_file(f"{path}/array", chunksize=PART_BYTES)
    ended = time.perf_counter()
    if loaded != content:
        raise SystemExit("other bytes came back than were saved")
    return {"save": saved - started, "load": ended - saved}


if __name__ == "__main__":
    print(json.dumps(_use_s3fs(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
