"""Runs the benches of transfers and prints one table: ours, the limit or the peer, and the ratio of both."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.child import compile_sources
from bench.transfer import array_embedded, array_grpc, clients, directory, resume, same_again, small, venvs
from bench.transfer.line import Line
from bench.transfer.setting import FULL, QUICK, Setting

BENCHES: Mapping[str, Callable[[Setting], list[Line]]] = {
    "array-grpc": array_grpc.measure,
    "array-embedded": array_embedded.measure,
    "same-again": same_again.measure,
    "resume": resume.measure,
    "small": small.measure,
    "directory": directory.measure,
    "clients": clients.measure,
}
CAPTION = (
    "Ratio of the medians. ≥: how many times as fast as the other side. ≤: the share of the other side's figure "
    "that is used. Without a bar: how many times as fast."
)


def main() -> None:
    """Measure; the exit code is 1 when a promise is broken or a side could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.transfer",
        description=__doc__,
        epilog="Stores and copies lie in the temporary directory: TMPDIR chooses the file system that is measured.",
    )
    parser.add_argument("--only", action="append", choices=list(BENCHES), help="this bench alone; may be repeated")
    parser.add_argument("--quick", action="store_true", help="one round of little work: does it still work?")
    parser.add_argument("--peers", action="store_true", help="compare with MLflow and ZenML too (installs them once)")
    parser.add_argument("--venvs", type=Path, default=venvs.DEFAULT, help="where the peers are installed (%(default)s)")
    parser.add_argument("--json", action="store_true", help="every sample as JSON instead of the table")
    parser.add_argument("--rounds", type=int, help="how often each side is measured; the median counts")
    arguments = parser.parse_args()

    compile_sources()
    setting = replace(QUICK if arguments.quick else FULL, venvs=arguments.venvs if arguments.peers else None)
    setting = replace(setting, rounds=arguments.rounds or setting.rounds)
    # Stopped from outside it ends like this too: what it started is ended, what it wrote is removed.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="argosy-bench-") as folder:
        tempfile.tempdir = folder
        for name in arguments.only or BENCHES:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            lines += _measured(name, setting)
    if arguments.json:
        print(json.dumps([_as_json(line) for line in lines], indent=2))
    else:
        console = Console(width=150 if not sys.stdout.isatty() else None, highlight=False)
        console.print(_table(lines, setting))
        for reason in dict.fromkeys(line.error for line in lines if line.error):
            console.print("Not measured:", reason, markup=False, style="red")
    sys.exit(0 if all(line.kept and not line.error for line in lines) else 1)


def _measured(name: str, setting: Setting) -> list[Line]:
    try:
        return BENCHES[name](setting)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return [Line(name, "", error=f"{type(error).__name__}: {error}")]


def _table(lines: list[Line], setting: Setting) -> Table:
    machine = f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    table = Table(title=f"Medians of {setting.rounds} rounds on {machine}", title_justify="left", caption=CAPTION)
    for heading in ("what", "against"):
        table.add_column(heading)
    for heading in ("ours", "theirs", "ratio", "in the rounds", "bar"):
        table.add_column(heading, justify="right")
    for line in lines:
        bar = "" if line.bar is None else str(line.bar)
        if line.error:
            table.add_row(line.what, line.against, "not measured", "", "", "", bar, style="bold red")
        else:
            table.add_row(line.what, line.against, *_figures(line), bar, style="" if line.kept else "bold red")
    return table


def _figures(line: Line) -> tuple[str, ...]:
    medians = [f"{statistics.median(samples):.3g} {line.unit}" if samples else "" for samples in _both(line)]
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    spread = "" if line.spread is None else f"{line.spread[0]:.2f}-{line.spread[1]:.2f}"
    return (*medians, ratio, spread)


def _both(line: Line) -> tuple[list[float], list[float]]:
    return list(line.ours), list(line.theirs)


def _as_json(line: Line) -> dict[str, object]:
    ours, theirs = _both(line)
    return {
        "what": line.what,
        "against": line.against,
        "unit": line.unit,
        "ours": ours,
        "theirs": theirs,
        "ratio": line.ratio,
        "bar": None if line.bar is None else str(line.bar),
        "kept": line.kept,
        "error": line.error,
    }


if __name__ == "__main__":
    main()
