"""Runs the benches of scale and prints one table: measured, the bar or the other side, and the ratio of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from bench.options import parser
from bench.scale import many_versions, object_store, same_name, signed, workers
from bench.scale.setting import FULL, QUICK, Setting
from bench.transfer.line import Line
from bench.transfer.run import WHERE, run

BENCHES: Mapping[str, Callable[[Setting], list[Line]]] = {
    "same-name": same_name.measure,
    "many-versions": many_versions.measure,
    "workers": workers.measure,
    "object-store": object_store.measure,
    "signed": signed.measure,
}


def main() -> None:
    """Measure as the command line says."""
    asked = parser("bench.scale", __doc__, BENCHES, WHERE).parse_args()
    setting = QUICK if asked.quick else FULL
    setting = replace(setting, rounds=asked.rounds or setting.rounds)
    run(BENCHES, asked.only or BENCHES, setting, setting.rounds, as_json=asked.json)


if __name__ == "__main__":
    main()
