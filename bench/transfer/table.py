"""Tells lines: as a table for people, or as JSON with every sample."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.options import machine
from bench.transfer.line import Line

CAPTION = (
    "Ratio of the medians. ≥: how many times as fast as the other side. ≤: the share of the other side's figure "
    "that is used. Without a bar: how many times as fast."
)


def tell(lines: Sequence[Line], rounds: int, *, as_json: bool) -> None:
    """Print the lines, and in a table why some of them have no figures."""
    if as_json:
        print(json.dumps([_as_json(line) for line in lines], indent=2))
        return
    console = Console(width=150 if not sys.stdout.isatty() else None, highlight=False)
    console.print(_table(lines, rounds))
    for reason in dict.fromkeys(line.error for line in lines if line.error):
        console.print("Not measured:", reason, markup=False, style="red")


def are_kept(lines: Sequence[Line]) -> bool:
    """Return whether all lines have figures, and all promises are kept."""
    return all(line.kept and not line.error for line in lines)


def _table(lines: Sequence[Line], rounds: int) -> Table:
    table = Table(title=f"Medians of {rounds} rounds on {machine()}", title_justify="left", caption=CAPTION)
    for heading in ("what", "against"):
        table.add_column(heading)
    for heading in ("ours", "theirs", "ratio", "in the rounds", "bar", "kept"):
        table.add_column(heading, justify="right")
    for line in lines:
        kept = "" if line.bar is None else "yes" if line.kept else "no"
        bar = "" if line.bar is None else str(line.bar)
        if line.error:
            table.add_row(line.what, line.against, "not measured", "", "", "", bar, kept, style="bold red")
        else:
            style = "" if line.kept else "bold red"
            table.add_row(line.what, line.against, *_figures(line), bar, kept, style=style)
    return table


def _figures(line: Line) -> tuple[str, ...]:
    medians = [f"{_short(statistics.median(samples))} {line.unit}" if samples else "" for samples in _both(line)]
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    spread = "" if line.spread is None or len(line.ours) == 1 else f"{line.spread[0]:.2f}-{line.spread[1]:.2f}"
    return (*medians, ratio, spread)


def _short(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 1000 else f"{figure:.3g}"


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
