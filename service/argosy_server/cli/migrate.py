"""``argosy-server migrate``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argosy_server.cli.damage import COLUMNS, damage_document, damage_row
from argosy_server.cli.options import Format, Output, store_config
from argosy_server.cli.output import counted, fail, format_bytes, print_json, print_table

if TYPE_CHECKING:
    from argosy_server.config import StoreConfig
    from argosy_server.usecases.upkeep.copy_store import CopyReport, Progress
    from argosy_server.usecases.upkeep.plan_copy import CopyPlan
    from argosy_server.usecases.upkeep.verify_store import Damage

NOWHERE = Path("/nonexistent")
"""Stands for a folder that nothing is looked for in."""


def migrate(
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Folder of the store: ARGOSY_HOME of an embedded one, --data of a server."),
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--to", help="Folder (created) of the copy, for what has no other place.")
    ] = None,
    from_database: Annotated[
        str, typer.Option(help="URL of the store's database. Default: SQLite in the folder.", show_default=False)
    ] = "",
    from_blobs: Annotated[
        str, typer.Option(help="Folder or URL of the store's bytes. Default: in the folder.", show_default=False)
    ] = "",
    to_database: Annotated[
        str,
        typer.Option(
            help="URL of an empty database: postgresql://user@host/name, the password as in PGPASSFILE or the URL. "
            "Default: SQLite in the folder.",
            show_default=False,
        ),
    ] = "",
    to_blobs: Annotated[
        str,
        typer.Option(
            help="Folder or URL, such as s3://bucket/prefix, where the bytes go; that of the store leaves them where "
            "they are. Default: in the folder.",
            show_default=False,
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be copied and what would stop it; write nothing.")
    ] = False,
    keep_source: Annotated[
        bool,
        typer.Option(
            "--keep-source",
            help="Leave the store in use as well. What is saved there afterwards is not in the copy.",
        ),
    ] = False,
    skip_damaged: Annotated[
        bool,
        typer.Option(
            "--skip-damaged",
            help="Move although blobs are damaged: the copy knows them as damaged and has none of their bytes.",
        ),
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="How many blobs are copied at once.")] = 8,
    output: Output = Format.table,
) -> None:
    """Move a store to another database and other storage, any to any; every blob is verified on the way.

    Servers may run on the store meanwhile: they wait while the rows are copied, and refuse writes afterwards, naming
    where it went. Interrupted, also by a crash, it goes on where it stopped when it is called again. Uploads under way
    are not copied; runs under way read as abandoned in the copy, and can be resumed there.
    """
    origin = _place("--from", source, from_database, from_blobs)
    goal = _place("--to", target, to_database, to_blobs)
    if dry_run:
        _plan(origin, goal, keep_source, output)
        return
    from argosy_server.bootstrap import open_store_copy
    from argosy_server.domain.errors import BlobCorrupt, DomainError
    from argosy_server.usecases.upkeep.copy_store import CopyReport, copy_store

    report = CopyReport()
    try:
        with contextlib.closing(open_store_copy(origin, goal)) as copy, _progress(copy.source.metadata) as progress:
            copy_store(
                copy.source,
                copy.rows,
                copy.target,
                report,
                keep_source=keep_source,
                skip_damaged=skip_damaged,
                jobs=jobs,
                progress=progress,
            )
            names = copy.rows.store_id, copy.rows.source_name, f"{copy.rows.target_name} and {copy.target.name}"
    except BlobCorrupt as error:
        _print_damage(report.blobs.damage, output)
        fail(str(error))
    except (DomainError, ValueError) as error:
        fail(str(error))
    _print_report(report, names, keep_source, output)


def _place(option: str, folder: Path | None, database: str, blobs: str) -> StoreConfig:
    if folder is None and not (database and blobs):
        raise typer.BadParameter(
            f"name a folder, or both {option}-database and {option}-blobs", param_hint=f"'{option}'"
        )
    return store_config(folder or NOWHERE, database, blobs)


def _plan(origin: StoreConfig, goal: StoreConfig, keep_source: bool, output: Format) -> None:
    from argosy_server.bootstrap import open_store_copy
    from argosy_server.domain.errors import DomainError
    from argosy_server.usecases.upkeep.plan_copy import plan_copy

    try:
        with contextlib.closing(open_store_copy(origin, goal)) as copy:
            plan = plan_copy(copy.source, copy.rows, copy.target, keep_source=keep_source)
    except (DomainError, ValueError) as error:
        fail(str(error))
    if output is Format.json:
        print_json(_plan_document(plan))
    else:
        _print_plan(plan)
    if plan.refusals:
        raise typer.Exit(1)


def _plan_document(plan: CopyPlan) -> dict[str, Any]:
    return {
        "rows": dict(plan.rows),
        "blobs": {"count": plan.blobs, "bytes": plan.blob_bytes},
        "stored": {"count": plan.stored, "bytes": plan.stored_bytes},
        "present": {"count": plan.present, "bytes": plan.present_bytes},
        "uploads_under_way": plan.uploads,
        "was_done": plan.was_done,
        "refusals": plan.refusals,
    }


def _print_plan(plan: CopyPlan) -> None:
    if plan.was_done:
        typer.echo("the store has moved there already; without --dry-run the last step is made sure of")
        return
    rows = [(name, str(count)) for name, count in plan.rows.items() if count]
    if rows:
        print_table(["TABLE", "ROWS"], rows, right=["ROWS"])
    blobs = f"{counted(plan.blobs, 'blob')} ({format_bytes(plan.blob_bytes)})"
    stored = f"{counted(plan.stored, 'file')} ({format_bytes(plan.stored_bytes)})"
    typer.echo(f"would copy {counted(sum(plan.rows.values()), 'row')} and {blobs}, in rows but for {stored}")
    if plan.present:
        typer.echo(f"the target has {counted(plan.present, 'file')} ({format_bytes(plan.present_bytes)}) already")
    if plan.uploads:
        typer.echo(f"{counted(plan.uploads, 'upload')} under way would not be copied")
    for refusal in plan.refusals:
        typer.echo(f"stops it: {refusal}")


def _print_damage(found: list[Damage], output: Format) -> None:
    if output is Format.json:
        print_json({"damage": [damage_document(damage) for damage in found]})
        return
    print_table(COLUMNS, map(damage_row, found), right=["SIZE"])


def _print_report(report: CopyReport, names: tuple[str, str, str], keep_source: bool, output: Format) -> None:
    store_id, source, place = names
    blobs = report.blobs
    if output is Format.json:
        print_json(
            {
                "store_id": store_id,
                "moved_to": place,
                "source_kept": keep_source,
                "was_done": report.was_done,
                "rows": dict(report.rows),
                "copied": {"blobs": blobs.copied, "bytes": blobs.copied_bytes},
                "present": {"blobs": blobs.present, "bytes": blobs.present_bytes},
                "in_rows": blobs.inside,
                "damage": [damage_document(damage) for damage in blobs.damage],
            }
        )
        return
    if report.was_done:
        typer.echo(f"nothing was left to copy: store {store_id} is in {place}")
        return
    if blobs.damage:
        _print_damage(blobs.damage, output)
        typer.echo(f"{counted(len(blobs.damage), 'damaged blob')} left behind")
    typer.echo(
        f"copied {counted(sum(report.rows.values()), 'row')} and {counted(blobs.copied, 'file')} "
        f"({format_bytes(blobs.copied_bytes)}); {counted(blobs.present, 'file')} "
        f"({format_bytes(blobs.present_bytes)}) were there"
    )
    typer.echo(f"store {store_id} is in {place}")
    typer.echo(
        f"{source} stays usable: what is saved there from now on is not in the copy"
        if keep_source
        else f"{source} takes nothing any more; stop its servers, and remove it when you are sure"
    )


@contextlib.contextmanager
def _progress(metadata: Any) -> Iterator[Progress]:
    """Show on stderr how far it is, if that is a terminal."""
    from argosy_server.usecases.upkeep.copy_store import Progress

    if not sys.stderr.isatty():
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    with metadata.read() as tx:
        _, total = tx.survey.totals()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("look at both stores")
        counted_rows = counted_bytes = 0
        now = "look at both stores"

        def show() -> None:
            done = f"{format_bytes(counted_bytes)} of {format_bytes(total)} read, {counted_rows} rows written"
            bars.update(task, description=f"{now}: {done}")

        def read(count: int) -> None:
            nonlocal counted_bytes
            counted_bytes += count
            show()

        def wrote(count: int) -> None:
            nonlocal counted_rows
            counted_rows += count
            show()

        def begins(phase: str) -> None:
            nonlocal now
            now = phase
            show()

        yield Progress(read, wrote, begins)
