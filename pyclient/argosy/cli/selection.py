"""The arguments and options that say which version, or which run, a command means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from argosy.cli.rules import following, name_or_id_problem, version_words, version_words_problem
from argosy.cli.stored_names import alias_names, artifact_names, pipeline_names, run_names, version_labels
from argosy.graph.names import alias_problem, id_problem, name_problem, text_problem, version_problem

if TYPE_CHECKING:
    from argosy.transport.connection import Connection
    from argosy.v1.artifact_pb2 import ArtifactVersion, VersionSelector

NameArgument = Annotated[
    str,
    typer.Argument(
        help="NAME, NAME@VERSION, NAME@ALIAS, or the id of a version.",
        callback=following(version_words_problem),
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
        help="This version; as NAME@VERSION. Without either the latest.",
        callback=following(version_problem),
        autocompletion=version_labels,
    ),
]
AliasOption = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option(
        "--alias",
        help="The version this alias points at; as NAME@ALIAS.",
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


def selectors_of(
    text: str, version: str | None = None, alias: str | None = None, pipeline: str | None = None
) -> list[VersionSelector]:
    """Return what the words for a version may mean, the more exact first; the store knows which one is there.

    A UUID is an id, ``NAME@VERSION`` and ``NAME@ALIAS`` are one version, a name alone is the latest one. A name may
    have an ``@`` itself: with an option the text is a name, without one it is a name if it is nothing else.

    Args:
        text: one that :func:`version_words_problem` finds nothing wrong with.
        version: what ``--version`` says.
        alias: what ``--alias`` says.
        pipeline: what ``--pipeline`` says.

    Raises:
        typer.BadParameter: more than one of version, alias and pipeline, or one of them with an id or with what is
            no name.
    """
    from argosy.sdk.queries.selectors import make_selector

    given = {"--version": version, "--alias": alias, "--pipeline": pipeline}
    passed = [option for option, value in given.items() if value is not None]
    if len(passed) > 1:
        raise typer.BadParameter(f"{' and '.join(passed)} each select a version on their own; pass one of them")
    if not passed:
        return [make_selector(name, label, alias=moving) for name, label, moving in version_words(text)]
    if id_problem(text) is None:
        raise typer.BadParameter(f"{text} is an id and needs no {passed[0]}")
    if problem := name_problem(text):
        raise typer.BadParameter(problem)
    return [make_selector(text, version, alias=alias, pipeline_name=pipeline)]


def chosen_selector(connection: Connection, selectors: list[VersionSelector]) -> VersionSelector:
    """Return the first of these that selects a version; the only one is not asked for yet.

    Raises:
        NotFoundError: none of several does.
    """
    from argosy.v1.artifact_pb2 import VersionSelector

    return selectors[0] if len(selectors) == 1 else VersionSelector(id=find_version(connection, selectors).id)


def find_version(connection: Connection, selectors: list[VersionSelector]) -> ArtifactVersion:
    """Return the version that the first of these selects which selects any.

    Raises:
        NotFoundError: none does.
    """
    from argosy.errors import NotFoundError

    refused = list[NotFoundError]()
    for selector in selectors:
        try:
            return connection.artifacts.get_artifact_version(selector).artifact_version
        except NotFoundError as error:
            # An @ is hardly ever meant as a part of the name, so what is told then is what is not there of NAME.
            if not refused or selector.version or selector.alias:
                refused.append(error)
    raise refused[-1]


def latest_version(connection: Connection, name: str) -> ArtifactVersion:
    """Return the latest version of an artifact.

    Raises:
        NotFoundError: there is none.
    """
    from argosy.v1.artifact_pb2 import VersionSelector

    return connection.artifacts.get_artifact_version(VersionSelector(name=name)).artifact_version
