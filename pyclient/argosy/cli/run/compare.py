"""``argosy run compare``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argosy.cli.differences import Row, compared, differs, short_digest
from argosy.cli.output import (
    Column,
    ColumnsOption,
    Format,
    OutputOption,
    cell_text,
    chosen_keys,
    print_document,
    print_documents,
    print_line,
)
from argosy.cli.selection import RunArgument
from argosy.cli.store import store_of
from argosy.execution.views.terminal_text import cut, one_line

if TYPE_CHECKING:
    from argosy.v1.artifact_pb2 import ArtifactVersion
    from argosy.v1.pipeline_pb2 import Run, StepRun

MOST_SHOWN = 60
"""Characters of a value that people see."""
_KEYS = ("part", "key", "before", "after", "same")


def compare_runs(
    context: typer.Context,
    first: RunArgument,
    second: RunArgument,
    everything: Annotated[bool, typer.Option("--all", help="Also what is the same in both.")] = False,
    output: OutputOption = Format.table,
    columns: ColumnsOption = None,
) -> None:
    """Put two runs side by side, as far as they differ.

    That is parameters, code, inputs, outputs and durations. Artifacts are the same when their content is. The cache
    key of a step stands for its code, parameters and inputs: where it alone differs, the code did.

    \b
    Examples:
      argosy run compare training-3 training-4
      argosy run compare training-3 training-4 --all
      argosy run compare training-3 training-4 -o csv --columns part,key,before,after
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    chosen = chosen_keys(columns, _KEYS)
    connection = store_of(context).connect()
    from argosy.execution.records.find_run import find_run

    before, after = find_run(connection, first), find_run(connection, second)
    rows = [row for row in _rows(before, after) if everything or not row["same"]]
    if output is Format.json and chosen is None:
        print_document({"before": _named(before), "after": _named(after), "rows": rows}, output)
        return
    shown = [
        Column("part"),
        Column("key"),
        Column("before", before.name, _cell),
        Column("after", after.name, _cell),
    ]
    if rows or output is not Format.table:
        print_documents(rows, shown, output, chosen)
    else:
        print_line(f"{before.name} and {after.name} do not differ")


def _rows(before: Run, after: Run) -> Iterator[Row]:
    from argosy.cli.documents import run_document

    yield from _judged(compared("run", _facts_of_run(before), _facts_of_run(after)))
    yield from _judged(compared("parameter", run_document(before)["parameters"], run_document(after)["parameters"]))
    steps_before = {step.invocation: step for step in before.steps}
    steps_after = {step.invocation: step for step in after.steps}
    for invocation in dict.fromkeys([*steps_before, *steps_after]):
        yield from _of_step(f"step {invocation}", steps_before.get(invocation), steps_after.get(invocation))


def _of_step(part: str, before: StepRun | None, after: StepRun | None) -> Iterator[Row]:
    if before is None or after is None:  # what only one of them has needs no row for each of its facts
        yield from _judged(compared(part, _status_of(before), _status_of(after)))
        return
    yield from _judged(compared(part, _facts_of_step(before), _facts_of_step(after)))
    for kind, sides in {
        "input": [{item.name: list(item.versions) for item in step.inputs} for step in (before, after)],
        "output": [{item.name: [item.version] for item in step.outputs} for step in (before, after)],
    }.items():
        for name in dict.fromkeys([*sides[0], *sides[1]]):
            old, new = (side.get(name) for side in sides)
            row = {"part": part, "key": f"{kind} {name}", "before": _told(old), "after": _told(new)}
            yield {**row, "same": _contents(old) == _contents(new)}


def _judged(rows: Iterator[Row]) -> Iterator[Row]:
    return ({**row, "same": not differs(row)} for row in rows)


def _facts_of_run(run: Run) -> dict[str, Any]:
    from argosy.cli.documents import run_document

    document, entry = run_document(run), run.entry_point
    return {
        "pipeline": document["pipeline"],
        "status": document["status"],
        "seconds": document["seconds"],
        "resumed": document["resumed"],
        "defined in": f"{entry.module}:{entry.qualname}" if entry.qualname else None,
        "error": _error_of(document),
    }


def _status_of(step: StepRun | None) -> dict[str, Any]:
    return {} if step is None else {"status": _facts_of_step(step)["status"]}


def _facts_of_step(step: StepRun) -> dict[str, Any]:
    from argosy.cli.documents import step_document

    document = step_document(step)
    return {
        "status": document["status"],
        "seconds": document["seconds"],
        "attempt": document["attempt"],
        "cache key": step.cache_key or None,
        "error": _error_of(document),
        **{f"parameter {name}": value for name, value in document["parameters"].items()},
    }


def _error_of(document: Mapping[str, Any]) -> str | None:
    from argosy.execution.failure import error_text

    error = document["error"]
    return error_text(error["type"], error["message"], error["step"]) if error else None


def _told(versions: list[ArtifactVersion] | None) -> str | None:
    """Return versions by name and number; unnamed ones of steps by number alone."""
    if versions is None:
        return None
    return ", ".join(f"{version.name} {version.version}" if version.named else version.version for version in versions)


def _contents(versions: list[ArtifactVersion] | None) -> list[tuple[str, str]] | None:
    if versions is None:
        return None
    return [(version.format, version.content_digest or version.id) for version in versions]


def _named(run: Run) -> dict[str, str]:
    return {"name": run.name, "id": run.id, "pipeline": run.pipeline_name}


def _cell(value: Any) -> str:
    return cut(one_line(cell_text(short_digest(value))), MOST_SHOWN)
