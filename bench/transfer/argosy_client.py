"""One client of Argosy: does one kind of work in this process and prints its times as JSON.

What is imported, connected and warmed before the work is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from blake3 import blake3

import argosy
from bench.transfer.contents import bytes_of, make_array, make_files, same_array, same_files
from bench.transfer.processes import READY
from bench.transfer.warm import NEEDED, warm_memory

COUNT = 100


def main() -> None:
    """Parse, warm up, work."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=list(_WORK))
    parser.add_argument("--bytes", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--tuned", action="store_true", help="with the allocator tuned as a user may ask for")
    parser.add_argument("--wait", action="store_true", help="say when ready, and wait for a line")
    arguments = parser.parse_args()
    if arguments.tuned:
        argosy.tune_allocator()
    # Another content than any that is timed, and large enough for every way that bytes may take.
    warm_up = make_array(max(arguments.bytes // 16, 4 << 20), 1_000_000 + arguments.seed)
    argosy.save_artifact(warm_up, "warm-up")
    argosy.load_artifact("warm-up")
    print(json.dumps(_WORK[arguments.work](arguments)))


def _start(arguments: argparse.Namespace, memory: int) -> None:
    warm_memory(memory)
    if arguments.wait:
        print(READY, flush=True)
        input()


def _save(arguments: argparse.Namespace) -> dict[str, float]:
    array = make_array(arguments.bytes, arguments.seed)
    _start(arguments, NEEDED * array.nbytes)
    started = time.perf_counter()
    argosy.save_artifact(array, f"array-{arguments.seed}")
    ended = time.perf_counter()
    return {"save": ended - started, "started": started, "ended": ended}


def _array(arguments: argparse.Namespace) -> dict[str, float]:
    saved = _save(arguments)["save"]
    warm_memory(NEEDED * arguments.bytes)
    started = time.perf_counter()
    array = argosy.load_artifact(f"array-{arguments.seed}")
    loaded = time.perf_counter() - started
    same_array(array, arguments.bytes, arguments.seed)
    return {"save": saved, "load": loaded}


def _again(arguments: argparse.Namespace) -> dict[str, float]:
    array = make_array(arguments.bytes, arguments.seed)
    _start(arguments, array.nbytes)
    started = time.perf_counter()
    argosy.save_artifact(array, "again")
    saved = time.perf_counter()
    blake3(bytes_of(array), max_threads=blake3.AUTO).digest()
    return {"save": saved - started, "hash": time.perf_counter() - saved}


def _batch(_: argparse.Namespace) -> dict[str, float]:
    argosy.save_artifacts({"warm-up": np.zeros(128), "warm-up-2": np.ones(128)})
    values = {f"small-{number}": np.full(128, float(number)) for number in range(COUNT)}
    started = time.perf_counter()
    versions = argosy.save_artifacts(values)
    seconds = time.perf_counter() - started
    if len(versions) != COUNT or not np.array_equal(argosy.load_artifact(f"small-{COUNT - 1}"), np.full(128, 99.0)):
        raise SystemExit("other values came back than were saved")
    return {"batch": seconds}


def _directory(arguments: argparse.Namespace) -> dict[str, float]:
    make_files(arguments.folder, arguments.files, arguments.seed)
    _start(arguments, 256 << 20)
    started = time.perf_counter()
    argosy.save_artifact(arguments.folder, "directory")
    saved = time.perf_counter() - started
    warm_memory(256 << 20)
    started = time.perf_counter()
    loaded = argosy.load_artifact("directory")
    ended = time.perf_counter() - started
    same_files(loaded, arguments.folder)
    by_hand = _write_by_hand([path.read_bytes() for path in arguments.folder.rglob("*") if path.is_file()])
    shutil.rmtree(arguments.folder)
    return {"save": saved, "load": ended, "by hand": by_hand}


def _write_by_hand(contents: list[bytes]) -> float:
    """Return the seconds it takes to write files where loaded ones go: what the file system takes for itself."""
    with tempfile.TemporaryDirectory() as folder:
        warm_memory(256 << 20)
        started = time.perf_counter()
        for number, content in enumerate(contents):
            descriptor = os.open(f"{folder}/{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(descriptor, content)
            os.close(descriptor)
        return time.perf_counter() - started


_WORK: dict[str, Callable[[argparse.Namespace], dict[str, float]]] = {
    "save": _save,
    "array": _array,
    "again": _again,
    "batch": _batch,
    "directory": _directory,
}

if __name__ == "__main__":
    main()
