"""``argosy doctor``."""

from __future__ import annotations

import dataclasses
import platform
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from argosy.cli.exit_codes import ExitCode
from argosy.cli.output import Column, ColumnsOption, Format, OutputOption, chosen_keys, print_documents, print_line
from argosy.cli.store import Store, store_of
from argosy.execution.views.terminal_text import one_line

if TYPE_CHECKING:
    from argosy.cli.doctor_checks import Finding
    from argosy.config import ClientConfig

_KEYS = ("check", "status", "message", "cure")
_STYLES = {"ok": "32", "warn": "33", "fail": "1;31"}
_WIDTH = len("settings")


def diagnose(context: typer.Context, output: OutputOption = Format.table, columns: ColumnsOption = None) -> None:
    """Tell what is wrong here, and how it is cured.

    Settings, home, disk, packages, store, clock and the way of bytes are looked at; nothing is changed.

    The exit code is 0 unless something fails: 1, or 4 where the store cannot be reached.

    \b
    Examples:
      argosy doctor
      argosy doctor --server grpc://host:50051
      argosy doctor -o json | jq -r '.[] | select(.status != "ok") | .cure'
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    from argosy.cli.doctor_checks import FAIL

    chosen = chosen_keys(columns, _KEYS)
    code = ExitCode.OK
    found: list[Finding] = []
    for finding in _findings(store_of(context)):
        found.append(finding)
        if finding.status == FAIL:
            code = ExitCode.UNREACHABLE if finding.check == "store" else code or ExitCode.REFUSED
        if output is Format.table and chosen is None:
            print_line(_line(finding))
            sys.stdout.flush()
    if output is not Format.table or chosen is not None:
        documents = [dataclasses.asdict(finding) for finding in found]
        print_documents(documents, [Column(key) for key in _KEYS], output, chosen)
    if code is not ExitCode.OK:
        raise typer.Exit(code)


def _findings(store: Store) -> Iterator[Finding]:
    """Yield findings in the order in which one needs the other."""
    from argosy.cli import doctor_checks as checks
    from argosy.cli.doctor_checks import FAIL, OK, Finding

    yield Finding("argosy", OK, f"{_version()}, Python {platform.python_version()} on {platform.platform(terse=True)}")
    try:
        settings, config = store.explained(), store.config()
    except typer.BadParameter as error:
        yield Finding("settings", FAIL, *_told(error.message, "correct it"))
        return
    said = [f"{item.name} by {item.source}" for item in settings if item.source != "default"]
    yield Finding("settings", OK, "; ".join(said) or "all by default")
    yield from checks.check_home(config.home)
    yield from checks.check_packages()
    yield from checks.check_pickle(config, settings)
    yield from _findings_of_store(store, config)


def _findings_of_store(store: Store, config: ClientConfig) -> Iterator[Finding]:
    from argosy.cli import doctor_checks as checks
    from argosy.cli.doctor_checks import FAIL, OK, Finding
    from argosy.errors import ArgosyError

    directory = config.store_directory
    if directory is not None and not (directory / "metadata.db").exists():
        yield Finding("store", OK, f"embedded in {directory}, where the first save makes it")
        return
    try:
        connection = store.connect()
        yield from checks.check_answers(connection)
        yield from checks.check_versions(connection)
        yield from checks.check_writes_and_clock(connection)
        yield from checks.check_ways(connection)
    except ArgosyError as error:
        yield Finding("store", FAIL, *_told(str(error), "see the log of the server"))


def _told(text: str, otherwise: str) -> tuple[str, str]:
    """Return what an error says is wrong, and the cure that it ends with, or else another one."""
    message, _, cure = text.rpartition("; ")
    return (message, cure) if message else (cure, otherwise)


def _version() -> str:
    from importlib.metadata import version

    return version("argosy")


def _line(finding: Finding) -> str:
    status = f"{finding.status:<4}"
    if sys.stdout.isatty():
        status = f"\x1b[{_STYLES[finding.status]}m{status}\x1b[0m"
    cure = f"; {finding.cure}" if finding.cure else ""
    return f"{status}  {finding.check:<{_WIDTH}}  {one_line(finding.message)}{one_line(cure)}"
