"""``argosy artifact lineage``."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from argosy.cli.output import print_json, print_line
from argosy.cli.selection import AliasOption, NameArgument, PipelineOption, VersionOption, chosen_selector, selectors_of
from argosy.cli.store import store_of


class Direction(str, enum.Enum):
    """What ``--direction`` may be."""

    up = "up"
    down = "down"
    both = "both"


class LineageFormat(str, enum.Enum):
    """What ``--output`` may be."""

    tree = "tree"
    json = "json"
    mermaid = "mermaid"
    svg = "svg"


def show_lineage(
    context: typer.Context,
    name: NameArgument,
    version: VersionOption = None,
    alias: AliasOption = None,
    pipeline: PipelineOption = None,
    direction: Annotated[
        Direction, typer.Option("--direction", help="Up: what it was made from. Down: what was made from it.")
    ] = Direction.both,
    depth: Annotated[int, typer.Option("--depth", min=1, max=100, help="How many steps away.")] = 10,
    output: Annotated[LineageFormat, typer.Option("--output", "-o", help="For people, programs or pictures.")] = (
        LineageFormat.tree
    ),
) -> None:
    """Tell what a version was made from, and what was made from it.

    Lineage goes through steps taken from cache, and through versions that were deleted.

    \b
    Examples:
      argosy artifact lineage model@prod --direction up    what the model in production was made from
      argosy artifact lineage features --direction down    what has to be made anew when they are wrong
      argosy artifact lineage model -o svg > model.svg     a picture
      argosy artifact lineage model -o mermaid             a diagram for a README or a pull request
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    selectors = selectors_of(name, version, alias, pipeline)
    connection = store_of(context).connect()
    from argosy.execution.records.lineage import ask_lineage

    lineage = ask_lineage(connection, chosen_selector(connection, selectors), direction.value, depth)
    if output is LineageFormat.json:
        print_json(lineage.to_dict())
    elif output is LineageFormat.mermaid:
        print_line(lineage.to_mermaid().rstrip())
    elif output is LineageFormat.svg:
        print_line(lineage.to_svg())
    else:
        print_line(str(lineage))
