"""Names that a shell completes: those in the store which the line so far means.

A store that is not there is not made, one that does not answer is not waited for, and nothing is ever printed: who
presses Tab gets names, or none.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import typer

from argosy.cli.store import SHARED_OPTIONS, Store

if TYPE_CHECKING:
    from argosy.transport.connection import Connection

_MOST = 200
"""Names that are looked at."""
_PATIENCE = 1.0
"""Seconds that a server may take."""

Completer = Callable[[typer.Context, str], list[str]]
Read = Callable[["Connection", "dict[str, Any]", str], Iterable[str]]


def _completer(read: Read) -> Completer:
    """Return what typer calls: with the names that ``read`` finds for the arguments so far and the word begun."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        try:
            connection = _open(context)
            names = [] if connection is None else read(connection, context.params, incomplete)
            return [name for name in dict.fromkeys(names) if name.startswith(incomplete) and _is_plain(name)]
        except Exception:  # whatever it is, a shell that asks for names is no place to tell
            return []

    return complete


def _open(context: typer.Context) -> Connection | None:
    """Return the store of the line; ``None`` if it is an embedded one that nobody has made yet."""
    said: dict[str, Any] = {}
    level: Any = context
    while level is not None:  # what stands next to the command wins
        said = {option: level.params.get(option) for option in SHARED_OPTIONS if level.params.get(option)} | said
        level = level.parent
    settings = Store(**said).config()
    directory = settings.store_directory
    if directory is not None and not (directory / "metadata.db").exists():
        return None
    from argosy.transport.connection import connect

    return connect(dataclasses.replace(settings, connect_timeout=_PATIENCE, unary_deadline=_PATIENCE))


def _is_plain(name: str) -> bool:
    """Tell whether a shell takes a name as it is; anybody may have saved one with ``$(...)`` in it."""
    return shlex.quote(name) == name


@_completer
def artifact_names(connection: Connection, _arguments: dict[str, Any], begun: str) -> Iterable[str]:
    """Complete an artifact."""
    page = connection.artifacts.list_artifacts(name_contains=begun, page_size=_MOST)
    return [summary.latest.name for summary in page.artifacts]


@_completer
def version_labels(connection: Connection, arguments: dict[str, Any], _begun: str) -> Iterable[str]:
    """Complete a version of the artifact that the line names."""
    page = connection.artifacts.list_artifact_versions(name=arguments["name"], page_size=_MOST)
    return [version.version for version in page.artifact_versions]


@_completer
def alias_names(connection: Connection, arguments: dict[str, Any], _begun: str) -> Iterable[str]:
    """Complete an alias of the artifact that the line names."""
    page = connection.artifacts.list_artifact_versions(name=arguments["name"], page_size=_MOST)
    return [alias for version in page.artifact_versions for alias in version.aliases]


@_completer
def run_names(connection: Connection, _arguments: dict[str, Any], _begun: str) -> Iterable[str]:
    """Complete a run, of the newest ones."""
    return [run.name for run in connection.pipelines.list_runs(page_size=_MOST).runs]


@_completer
def step_names(connection: Connection, arguments: dict[str, Any], _begun: str) -> Iterable[str]:
    """Complete a step of the run that the line names."""
    return [step.invocation for step in connection.pipelines.get_run(arguments["run"]).steps]


@_completer
def pipeline_names(connection: Connection, _arguments: dict[str, Any], _begun: str) -> Iterable[str]:
    """Complete a pipeline."""
    return [summary.name for summary in connection.pipelines.list_pipelines(page_size=_MOST).pipelines]
