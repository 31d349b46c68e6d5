"""The commands put together."""

from __future__ import annotations

from typing import Annotated

import typer

from argosy_server import __version__
from argosy_server.cli.gc import gc
from argosy_server.cli.health import health
from argosy_server.cli.migrate import migrate
from argosy_server.cli.serve import serve
from argosy_server.cli.verify import EXIT_CODES_HELP, verify

# Errors are told in a sentence; a traceback is for defects, and then the plain one.
app = typer.Typer(
    help="Stores, versions and exchanges the artifacts of machine-learning pipelines over gRPC.",
    pretty_exceptions_enable=False,
    # rich cuts the names of the environment at the width of a terminal.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"argosy-server {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    pass  # the callback of --version has done it


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


app.command()(serve)
app.command(epilog=EXIT_CODES_HELP)(verify)
app.command()(gc)
app.command()(health)
app.command()(migrate)
