"""The tree of commands and the options all of them share."""

from __future__ import annotations

import contextlib
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from argosy.cli import completion, doctor, exit_codes, version
from argosy.cli.artifact.alias import alias_artifact
from argosy.cli.artifact.delete import delete_artifact
from argosy.cli.artifact.diff import diff_artifacts
from argosy.cli.artifact.get import get_artifact
from argosy.cli.artifact.lineage import show_lineage
from argosy.cli.artifact.list import list_artifacts
from argosy.cli.artifact.preview import preview_artifact
from argosy.cli.artifact.prune import prune_artifacts
from argosy.cli.artifact.put import put_artifact
from argosy.cli.artifact.show import show_artifact
from argosy.cli.artifact.tag import tag_artifact
from argosy.cli.artifact.watch import watch_artifacts
from argosy.cli.cache.evict import evict_cache
from argosy.cli.cache.explain import explain_cache
from argosy.cli.cache.list import list_cache
from argosy.cli.config.set import set_config
from argosy.cli.config.show import show_config
from argosy.cli.pipeline.list import list_pipelines
from argosy.cli.pipeline.run import run_pipeline
from argosy.cli.pipeline.show import show_pipeline
from argosy.cli.run.cancel import cancel_run
from argosy.cli.run.compare import compare_runs
from argosy.cli.run.graph import show_graph
from argosy.cli.run.list import list_runs
from argosy.cli.run.logs import show_logs
from argosy.cli.run.resume import resume_run
from argosy.cli.run.show import show_run
from argosy.cli.store import with_store

_COMMANDS: Mapping[str, Mapping[str, Callable[..., None]]] = {
    "artifact": {
        "list": list_artifacts,
        "show": show_artifact,
        "get": get_artifact,
        "put": put_artifact,
        "tag": tag_artifact,
        "alias": alias_artifact,
        "diff": diff_artifacts,
        "preview": preview_artifact,
        "lineage": show_lineage,
        "watch": watch_artifacts,
        "delete": delete_artifact,
        "prune": prune_artifacts,
    },
    "pipeline": {
        "run": run_pipeline,
        "list": list_pipelines,
        "show": show_pipeline,
    },
    "run": {
        "list": list_runs,
        "show": show_run,
        "logs": show_logs,
        "compare": compare_runs,
        "graph": show_graph,
        "resume": resume_run,
        "cancel": cancel_run,
    },
    "cache": {
        "list": list_cache,
        "explain": explain_cache,
        "evict": evict_cache,
    },
    "config": {
        "show": show_config,
        "set": set_config,
    },
}
"""The groups and what is in them, in the order they are listed in."""


class ReaderGoneError(Exception):
    """Whoever read the output of a command has closed it; no ``OSError``, of which Click makes its own exit code."""


@contextlib.contextmanager
def _heard_reader() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGoneError from error


class _Commands(TyperGroup):
    """Lists groups before single commands, and lets ``main`` know of a reader that is gone."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*_COMMANDS, *(name for name in self.commands if name not in _COMMANDS)]

    def make_context(self, *given: Any, **more: Any) -> Any:
        with _heard_reader():
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        with _heard_reader():
            return super().invoke(ctx)


class _MadeWhenAsked(UserDict[str, Any]):
    """Commands by their names, each made of its function when it is asked for: all take longer than what most do."""

    def __getitem__(self, name: str) -> Any:
        found = self.data[name]
        if not isinstance(found, TyperCommand):
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(name)(with_store(found))
            found = self.data[name] = typer.main.get_command(alone)
        return found


class _Group(TyperGroup):
    """Has the commands of its name."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _MadeWhenAsked(_COMMANDS[str(self.name)])

    def list_commands(self, ctx: Any) -> list[str]:
        return [*self.commands]


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"""Look into an Argosy store, and bring files in and out.

    \b
    Examples:
      argosy artifact list                                what is in the embedded store
      argosy artifact list --server grpc://host:50051     what is on a server
      argosy artifact get model@prod -d ./model          its files, verified
      argosy artifact put ./report --name report          a file or a directory
      argosy pipeline run train:training --param rate=0.1 a pipeline of train.py
      argosy run show -o json training-3                  a run and its steps, for programs

    \b
    Settings come from --server, --project and --home, before or after the command, else from ARGOSY_SERVER,
    ARGOSY_PROJECT and ARGOSY_HOME, else from [tool.argosy] in pyproject.toml, else from config.toml in the
    home directory.

    \b
    Exit codes:
{exit_codes.table()}
    """,
)


def _group(name: str, text: str) -> None:
    group = typer.Typer(cls=_Group, no_args_is_help=True, rich_markup_mode=None, help=text)
    group.callback()(with_store(_options_of_group))
    app.add_typer(group, name=name)


def _options_of_group(context: typer.Context) -> None:
    pass  # with_store has done it


@app.callback()
@with_store
def _options(
    context: typer.Context,
    asked: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=version.print_version, help="Print the version.")
    ] = False,
) -> None:
    pass  # with_store and the callback of --version have done it


_group("artifact", "Put, find, get and compare artifacts.")
_group("pipeline", "Run pipelines, list and show them.")
_group("run", "List, show, compare, resume and cancel runs of pipelines.")
_group("cache", "List, explain and evict what steps may reuse.")
_group("config", "Show and change settings.")
app.command("doctor")(with_store(doctor.diagnose))
app.command("completion")(completion.print_completion)
app.command("version")(with_store(version.show_version))
