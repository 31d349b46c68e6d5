"""``log_metadata``: facts about the running step, about one of its outputs, or about any stored version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from argosy.errors import ParameterError
from argosy.execution.context import StepContext, current_step
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.running.plain_call import outputs_of_plain_call
from argosy.execution.running.told_metadata import tell_of_output, tell_of_step
from argosy.graph.keyword_suggestions import suggests_keywords
from argosy.graph.user_metadata import checked_metadata
from argosy.sdk.told_target import RunningOutput, find_target, refuse_selection


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
    if artifact is not None:
        _tell(find_target("log_metadata", artifact, version, alias), metadata)
    elif step is not None or plain is None or version is not None or alias is not None:
        _tell_step(step, metadata, version, alias)


def _tell(target: RunningOutput | ArtifactVersion | None, metadata: Mapping[str, Any]) -> None:
    if isinstance(target, RunningOutput):
        tell_of_output(target.step, target.output, metadata)
    elif target is not None and metadata:  # no facts are none to tell, of a step as of a version
        target.update(metadata=metadata)


def _tell_step(
    step: StepContext | None, metadata: Mapping[str, Any], version: int | str | None, alias: str | None
) -> None:
    refuse_selection("log_metadata", "it needs the name of an artifact; pass artifact= too", version, alias)
    if step is None:
        raise ParameterError(
            "log_metadata without artifact= tells of the running step, and no step is running here; call it inside a "
            "step, or pass artifact="
        )
    tell_of_step(step, metadata)
