"""What a person can do after a run that did not complete: the commands to type, exactly."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from argosy.config import ClientConfig
from argosy.execution.records.entry_point import is_found_by_the_shell
from argosy.execution.views.terminal_text import one_line
from argosy.v1.pipeline_pb2 import Run


def command(config: ClientConfig, *words: str) -> str:
    """Return an ``argosy`` command as it is typed, with what it needs to find the store."""
    settings = {
        "ARGOSY_SERVER": config.server,
        "ARGOSY_HOME": "" if config.server or config.home == Path.home() / ".argosy" else str(config.home),
        "ARGOSY_PROJECT": "" if config.project == "default" else config.project,
    }
    prefix = [f"{name}={shlex.quote(value)}" for name, value in settings.items() if value]
    return " ".join([*prefix, "argosy", *map(shlex.quote, words)])


def resume_command(run: Run, config: ClientConfig, arguments: Sequence[str] = ()) -> str:
    """Return how a run is resumed: by a command, or by a line of Python where the shell does not find its pipeline.

    Args:
        run: the run.
        config: the store.
        arguments: the names of the artifacts its pipeline was given, which are not recorded.
    """
    if not arguments and is_found_by_the_shell(run.entry_point):
        return command(config, "run", "resume", run.name)
    pipeline = run.entry_point.qualname.rpartition(".")[2] or run.pipeline_name
    given = "".join(f", {name}=..." for name in arguments)
    return one_line(f"{pipeline}.resume({run.name!r}{given})")
