"""The arguments and options that say which version, or which run, a command means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from argosy.cli.rules import following, name_or_id_problem
from argosy.cli.stored_names import alias_names, artifact_names, pipeline_names, run_names, version_labels
from argosy.graph.names import alias_problem, id_problem, name_problem, text_problem, version_problem

if TYPE_CHECKING:
    from argosy.transport.connection import Connection
    from argosy.v1.artifact_pb2 import ArtifactVersion, VersionSelector

NameArgument = Annotated[
    str,
    typer.Argument(
        help="The artifact's name, or the id of a version.",
        callback=following(name_or_id_problem),
        autocompletion=artifact_names,
    ),
]
RunArgument = Annotated[
    str,
    typer.Argument(help="The run's name or id.", callback=following(name_or_id_problem), autocompletion=run_names),
]
VersionOption = Annotated[
    Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
    typer.Option(
        "--version",
        "-v",
        help="This version; without it the latest.",
        callback=following(version_problem),
        autocompletion=version_labels,
    ),
]
AliasOption = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option(
        "--alias",
        help="The version this alias points at.",
        callback=following(alias_problem),
        autocompletion=alias_names,
    ),
]
PipelineOption = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option(
        "--pipeline",
        help="The version in the last completed run of this pipeline.",
        callback=following(name_problem),
        autocompletion=pipeline_names,
    ),
]

TagFilter = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option("--tag", help="Only versions with this tag.", callback=following(text_problem)),
]
PipelineFilter = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option(
        "--pipeline",
        help="Only versions that runs of this pipeline made.",
        callback=following(name_problem),
        autocompletion=pipeline_names,
    ),
]


def selector_of(name: str, version: str | None, alias: str | None, pipeline: str | None) -> VersionSelector:
    """Say which version a command means; a UUID is an id, a name alone the latest version.

    Raises:
        typer.BadParameter: more than one of version, alias and pipeline, or one of them with an id.
    """
    from argosy.sdk.queries.selectors import make_selector

    given = {"--version": version, "--alias": alias, "--pipeline": pipeline}
    passed = [option for option, text in given.items() if text is not None]
    if len(passed) > 1:
        raise typer.BadParameter(f"{' and '.join(passed)} each select a version on their own; pass one of them")
    if passed and id_problem(name) is None:
        raise typer.BadParameter(f"{name} is an id and needs no {passed[0]}")
    return make_selector(name, version, alias=alias, pipeline_name=pipeline)


def find_version(connection: Connection, text: str) -> ArtifactVersion:
    """Return the version that ``NAME``, ``NAME@VERSION``, ``NAME@ALIAS`` or an id says.

    Raises:
        typer.BadParameter: the text can be none of these.
        NotFoundError: there is no such version.
    """
    from argosy.errors import NotFoundError

    refused: NotFoundError | None = None
    for selector in _meanings(text):
        try:
            return connection.artifacts.get_artifact_version(selector).artifact_version
        except NotFoundError as error:
            refused = refused or error
    if refused is None:
        raise typer.BadParameter(f"{text!r} is no NAME, NAME@VERSION, NAME@ALIAS or id; {name_problem(text)}")
    raise refused


def latest_version(connection: Connection, name: str) -> ArtifactVersion:
    """Return the latest version of an artifact.

    Raises:
        NotFoundError: there is none.
    """
    from argosy.v1.artifact_pb2 import VersionSelector

    return connection.artifacts.get_artifact_version(VersionSelector(name=name)).artifact_version


def _meanings(text: str) -> Iterator[VersionSelector]:
    """Yield what a text may mean; a name may have an ``@`` itself."""
    from argosy.sdk.queries.selectors import make_selector

    name, at, label = text.rpartition("@")
    if at and name_problem(name) is None:
        if version_problem(label) is None:
            yield make_selector(name, label)
        if alias_problem(label) is None:
            yield make_selector(name, None, alias=label)
    if id_problem(text) is None or name_problem(text) is None:
        yield make_selector(text, None)
