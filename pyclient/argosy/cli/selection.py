"""The argument and options that say which version a command means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from argosy.cli.rules import following, name_or_id_problem
from argosy.graph.names import alias_problem, id_problem, name_problem, version_problem

if TYPE_CHECKING:
    from argosy.v1.artifact_pb2 import VersionSelector

NameArgument = Annotated[
    str, typer.Argument(help="The artifact's name, or the id of a version.", callback=following(name_or_id_problem))
]
VersionOption = Annotated[
    Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
    typer.Option("--version", "-v", help="This version; without it the latest.", callback=following(version_problem)),
]
AliasOption = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option("--alias", help="The version this alias points at.", callback=following(alias_problem)),
]
PipelineOption = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option(
        "--pipeline",
        help="The version in the last completed run of this pipeline.",
        callback=following(name_problem),
    ),
]


def selector_of(name: str, version: str | None, alias: str | None, pipeline: str | None) -> VersionSelector:
    """Say which version a command means; a UUID is an id, a name alone the latest version.

    Raises:
        typer.BadParameter: more than one of version, alias and pipeline, or one of them with an id.
    """
    from argosy.sdk.selectors import make_selector

    given = {"--version": version, "--alias": alias, "--pipeline": pipeline}
    passed = [option for option, text in given.items() if text is not None]
    if len(passed) > 1:
        raise typer.BadParameter(f"{' and '.join(passed)} each select a version on their own; pass one of them")
    if passed and id_problem(name) is None:
        raise typer.BadParameter(f"{name} is an id and needs no {passed[0]}")
    return make_selector(name, version, alias=alias, pipeline_name=pipeline)
