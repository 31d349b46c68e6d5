"""Runs the benches of transfers and prints one table: ours, the limit or the peer, and the ratio of both."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bench.child import compile_sources
from bench.transfer import array_embedded, array_grpc, clients, directory, resume, same_again, small, venvs
from bench.transfer.line import Line
from bench.transfer.setting import FULL, QUICK, Setting
from bench.transfer.table import are_kept, tell

BENCHES: Mapping[str, Callable[[Setting], list[Line]]] = {
    "array-grpc": array_grpc.measure,
    "array-embedded": array_embedded.measure,
    "same-again": same_again.measure,
    "resume": resume.measure,
    "small": small.measure,
    "directory": directory.measure,
    "clients": clients.measure,
}


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
    tell(lines, setting.rounds, as_json=arguments.json)
    sys.exit(0 if are_kept(lines) else 1)


def _measured(name: str, setting: Setting) -> list[Line]:
    try:
        return BENCHES[name](setting)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return [Line(name, "", error=f"{type(error).__name__}: {error}")]


if __name__ == "__main__":
    main()
