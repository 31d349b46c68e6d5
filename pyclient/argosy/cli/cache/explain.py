"""``argosy cache explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from argosy.cli.output import Format, OutputOption, print_document, print_line, print_table
from argosy.cli.rules import following
from argosy.cli.selection import RunArgument
from argosy.cli.store import store_of
from argosy.cli.stored_names import step_names
from argosy.graph.names import name_problem

if TYPE_CHECKING:
    from argosy.cli.documents import Document
    from argosy.execution.records.cache_explanation import CacheExplanation


def explain_cache(
    context: typer.Context,
    run: RunArgument,
    step: Annotated[
        str,
        typer.Argument(help="The step's name in the run.", callback=following(name_problem), autocompletion=step_names),
    ],
    digests: Annotated[bool, typer.Option("--digests", help="Show too what each part was and is, as digests.")] = False,
    output: OutputOption = Format.table,
) -> None:
    """Tell why a step was or was not taken from cache.

    \b
    Examples:
      argosy cache explain training-3 fit
      argosy cache explain training-3 fit --digests
      argosy cache explain training-3 fit -o json | jq .differences
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    connection = store_of(context).connect()
    from argosy.execution.records.cache_explanation import explain_from

    found = explain_from(connection, run, connection.pipelines.get_run(run).name, step)
    if output is not Format.table:
        print_document(_document(found), output)
        return
    print_line(str(found))
    if digests and found.differences:
        print_line("")
        rows = [[item.part, item.before or "", item.now or ""] for item in found.differences]
        print_table(["PART", "BEFORE", "NOW"], rows)


def _document(found: CacheExplanation) -> Document:
    return {
        "run": found.run,
        "step": found.step,
        "status": found.status,
        "reasons": list(found.reasons),
        "sentences": list(found.sentences),
        "earlier_run": found.earlier_run,
        "earlier_id": found.earlier_id,
        "differences": [
            {"part": item.part, "before": item.before, "now": item.now, "sentence": item.sentence}
            for item in found.differences
        ],
    }
