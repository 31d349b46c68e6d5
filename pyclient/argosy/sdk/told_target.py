"""What ``log_metadata`` and ``add_tags`` are told about: an output of the running step, or a stored version."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from argosy.errors import ParameterError
from argosy.execution.context import StepContext, current_step
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.running.plain_call import outputs_of_plain_call
from argosy.execution.running.told_metadata import output_named, unknown_output
from argosy.graph.artifact_arguments import artifact_cure, is_artifact
from argosy.graph.names import id_problem
from argosy.graph.version_ids import version_id_of


@dataclass(frozen=True)
class RunningOutput:
    """An output of a step that is running; what is told about it is saved with it.

    Attributes:
        step: the step.
        output: the output's name inside of it.
    """

    step: StepContext
    output: str


def find_target(
    caller: str, artifact: ArtifactVersion | str | UUID, version: int | str | None, alias: str | None
) -> RunningOutput | ArtifactVersion | None:
    """Find what is told about; ``None`` in a step that is called as a plain function, for one of its outputs.

    Args:
        caller: the function that was called, for messages.
        artifact: inside a step the name of one of its outputs, or of an artifact it saved; anywhere a stored version,
            its id, or its artifact's name: the latest version unless told otherwise.
        version: with a name: this version.
        alias: with a name: the version it points at.

    Raises:
        ParameterError: the arguments mean nothing, or no output of the step.
        NotFoundError: there is no such version.
    """
    step, plain = current_step(), outputs_of_plain_call()
    selected = version is not None or alias is not None
    if isinstance(artifact, str) and plain is not None and artifact in plain and not selected:
        return None
    if (version_id := version_id_of(artifact)) is not None:
        refuse_selection(caller, "a version stands for itself", version, alias)
        # One that knows its store and project is found there, whatever is configured here.
        return artifact if isinstance(artifact, ArtifactVersion) else _stored(version_id, None, None)
    if is_artifact(artifact):
        raise ParameterError(f"{caller}(artifact=...) got a {type(artifact).__name__}; {artifact_cure(artifact)}")
    if step is None or isinstance(artifact, UUID) or selected:
        return _stored(artifact, version, alias)
    output = output_named(step, artifact)
    if output is not None:
        return RunningOutput(step, output)
    saved = next((made for made in reversed(step.saved) if made.name == artifact), None)
    if saved is None and id_problem(artifact) is not None:
        raise unknown_output(caller, step, artifact)
    return _stored(artifact if saved is None else saved.id, None, None)


def refuse_selection(caller: str, why: str, version: int | str | None, alias: str | None) -> None:
    """Refuse arguments that select a version where none is selected.

    Raises:
        ParameterError: one was given.
    """
    for argument, value in {"version": version, "alias": alias}.items():
        if value is not None:
            raise ParameterError(f"{caller}({argument}={value!r}): {why}")


def _stored(name_or_id: str | UUID, version: int | str | None, alias: str | None) -> ArtifactVersion:
    from argosy.sdk.artifact_functions import get_artifact

    return get_artifact(name_or_id, version, alias=alias)
