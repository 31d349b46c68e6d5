"""``argosy-server gc``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer

from argosy_server.cli.options import Blobs, Database, ExistingData, Format, Output, parse_duration, store_config
from argosy_server.cli.output import counted, fail, format_bytes, print_json, print_table
from argosy_server.config import DEFAULT_DATA

MAX_ROWS = 20
"""Most things a table names of each kind; ``-o json`` names all."""


def gc(
    plan: Annotated[bool, typer.Option("--plan", help="Tell what would be removed, and change nothing.")] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Remove it.")] = False,
    grace: Annotated[
        timedelta,
        typer.Option(
            parser=parse_duration,
            metavar="DURATION",
            help="Keep what became garbage, or was written, less than this ago: 0s, 30m, 24h, 7d.",
        ),
    ] = "1h",  # type: ignore[assignment]  # the parser is given the default too
    data: ExistingData = DEFAULT_DATA,
    database: Database = "",
    blobs: Blobs = "",
    output: Output = Format.table,
) -> None:
    """Remove what nothing can reach any more, or tell what that is; servers may run and take uploads meanwhile.

    Garbage are blobs no version refers to and whose lease has expired, bytes nothing refers to, and uploads that
    expired or ended. Servers remove it every ten minutes by themselves, without a grace.
    """
    if plan == execute:
        raise typer.BadParameter("say either --plan, which changes nothing, or --execute", param_hint="'--plan'")
    from argosy_server.bootstrap import open_existing
    from argosy_server.domain.errors import DomainError
    from argosy_server.domain.limits import Limits
    from argosy_server.usecases.sweep import Garbage, SweepReport, plan_sweep, sweep

    items: list[Garbage] = []
    try:
        store = open_existing(store_config(data, database, blobs))
        if execute:
            report = sweep(store.metadata, store.storage, Limits(), grace)
        else:
            report = SweepReport()
            items += plan_sweep(store.metadata, store.storage, Limits(), grace, report)
        store.close()
    except (DomainError, ValueError) as error:
        fail(str(error))
    if output is Format.json:
        named = [{**asdict(item), "kind": item.kind.value} for item in items]
        print_json({"executed": execute, "grace_seconds": grace.total_seconds(), **asdict(report), "garbage": named})
        return
    if items:
        _print_items(items)
    _print_totals(report, "removed" if execute else "would remove")


def _print_items(items: list[Any]) -> None:
    shown: list[Any] = []
    for kind in dict.fromkeys(item.kind for item in items):
        shown += [item for item in items if item.kind is kind][:MAX_ROWS]
    rows = [(item.kind.value, item.project, item.name, format_bytes(item.size) if item.size else "") for item in shown]
    print_table(["KIND", "PROJECT", "NAME", "SIZE"], rows, right=["SIZE"])
    if len(items) > len(shown):
        typer.echo(f"and {len(items) - len(shown)} more, all of which -o json names")


def _print_totals(report: Any, did: str) -> None:
    parts = [
        f"{counted(report.blobs, 'blob')} ({format_bytes(report.blob_bytes)})",
        f"{counted(report.orphans, 'orphan')} ({format_bytes(report.orphan_bytes)})",
        counted(report.uploads, "upload"),
        counted(report.replies, "old reply", "old replies"),
        counted(report.events, "old event"),
    ]
    typer.echo(f"{did} {', '.join(parts)}")
