"""``argosy-server verify``."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argosy_server.cli.damage import COLUMNS, damage_document, damage_row
from argosy_server.cli.options import Blobs, Database, ExistingData, Format, Output, store_config
from argosy_server.cli.output import counted, fail, format_bytes, print_json, print_table
from argosy_server.config import DEFAULT_DATA

if TYPE_CHECKING:
    from argosy_server.bootstrap import Store
    from argosy_server.usecases.upkeep.blob_subset import Subset
    from argosy_server.usecases.upkeep.verify_store import Damage, VerifyReport

EXIT_CODES = {"unreadable": 10, "corrupt": 11, "truncated": 12, "missing": 13, "dangling": 14}
"""By kind of damage; the worst kind found wins, and that has the highest number."""
EXIT_CODES_HELP = (
    "Exit codes, of which the worst kind found wins: 0 no damage; 1 the check could not be made; 2 a wrong option; "
    "10 unreadable: the storage refuses to give the bytes; 11 corrupt: bytes do not match their checksums; "
    "12 truncated: the end is missing; 13 missing: all bytes of a blob are gone; "
    "14 dangling: a version refers to a blob the database does not have."
)


def verify(
    subset: Annotated[
        str,
        typer.Option(
            metavar="SHARE",
            help="Read only this share of the blobs: 5% at random, or 2/10, the second of ten parts. Default: all.",
            show_default=False,
        ),
    ] = "",
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=(1 << 64) - 1,
            help="Choose the percentage as an earlier check did that told this seed. Default: another one each time.",
            show_default=False,
        ),
    ] = None,
    data: ExistingData = DEFAULT_DATA,
    database: Database = "",
    blobs: Blobs = "",
    output: Output = Format.table,
) -> None:
    """Read every blob back and tell what is damaged; servers may run meanwhile.

    Size, the checksum of each piece of 4 MiB and the digest of each blob are compared with what the database keeps,
    and each file of a version must have its blob. What is wrong is read once more. Bytes nothing refers to and uploads
    under way are told, but are no damage. Nothing is changed, but that a blob that was marked as damaged and reads back
    right counts as live again.
    """
    if seed is not None and not subset.endswith("%"):
        raise typer.BadParameter("a seed goes with a percentage, such as --subset 5%", param_hint="'--seed'")
    from argosy_server.bootstrap import open_existing
    from argosy_server.domain.errors import DomainError, InvalidField
    from argosy_server.usecases.upkeep.blob_subset import parse_subset

    if seed is None and subset.endswith("%"):
        seed = secrets.randbelow(1 << 32)
    try:
        chosen = parse_subset(subset, seed or 0) if subset else None
    except InvalidField as error:
        raise typer.BadParameter(error.rule, param_hint="'--subset'") from None
    try:
        with contextlib.closing(open_existing(store_config(data, database, blobs))) as store:
            found, report = _check(store, chosen)
    except (DomainError, ValueError) as error:
        fail(str(error))
    if output is Format.json:
        print_json(_document(found, report, subset, seed))
    else:
        _print_report(found, report, subset, seed)
    if report.damage:
        raise typer.Exit(max(EXIT_CODES[kind.value] for kind in report.damage))


def _check(store: Store, subset: Subset | None) -> tuple[list[Damage], VerifyReport]:
    from argosy_server.usecases.upkeep.verify_store import VerifyReport, verify_store

    report = VerifyReport()
    with _bar(report, subset) as advance:
        return list(verify_store(store.metadata, store.storage, report, subset, advance)), report


@contextlib.contextmanager
def _bar(report: VerifyReport, subset: Subset | None) -> Iterator[Callable[[int], None]]:
    """Show on stderr how far the check is, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("verify", total=None)

        def advance(count: int) -> None:
            # How much a share of the blobs holds is known only on average.
            progress.update(task, advance=count, total=float(report.total_bytes * (subset.part if subset else 1)))

        yield advance


def _document(found: list[Damage], report: VerifyReport, subset: str, seed: int | None) -> dict[str, Any]:
    return {
        "clean": not report.damage,
        "damage": [_damage_document(damage) for damage in found],
        "damage_counts": {kind.value: count for kind, count in report.damage.items()},
        "checked": {"blobs": report.blobs, "bytes": report.bytes},
        "total": {"blobs": report.total, "bytes": report.total_bytes},
        "subset": subset or None,
        "seed": seed,
        "orphans": {"count": report.orphans, "bytes": report.orphan_bytes},
        "uploads_under_way": report.uploads,
        "recovered": report.recovered,
    }


def _damage_document(damage: Damage) -> dict[str, Any]:
    damaged_bytes = [[part.start, part.stop] for part in damage.flaw.ranges]
    return {**damage_document(damage), "location": damage.location, "damaged_bytes": damaged_bytes}


def _print_report(found: list[Damage], report: VerifyReport, subset: str, seed: int | None) -> None:
    if found:
        rows = [
            (
                *damage_row(damage),
                damage.location or ("" if damage.flaw.kind.value == "dangling" else "in the database"),
            )
            for damage in found
        ]
        print_table([*COLUMNS, "LOCATION"], rows, right=["SIZE"])
        typer.echo(
            "to repair them load each value once, which is refused and tells the server, and save the same value "
            "again; or restore the store from a backup"
        )
    share = f" ({subset}{'' if seed is None else f', seed {seed}'})" if subset else ""
    kinds = ", ".join(f"{count} {kind.value}" for kind, count in report.damage.items()) or "no damage"
    read = f"read {report.blobs} of {counted(report.total, 'blob')}{share}, {format_bytes(report.bytes)}"
    typer.echo(f"{read}: {kinds}")
    if report.recovered:
        typer.echo(f"{counted(report.recovered, 'blob')} marked as damaged read back right: live again")
    if report.orphans:
        left = f"{counted(report.orphans, 'orphan')} ({format_bytes(report.orphan_bytes)})"
        typer.echo(f"{left} left over, which a server removes in time, or argosy-server gc --execute now")
    if report.uploads:
        typer.echo(f"{counted(report.uploads, 'upload')} under way")
