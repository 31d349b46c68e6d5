"""``log_metadata``: facts about the running step, about one of its outputs, or about any stored version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from argosy.errors import ParameterError
from argosy.execution.context import StepContext, current_step
from argosy.execution.plain_call import outputs_of_plain_call
from argosy.execution.told_metadata import output_named, tell_of_output, tell_of_step, unknown_output
from argosy.graph.keyword_suggestions import suggests_keywords
from argosy.graph.names import id_problem
from argosy.graph.parameters import artifact_cure, is_artifact
from argosy.graph.user_metadata import checked_metadata
from argosy.sdk.versions import ArtifactVersion


@suggests_keywords
def log_metadata(
    metadata: Mapping[str, Any],
    *,
    artifact: ArtifactVersion | str | UUID | None = None,
    version: int | str | None = None,
    alias: str | None = None,
) -> None:
    """Tell facts, JSON values by name. Facts told before stay unless the same key is told again: the newest wins.

    Inside a step::

        argosy.log_metadata({"rows": 1000})                        # about the step run
        argosy.log_metadata({"auc": 0.97}, artifact="weights")     # about an output, saved with it

    Anywhere, at once::

        argosy.log_metadata({"approved": True}, artifact="weights", version=3)
        argosy.log_metadata({"approved": True}, artifact=argosy.get_artifact("weights"))

    What is told of a step run is stored when an attempt ends, however it ends, and stays when another one follows.

    A step called as a plain function tells nobody: nothing of such a call is recorded.

    Args:
        metadata: the facts.
        artifact: inside a step the name of one of its outputs, or of an artifact it saved; anywhere a stored version,
            its id, or its artifact's name: the latest version unless told otherwise.
        version: with a name: this version, a number or a label.
        alias: with a name: the version it points at.

    Raises:
        ParameterError: metadata is not JSON (the message names key and type), there is no such output, or there is no
            step to tell of.
        NotFoundError: there is no such version.
    """
    given: object = metadata
    if given is None:
        raise ParameterError("log_metadata takes a dict of text to JSON values, got None")
    checked_metadata(metadata)
    step, plain = current_step(), outputs_of_plain_call()
    if artifact is None and step is None and plain is not None and version is None and alias is None:
        return
    if isinstance(artifact, str) and plain is not None and artifact in plain and version is None and alias is None:
        return
    if artifact is None:
        _tell_step(step, metadata, version, alias)
    elif (version_id := getattr(artifact, "__argosy_version_id__", None)) is not None:
        _refuse_selection("a version stands for itself", version, alias)
        _tell_stored(version_id, metadata, None, None)
    elif is_artifact(artifact):
        kind = type(artifact).__name__
        raise ParameterError(f"log_metadata(artifact=...) got a {kind}; {artifact_cure(artifact)}")
    elif step is None or isinstance(artifact, UUID) or version is not None or alias is not None:
        _tell_stored(artifact, metadata, version, alias)
    else:
        _tell_named(step, artifact, metadata)


def _tell_step(
    step: StepContext | None, metadata: Mapping[str, Any], version: int | str | None, alias: str | None
) -> None:
    _refuse_selection("it needs the name of an artifact; pass artifact= too", version, alias)
    if step is None:
        raise ParameterError(
            "log_metadata without artifact= tells of the running step, and no step is running here; call it inside a "
            "step, or pass artifact="
        )
    tell_of_step(step, metadata)


def _tell_named(step: StepContext, name: str, metadata: Mapping[str, Any]) -> None:
    """Tell of an output of the step, of what the step saved, or of a version by its id."""
    output = output_named(step, name)
    if output is not None:
        tell_of_output(step, output, metadata)
        return
    saved = next((made for made in reversed(step.saved) if made.name == name), None)
    if saved is not None:
        _tell_stored(saved.id, metadata, None, None)
    elif id_problem(name) is None:
        _tell_stored(name, metadata, None, None)
    else:
        raise unknown_output(step, name)


def _tell_stored(
    name_or_id: str | UUID, metadata: Mapping[str, Any], version: int | str | None, alias: str | None
) -> None:
    from argosy.sdk.artifact_functions import get_artifact

    found = get_artifact(name_or_id, version, alias=alias)
    if metadata:  # no facts are none to tell, of a step as of a version
        found.update(metadata=metadata)


def _refuse_selection(why: str, version: int | str | None, alias: str | None) -> None:
    for argument, value in {"version": version, "alias": alias}.items():
        if value is not None:
            raise ParameterError(f"log_metadata({argument}={value!r}): {why}")
