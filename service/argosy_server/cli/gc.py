"""``argosy-server gc``."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer

from argosy_server.cli.options import Blobs, Database, ExistingData, Format, Output, parse_duration, store_config
from argosy_server.cli.output import counted, fail, format_bytes, print_json, print_table
from argosy_server.config import DEFAULT_DATA

MAX_ROWS = 20
"""Most things a table names, the largest ones; ``-o json`` names all."""
DEFAULT_GRACE = timedelta(hours=1)


def gc(
    plan: Annotated[bool, typer.Option("--plan", help="Tell what would be removed, and change nothing.")] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Remove it.")] = False,
    grace: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration,
            metavar="DURATION",
            help="Keep what became garbage, or was written, less than this ago: 0s, 30m, 24h, 7d.",
            show_default="1h",
        ),
    ] = None,
    ignore_leases: Annotated[
        bool,
        typer.Option(
            "--ignore-leases",
            help="For a full disk: also remove at once what only a lease keeps, blobs no version refers to yet and "
            "uploads under way. No client may be saving meanwhile: what it saves is refused.",
        ),
    ] = False,
    data: ExistingData = DEFAULT_DATA,
    database: Database = "",
    blobs: Blobs = "",
    output: Output = Format.table,
) -> None:
    """Remove what nothing can reach any more, or tell what that is; servers may run and take uploads meanwhile.

    Garbage are blobs no version refers to and whose lease has expired, bytes nothing refers to, and uploads that
    expired or ended. Servers remove it every ten minutes by themselves, without a grace; where the database was
    restored, they remove no bytes until --execute was given once: no other database may use the same bytes then.
    """
    if plan == execute:
        raise typer.BadParameter("say either --plan, which changes nothing, or --execute", param_hint="'--plan'")
    if ignore_leases and grace is not None:
        raise typer.BadParameter(
            "--ignore-leases keeps nothing for a grace; leave one of them out", param_hint="'--grace'"
        )
    from argosy_server.bootstrap import open_existing
    from argosy_server.domain.errors import DomainError
    from argosy_server.domain.limits import Limits
    from argosy_server.usecases.ports.repositories import IGNORE_LEASES, NO_GRACE
    from argosy_server.usecases.upkeep.sweep import Garbage, SweepReport, plan_sweep, sweep

    if grace is None:
        grace = NO_GRACE if ignore_leases else DEFAULT_GRACE
    kept = IGNORE_LEASES if ignore_leases else grace
    items: list[Garbage] = []
    try:
        with closing(open_existing(store_config(data, database, blobs))) as store:
            if execute:
                report = sweep(store.metadata, store.storage, Limits(), kept, after_restore=True)
            else:
                report = SweepReport()
                items += plan_sweep(store.metadata, store.storage, Limits(), kept, report)
    except (DomainError, ValueError) as error:
        fail(str(error))
    items.sort(key=lambda item: item.size, reverse=True)
    if output is Format.json:
        named = [{**asdict(item), "kind": item.kind.value} for item in items]
        how = {"executed": execute, "grace_seconds": grace.total_seconds(), "ignore_leases": ignore_leases}
        print_json({**how, **asdict(report), "garbage": named})
        return
    if items:
        _print_items(items)
    _print_totals(report, "removed" if execute else "would remove")


def _print_items(items: list[Any]) -> None:
    shown = items[:MAX_ROWS]
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
