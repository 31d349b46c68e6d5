"""The store that the shared options name; opened when a command first needs it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from argosy.cli.rules import following
from argosy.graph.names import text_problem

if TYPE_CHECKING:
    from argosy.config import ClientConfig, Setting
    from argosy.transport.connection import Connection

ServerOption = Annotated[
    Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
    typer.Option(
        "--server",
        help="The store: grpc://host:port, several servers as grpc://a:1,b:2, unix:///path or embedded:///directory. "
        "[ARGOSY_SERVER]",
        callback=following(text_problem),
    ),
]
# What these two must be is told by the configuration.
ProjectOption = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option("--project", help="The project to work in. [ARGOSY_PROJECT]"),
]
HomeOption = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option(
        "--home", metavar="DIRECTORY", help="Directory of the embedded store and of config.toml. [ARGOSY_HOME]"
    ),
]
SHARED_OPTIONS = {"server": ServerOption, "project": ProjectOption, "home": HomeOption}
"""What every command takes, by the names of the fields of :class:`Store`."""


@dataclass(frozen=True)
class Store:
    """What the shared options say; ``None`` leaves a setting to the environment and files.

    Attributes:
        server: as ``ClientConfig.server``.
        project: as ``ClientConfig.project``.
        home: as ``ClientConfig.home``.
    """

    server: str | None = None
    project: str | None = None
    home: str | None = None

    def config(self) -> ClientConfig:
        """Return the settings that hold.

        Raises:
            typer.BadParameter: one of them is malformed, wherever it comes from.
        """
        from argosy import config

        with _told_as_typed():
            return config.resolve(server=self.server, project=self.project, home=self.home)

    def explained(self) -> list[Setting]:
        """Return every setting that holds, and what said it.

        Raises:
            typer.BadParameter: one of them is malformed, wherever it comes from.
        """
        from argosy import config

        with _told_as_typed():
            found = config.explain(server=self.server, project=self.project, home=self.home)
        return [item._replace(source=re.sub(r"^argument (\w+)=$", r"--\1", item.source)) for item in found]

    def connect(self, *, quiet: bool = False) -> Connection:
        """Open the store.

        Args:
            quiet: whether nothing is shown of what runs, whatever the settings say.

        Raises:
            typer.BadParameter: a setting is malformed.
            UnavailableError: the server does not answer.
        """
        settings = self.config()
        from argosy.transport.connection import connect

        return connect(dataclasses.replace(settings, quiet=True) if quiet else settings)

    def describe(self) -> dict[str, str]:
        """Return where the store is, without opening it."""
        settings = self.config()
        return {"store": settings.server or f"embedded://{settings.home}", "project": settings.project}


@contextlib.contextmanager
def _told_as_typed() -> Iterator[None]:
    """Let a malformed setting be wrong use of the command, and arguments have the names of options."""
    from argosy.errors import ConfigurationError

    try:
        yield
    except ConfigurationError as error:
        raise typer.BadParameter(re.sub(r"^argument (\w+)=", r"--\1", str(error))) from None


def store_of(context: typer.Context) -> Store:
    """Return the store of a command: what was said next to it wins over what was said before."""
    return context.find_object(Store) or Store()


def say_store(
    context: typer.Context, server: str | None = None, project: str | None = None, home: str | None = None
) -> None:
    """Keep what the shared options say for the command that follows."""
    before = store_of(context)
    context.obj = Store(
        server=before.server if server is None else server,
        project=before.project if project is None else project,
        home=before.home if home is None else home,
    )


def with_store(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, or a group of them, the shared options too, so that they may stand after its name."""

    @functools.wraps(command)
    def run(context: typer.Context, **arguments: Any) -> None:
        say_store(context, **{option: arguments.pop(option) for option in SHARED_OPTIONS})
        command(context, **arguments)

    signature = inspect.signature(command, eval_str=True)
    shared = [
        inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for option, annotation in SHARED_OPTIONS.items()
    ]
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]  # what typer reads
        parameters=[*signature.parameters.values(), *shared]
    )
    return run
