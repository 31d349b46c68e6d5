"""One large file up and down by the client of each language, in turn.

Of each figure that of a file of 1 MiB is taken away: what starting the program costs is not what a byte costs.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from bench.clients.measured import Used, measure
from bench.transfer.fresh_server import fresh_server
from bench.transfer.line import Bar, Line, at_least, at_most
from bench.transfer.rounds import Samples, Side, attempt, take_turns
from tests.clients.languages import LANGUAGES, Program, build

MEBI = 1 << 20
SMALL_BYTES = MEBI
MOST_GROWTH = 64.0
"""MiB a client may hold more for a large file than for a small one."""
WAYS = {"upload": "up", "download": "down"}


def measure_transfers(size_bytes: int, rounds: int, languages: Sequence[str]) -> list[Line]:
    """Return lines for each language: rates and CPU against Python's, and the growth of memory."""
    with tempfile.TemporaryDirectory() as folder, fresh_server("--durability=process") as fresh:
        source = Path(folder, "large")
        _write(source, size_bytes)
        names = ["python", *languages]

        def side(name: str) -> Side:
            program = build(LANGUAGES[name], _folder(folder))
            return lambda number: _transfer(program, fresh.server.url, source, number)

        samples = take_turns({name: attempt(partial(side, name)) for name in names}, rounds, warm_up=False)
    lines: list[Line] = []
    for name in names:
        lines += _lines(samples, name, f"{size_bytes // MEBI} MiB")
    return lines


def _lines(samples: Samples, name: str, size: str) -> list[Line]:
    # The other languages are told; Go, which compiles, is promised.
    bars = {"rate": at_least(0.9), "cpu": at_most(0.5)} if name == "go" else {}
    lines = []
    for way in WAYS.values():
        if name != "python":
            lines.append(_line(samples, f"{name}: {size} {way}", name, f"{way}_rate", "MiB/s", bars.get("rate")))
            lines.append(_line(samples, f"{name}: CPU for 1 GiB {way}", name, f"{way}_cpu", "s", bars.get("cpu")))
        lines.append(samples.promise(f"{name}: more memory {way}", f"{name}.{way}_growth", MOST_GROWTH, unit="MiB"))
    return lines


def _line(samples: Samples, what: str, name: str, figure: str, unit: str, bar: Bar | None) -> Line:
    line = samples.line(what, f"{name}.{figure}", "Python", f"python.{figure}", bar, unit=unit)
    return Line(what, line.against, line.ours, line.theirs, unit, bar, line.error, is_rate=unit == "MiB/s")


def _transfer(program: Program, server: str, source: Path, number: int) -> Mapping[str, float]:
    """Send and fetch a file that the store has not, and a small one."""
    small, target = source.with_name("small"), source.with_name("target")
    _write(small, SMALL_BYTES)
    with source.open("r+b") as file:
        # Another content, so that nothing of it is there already, and another size: a file of one that is known is
        # read and hashed before it is sent, and then only the first client of a run would send a new one.
        file.write(os.urandom(16))
        file.truncate(source.stat().st_size - 1)
    figures: dict[str, float] = {}
    name = f"{program.language} {number}"
    for command, way in WAYS.items():
        used = {}
        for file_name, path in (("small", small), ("large", source)):
            place = path if command == "upload" else target
            used[file_name] = measure(program, server, command, f"{file_name} of {name}", place)
            target.unlink(missing_ok=True)
        figures |= _figures(way, used["large"], used["small"], source.stat().st_size - SMALL_BYTES)
    return figures


def _figures(way: str, large: Used, small: Used, more_bytes: int) -> dict[str, float]:
    return {
        f"{way}_rate": more_bytes / MEBI / max(large.seconds - small.seconds, 1e-3),
        f"{way}_cpu": max(large.cpu_seconds - small.cpu_seconds, 1e-3) / (more_bytes / (1 << 30)),
        f"{way}_growth": max(large.memory_bytes - small.memory_bytes, 0) / MEBI,
    }


def _write(path: Path, size_bytes: int) -> None:
    with path.open("wb") as file:
        for start in range(0, size_bytes, MEBI):
            file.write(os.urandom(min(MEBI, size_bytes - start)))


def _folder(base: str) -> Path:
    folder = Path(base, "built")
    folder.mkdir(exist_ok=True)
    return folder
