"""Runs the benches of transfers and prints one table: ours, the limit or the peer, and the ratio of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bench.options import parser
from bench.transfer import array_embedded, array_grpc, clients, directory, resume, same_again, small, venvs
from bench.transfer.line import Line
from bench.transfer.run import WHERE, run
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


def main() -> None:
    """Measure as the command line says."""
    options = parser("bench.transfer", __doc__, BENCHES, WHERE)
    options.add_argument("--peers", action="store_true", help="compare with MLflow and ZenML too (installs them once)")
    options.add_argument("--venvs", type=Path, default=venvs.DEFAULT, help="where these are installed (%(default)s)")
    asked = options.parse_args()
    setting = QUICK if asked.quick else FULL
    setting = replace(setting, venvs=asked.venvs if asked.peers else None, rounds=asked.rounds or setting.rounds)
    run(BENCHES, asked.only or BENCHES, setting, setting.rounds, as_json=asked.json)


if __name__ == "__main__":
    main()
