"""``argosy run graph``."""

from __future__ import annotations

import enum
import sys
from typing import Annotated

import typer

from argosy.cli.output import print_line
from argosy.cli.selection import RunArgument
from argosy.cli.store import store_of


class GraphFormat(str, enum.Enum):
    """What ``--output`` may be."""

    tree = "tree"
    mermaid = "mermaid"
    svg = "svg"


def show_graph(
    context: typer.Context,
    run: RunArgument,
    output: Annotated[GraphFormat, typer.Option("--output", "-o", help="For people, documents or pictures.")] = (
        GraphFormat.tree
    ),
) -> None:
    """Draw the steps of a run, and which wait for which.

    \b
    Examples:
      argosy run graph training-3
      argosy run graph training-3 -o svg > run.svg     a picture
      argosy run graph training-3 -o mermaid           a diagram for a README or a pull request
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    connection = store_of(context).connect()
    from argosy.execution.records.find_run import find_run

    found = find_run(connection, run)
    if output is GraphFormat.mermaid:
        from argosy.execution.views.mermaid import run_mermaid

        print_line(run_mermaid(found).rstrip())
    elif output is GraphFormat.svg:
        from argosy.execution.views.svg import run_svg

        print_line(run_svg(found))
    else:
        from argosy.cli.run.tree import screen, tree_lines
        from argosy.execution.views.live_region import print_encodable

        print_encodable(sys.stdout, tree_lines(found, screen()))
