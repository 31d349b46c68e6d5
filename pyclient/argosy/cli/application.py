"""The tree of commands and the options all of them share."""

from __future__ import annotations

from typing import Annotated

import typer

from argosy.cli import (
    artifact_delete,
    artifact_get,
    artifact_lineage,
    artifact_list,
    artifact_prune,
    artifact_put,
    artifact_show,
    artifact_watch,
    cache_evict,
    cache_explain,
    cache_list,
    run_cancel,
    run_list,
    run_logs,
    run_resume,
    run_show,
)
from argosy.cli.output import Format, OutputOption, print_json, print_line
from argosy.cli.store import store_of, with_store

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Look into an Argosy store, and bring files in and out.

    \b
    Examples:
      argosy artifact list                                what is in the embedded store
      argosy artifact list --server grpc://host:50051     what is on a server
      argosy artifact get model --alias prod -d ./model   its files, verified
      argosy artifact put ./report --name report          a file or a directory
      argosy run show -o json training-3                  a run and its steps, for programs

    \b
    Settings come from --server, --project and --home, before or after the command, else from ARGOSY_SERVER,
    ARGOSY_PROJECT and ARGOSY_HOME, else from [tool.argosy] in pyproject.toml, else from config.toml in the
    home directory.
    """,
)
artifact = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show, get, put and delete artifacts.")
run = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show, cancel and resume pipeline runs.")
cache = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, explain and evict what steps may reuse.")
app.add_typer(artifact, name="artifact")
app.add_typer(run, name="run")
app.add_typer(cache, name="cache")

artifact.command("list")(with_store(artifact_list.list_artifacts))
artifact.command("show")(with_store(artifact_show.show_artifact))
artifact.command("get")(with_store(artifact_get.get_artifact))
artifact.command("put")(with_store(artifact_put.put_artifact))
artifact.command("delete")(with_store(artifact_delete.delete_artifact))
artifact.command("prune")(with_store(artifact_prune.prune_artifacts))
artifact.command("watch")(with_store(artifact_watch.watch_artifacts))
artifact.command("lineage")(with_store(artifact_lineage.show_lineage))
run.command("list")(with_store(run_list.list_runs))
run.command("show")(with_store(run_show.show_run))
run.command("logs")(with_store(run_logs.show_logs))
run.command("cancel")(with_store(run_cancel.cancel_run))
run.command("resume")(with_store(run_resume.resume_run))
cache.command("list")(with_store(cache_list.list_cache))
cache.command("explain")(with_store(cache_explain.explain_cache))
cache.command("evict")(with_store(cache_evict.evict_cache))


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version as installed

        print_line(f"argosy {installed('argosy')}")
        raise typer.Exit


@app.callback()
@with_store
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    pass  # with_store and the callback of --version have done it


@artifact.callback()
@run.callback()
@cache.callback()
@with_store
def _options_of_group(context: typer.Context) -> None:
    pass  # as above


@app.command()
@with_store
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
