"""Runs the benches of scale and prints one table: measured, the bar or the other side, and the ratio of both."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bench.child import compile_sources
from bench.scale import many_versions, object_store, same_name, signed, workers
from bench.scale.same_name import Round
from bench.scale.setting import FULL, QUICK, Setting
from bench.transfer.line import Line, at_least
from bench.transfer.table import are_kept, tell


def main() -> None:
    """Measure; the exit code is 1 when a promise is broken or a side could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.scale",
        description=__doc__,
        epilog="Databases and stores lie in the temporary directory: TMPDIR chooses the file system that is measured.",
    )
    parser.add_argument("--only", action="append", choices=list(BENCHES), help="this bench alone; may be repeated")
    parser.add_argument("--quick", action="store_true", help="one round of little work: does it still work?")
    parser.add_argument("--json", action="store_true", help="every sample as JSON instead of the table")
    parser.add_argument("--rounds", type=int, help="how often each side is measured; the median counts")
    arguments = parser.parse_args()

    compile_sources()
    setting = QUICK if arguments.quick else FULL
    setting = replace(setting, rounds=arguments.rounds or setting.rounds)
    # Stopped from outside it ends like this too: what it started is ended, what it wrote is removed.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="argosy-bench-") as folder:
        tempfile.tempdir = folder
        for name in arguments.only or BENCHES:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            began = time.monotonic()
            lines += _measured(name, setting)
            print(f"  took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    tell(lines, setting.rounds, as_json=arguments.json)
    sys.exit(0 if are_kept(lines) else 1)


def _measured(name: str, setting: Setting) -> list[Line]:
    try:
        return BENCHES[name](setting)
    except (OSError, RuntimeError, subprocess.SubprocessError, SystemExit) as error:
        return [Line(name, "", error=f"{type(error).__name__}: {error}")]


def lines_of_one_name(sync: float, rounds: Sequence[Round]) -> list[Line]:
    """Hold saves against what is promised: so many a second, or a share of bare SQL."""
    saves, sql = [one.saves for one in rounds], [one.sql for one in rounds]
    what = (
        f"saves of {same_name.PROCESSES * same_name.THREADS} clients, one name, PostgreSQL; a sync takes {sync:.2f} ms"
    )
    of_sql = Line(what, "bare SQL", saves, sql, "/s", at_least(same_name.BAR_OF_SQL), is_rate=True)
    a_second = Line(what, "a number", saves, [same_name.BAR_A_SECOND], "/s", at_least(1), is_rate=True)
    # One of the two is enough.
    if of_sql.kept:
        return [of_sql, replace(a_second, bar=None)]
    return [replace(of_sql, bar=None), a_second] if a_second.kept else [of_sql, a_second]


def _object_stores(setting: Setting) -> list[Line]:
    return [line for kind in setting.kinds for line in object_store.measure(kind, setting)]


BENCHES: Mapping[str, Callable[[Setting], list[Line]]] = {
    "same-name": lambda setting: lines_of_one_name(*same_name.measure(setting.seconds, setting.rounds)),
    "many-versions": many_versions.measure,
    "workers": workers.measure,
    "object-store": _object_stores,
    "signed": lambda setting: signed.measure("versitygw", setting),
}

if __name__ == "__main__":
    main()
