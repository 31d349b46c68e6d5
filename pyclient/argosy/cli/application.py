"""The tree of commands and the options all of them share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from argosy.cli import artifact_get, artifact_list, artifact_put, artifact_show, run_list, run_show
from argosy.cli.output import Format, OutputOption, print_json, print_line
from argosy.cli.store import Store, store_of

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Look into an Argosy store, and bring files in and out.

    \b
    Examples:
      argosy artifact list                                what is in the embedded store
      argosy --server grpc://host:50051 artifact list      what is on a server
      argosy artifact get model --alias prod -d ./model   its files, verified
      argosy artifact put ./report --name report          a file or a directory
      argosy run show -o json training-3                  a run and its steps, for programs

    \b
    Settings come from the options below, else from ARGOSY_SERVER, ARGOSY_PROJECT and ARGOSY_HOME,
    else from [tool.argosy] in pyproject.toml, else from config.toml in the home directory.
    """,
)
artifact = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show, get and put artifacts.")
run = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List and show pipeline runs.")
app.add_typer(artifact, name="artifact")
app.add_typer(run, name="run")

artifact.command("list")(artifact_list.list_artifacts)
artifact.command("show")(artifact_show.show_artifact)
artifact.command("get")(artifact_get.get_artifact)
artifact.command("put")(artifact_put.put_artifact)
run.command("list")(run_list.list_runs)
run.command("show")(run_show.show_run)


@app.callback()
def _options(
    context: typer.Context,
    server: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Option(help="The store: grpc://host:port, unix:///path or embedded:///directory. [ARGOSY_SERVER]"),
    ] = None,
    project: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(help="The project to work in. [ARGOSY_PROJECT]"),
    ] = None,
    home: Annotated[
        Optional[Path],  # noqa: UP045 - as above
        typer.Option(help="Directory of the embedded store and the user's file. [ARGOSY_HOME]"),
    ] = None,
) -> None:
    context.obj = Store(server=server, project=project, home=home)


@app.command()
def version(context: typer.Context, output: OutputOption = Format.table) -> None:
    """Tell the version, and which store commands would use; nothing is opened."""
    import platform
    from importlib.metadata import version as installed

    facts = {"argosy": installed("argosy"), "python": platform.python_version(), **store_of(context).describe()}
    if output is Format.json:
        print_json(facts)
        return
    for name, text in facts.items():
        print_line(f"{name:<8} {text}")
