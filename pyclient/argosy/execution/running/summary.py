"""The first and the last lines a run prints."""

from __future__ import annotations

from argosy.errors import ArgosyError, ConflictError, RunCancelledError
from argosy.execution.failure_place import place_of
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.records.run_facts import RecordedError
from argosy.execution.records.run_record import PipelineRun
from argosy.execution.running.active_run import ActiveRun
from argosy.execution.running.next_steps import command, resume_command
from argosy.execution.running.program_signals import ProgramTerminated
from argosy.execution.running.resumed_call import unrecorded_arguments
from argosy.execution.views.amounts import format_seconds
from argosy.execution.views.cache_sentences import cache_note
from argosy.execution.views.terminal_text import first_line, one_line
from argosy.transport.connection import Connection
from argosy.v1.pipeline_pb2 import Run

_ERROR_WIDTH = 300


def opening_line(run: Run) -> str:
    """Return what is printed when a run begins."""
    again = f", resumed for the {_ordinal(run.epoch - 1)} time" if run.epoch > 2 else ", resumed"
    return f"Run {run.name} of pipeline {run.pipeline_name}{again if run.epoch > 1 else ''}"


def closing_lines(run: PipelineRun, seconds: float, connection: Connection) -> list[str]:
    """Return what is printed when a run has completed: where it is, how to load what it made."""
    where = f"project {connection.project}, store {connection.address}"
    lines = [f"Run {run.status} in {format_seconds(seconds)} ({where})"]
    if run.status == "completed":
        made = _last_output(run)
        lines += [f"  {made.load_line}"] if made is not None else []
    return lines


def early_end_lines(active: ActiveRun, run: PipelineRun | None, error: BaseException, seconds: float) -> list[str]:
    """Return what is printed when a run did not complete: what went wrong, where, and what to do next.

    Args:
        active: the run.
        run: its record, ``None`` when the store did not take its end.
        error: what ended it.
        seconds: how long it ran.
    """
    name, config = active.run.name, active.config
    rows: list[tuple[str, str]] = []
    if not isinstance(error, (KeyboardInterrupt, ProgramTerminated, RunCancelledError)):
        rows += _what_went_wrong(active, None if run is None else run.error, error)
    step = None if run is None else run.steps.get(active.failed)
    if step is not None and step.status == "failed":
        rows.append(("log", command(config, "run", "logs", name, active.failed)))
        if cache_note(step.cache_miss):
            rows.append(("cache", command(config, "cache", "explain", name, active.failed)))
    if isinstance(error, ConflictError) and error.reason == "SUPERSEDED":
        rows.append(("watch", command(config, "run", "show", name, "--watch")))
    else:
        arguments = unrecorded_arguments(active.graph.pipeline, active.run.parameters)
        rows.append(("resume", resume_command(active.run, config, arguments)))
    if run is None:
        first = [f"Run {name} ended early; its end could not be recorded"]
    else:
        first = closing_lines(run, seconds, active.connection)
    return first + [f"  {word:<6}  {text}" for word, text in rows]


def _what_went_wrong(active: ActiveRun, recorded: RecordedError | None, error: BaseException) -> list[tuple[str, str]]:
    # Not str(error): that is the user's code, which was called when the error was recorded. Nor its type: the body of a
    # pipeline may have raised another one for that of a step.
    told = recorded or active.failure
    kind = told.type.rpartition(":")[2].rpartition(".")[2] if told else type(error).__name__
    message = told.message if told else ""
    if isinstance(error, ArgosyError):
        message = message or str(error)
    where = f"step {active.failed}: " if active.failed else ""
    text = f"{one_line(where + kind)}: {first_line(message, _ERROR_WIDTH)}".removesuffix(": ")
    place = place_of(error)
    return [("error", text), *([("at", one_line(str(place)))] if place is not None else [])]


def _ordinal(number: int) -> str:
    words = {2: "second", 3: "third"}
    return words.get(number, f"{number}th")


def _last_output(run: PipelineRun) -> ArtifactVersion | None:
    """Return the last version that has a name of the user's own, else the last one."""
    versions = [version for step in run.steps.values() for version in step.outputs.values()]
    named = [version for version in versions if version.named]
    found = named or versions
    return found[-1] if found else None
