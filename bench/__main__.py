"""Runs the benches and prints one table: measured, promised, and the ratio of both."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from bench import (
    command_line,
    five_steps,
    large_array,
    large_frame,
    latest_versions,
    lineage,
    log_capture,
    server_ready,
    small_objects,
    start_up,
    steps,
    watchers,
)
from bench.child import compile_sources
from bench.options import machine, parser
from bench.result import FULL, QUICK, Effort, Result

BENCHES: Mapping[str, Callable[[Effort], list[Result]]] = {
    "start-up": start_up.measure,
    "server-ready": server_ready.measure,
    "command-line": command_line.measure,
    "small-objects": small_objects.measure,
    "five-steps": five_steps.measure,
    "steps": steps.measure,
    "log-capture": log_capture.measure,
    "lineage": lineage.measure,
    "large-array": large_array.measure,
    "large-frame": large_frame.measure,
    "latest-versions": latest_versions.measure,
    "watchers": watchers.measure,
}


def main() -> None:
    """Measure; the exit code is 1 when a promise is broken."""
    arguments = parser("bench", __doc__, BENCHES).parse_args()
    compile_sources()
    effort = QUICK if arguments.quick else FULL
    effort = replace(effort, rounds=arguments.rounds or effort.rounds)
    results: list[Result] = []
    for name in arguments.only or BENCHES:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        results += BENCHES[name](effort)
    if arguments.json:
        print(json.dumps([_as_json(result) for result in results], indent=2))
    else:
        Console(width=110 if not sys.stdout.isatty() else None).print(_table(results, effort))
    sys.exit(0 if all(result.kept for result in results) else 1)


def _table(results: list[Result], effort: Effort) -> Table:
    table = Table(title=f"Median of at least {effort.rounds} on {machine()}", title_justify="left")
    table.add_column("what")
    for heading in ("median", "lowest", "highest", "bar", "ratio"):
        table.add_column(heading, justify="right")
    for result in results:
        figures = (result.median, min(result.samples), max(result.samples))
        bar = "" if result.bar is None else f"{result.bar:.4g} {result.unit}"
        ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
        style = "" if result.kept else "bold red"
        table.add_row(result.name, *(f"{figure:.3g} {result.unit}" for figure in figures), bar, ratio, style=style)
    return table


def _as_json(result: Result) -> dict[str, object]:
    return {
        "name": result.name,
        "unit": result.unit,
        "median": result.median,
        "bar": result.bar,
        "ratio": result.ratio,
        "samples": list(result.samples),
    }


if __name__ == "__main__":
    main()
