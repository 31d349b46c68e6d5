"""What a pipeline is called with, as it is typed: ``KEY=VALUE``, judged by the pipeline's own annotations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import typer

from argosy.cli.rules import version_words_problem

if TYPE_CHECKING:
    from argosy.graph.definitions import PipelineDefinition
    from argosy.transport.connection import Connection


def read_arguments(
    definition: PipelineDefinition, parameters: Iterable[str], inputs: Iterable[str], connection: Connection
) -> dict[str, Any]:
    """Return the arguments by name.

    A value is the text that was typed where the annotation takes a text (a number, a date, a path, a choice), else
    what it says as JSON. Without an annotation it is JSON, or else a text.

    Args:
        definition: the pipeline.
        parameters: ``KEY=VALUE`` of each parameter.
        inputs: ``KEY=ARTIFACT`` of each input, see :func:`argosy.cli.selection.selectors_of`.
        connection: where the artifacts are.

    Raises:
        typer.BadParameter: one is malformed, unknown, given twice, missing, or does not fit its annotation.
        NotFoundError: there is no such artifact.
    """
    from argosy.cli.selection import find_version, selectors_of
    from argosy.graph.external_artifact import ExternalArtifact

    texts = _checked(definition, _pairs(parameters, "--param"), _pairs(inputs, "--input"))
    found = {key: _parameter(definition, key, text) for key, (option, text) in texts.items() if option == "--param"}
    for key, (option, text) in texts.items():
        if option == "--input":
            if problem := version_words_problem(text):
                raise typer.BadParameter(f"{key}: {problem}", param_hint=repr(option))
            found[key] = ExternalArtifact(id=find_version(connection, selectors_of(text)).id)
    return found


def _pairs(items: Iterable[str], option: str) -> Iterator[tuple[str, str, str]]:
    for item in items:
        key, equals, text = item.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"{item!r} is no KEY=VALUE", param_hint=repr(option))
        yield option, key, text


def _checked(definition: PipelineDefinition, *given: Iterable[tuple[str, str, str]]) -> dict[str, tuple[str, str]]:
    from argosy.graph.call_binding import signature_text
    from argosy.graph.near_matches import did_you_mean

    known, texts = definition.signature.parameters, dict[str, tuple[str, str]]()
    for option, key, text in (pair for pairs in given for pair in pairs):
        if key not in known:
            near = did_you_mean(key, known)
            message = f"pipeline {definition.name!r} has no parameter {key!r}{near}; it is {signature_text(definition)}"
            raise typer.BadParameter(message, param_hint=repr(option))
        if key in texts:
            raise typer.BadParameter(f"{key!r} is given twice; keep one of them", param_hint=repr(option))
        texts[key] = (option, text)
    missing = [key for key, item in known.items() if item.default is item.empty and key not in texts]
    if missing:
        values = " ".join(f"--param {key}=VALUE" for key in missing)
        raise typer.BadParameter(
            f"pipeline {definition.name!r} needs {values}; an artifact is given as --input KEY=NAME; "
            f"it is {signature_text(definition)}"
        )
    return texts


def _parameter(definition: PipelineDefinition, key: str, text: str) -> Any:
    from argosy.errors import ParameterError
    from argosy.graph.parameters import make_parameter

    annotation = definition.annotation_of(key)
    what = f"{key!r} of pipeline {definition.name!r} ({definition.location})"
    try:
        return make_parameter(_meant(text, annotation), annotation, what=what).value
    except ParameterError as error:
        message = str(error).replace("wrap data in ExternalArtifact(...)", "give an artifact as --input KEY=NAME")
        raise typer.BadParameter(message, param_hint="'--param'") from None


def _meant(text: str, annotation: Any) -> Any:
    from argosy.graph.annotations import Unresolved
    from argosy.graph.coercion import coerce
    from argosy.graph.scalar_coercion import Mismatch

    if annotation is not Any and annotation is not object and not isinstance(annotation, Unresolved):
        try:
            coerce(text, annotation)
        except Mismatch:
            pass
        else:
            return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
