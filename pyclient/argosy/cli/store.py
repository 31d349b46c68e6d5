"""The store that the shared options name; opened when a command first needs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from argosy.config import ClientConfig
    from argosy.transport.connection import Connection
    from argosy.v1.artifact_pb2 import VersionSelector


@dataclass(frozen=True)
class Store:
    """What the options before the command say; ``None`` leaves a setting to the environment and files.

    Attributes:
        server: as ``ClientConfig.server``.
        project: as ``ClientConfig.project``.
        home: as ``ClientConfig.home``.
    """

    server: str | None
    project: str | None
    home: Path | None

    def config(self) -> ClientConfig:
        """Return the settings that hold.

        Raises:
            typer.BadParameter: one of them is malformed, wherever it comes from.
        """
        from argosy import config
        from argosy.errors import ConfigurationError

        try:
            return config.resolve(server=self.server, project=self.project, home=self.home)
        except ConfigurationError as error:
            raise typer.BadParameter(str(error)) from None

    def connect(self) -> Connection:
        """Open the store.

        Raises:
            typer.BadParameter: a setting is malformed.
            UnavailableError: the server does not answer.
        """
        settings = self.config()
        from argosy.transport.connection import connect

        return connect(settings)

    def describe(self) -> dict[str, str]:
        """Return where the store is, without opening it."""
        settings = self.config()
        return {"store": settings.server or f"embedded://{settings.home}", "project": settings.project}


def store_of(context: typer.Context) -> Store:
    """Return the store of a command."""
    found = context.find_object(Store)
    assert found is not None  # the callback of the application sets it before any command runs
    return found


def selector_of(name: str, version: str | None, alias: str | None, pipeline: str | None) -> VersionSelector:
    """Say which version a command means; a UUID is an id, a name alone the latest version.

    Raises:
        typer.BadParameter: more than one of version, alias and pipeline, or one of them with an id.
    """
    from argosy.graph.names import id_problem
    from argosy.v1.artifact_pb2 import VersionSelector

    given = {"--version": version, "--alias": alias, "--pipeline": pipeline}
    passed = [option for option, text in given.items() if text is not None]
    if len(passed) > 1:
        raise typer.BadParameter(f"{' and '.join(passed)} each select a version on their own; pass one of them")
    if id_problem(name) is None:
        if passed:
            raise typer.BadParameter(f"{name} is an id and needs no {passed[0]}")
        return VersionSelector(id=name)
    return VersionSelector(name=name, version=version or "", alias=alias or "", pipeline_name=pipeline or "")
