"""What a save is told besides the value and its name, handed on as one thing.

The public functions spell each argument out, for people, editors and type checkers; nothing below them does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from argosy.errors import ParameterError
from argosy.execution.values.prepared_value import SaveOptions
from argosy.execution.values.stored_value import pickle_allowed_here, recording_step
from argosy.execution.views.transfer_progress import OnProgress
from argosy.graph.artifact_arguments import artifact_cure, is_artifact
from argosy.graph.names import alias_problem, new_name_problem, version_problem
from argosy.graph.switches import check_switches
from argosy.materializers.registry import MaterializerChoice
from argosy.transport.connection import Connection
from argosy.v1.artifact_pb2 import ArtifactSpec


@dataclass(frozen=True)
class BatchArguments:
    """What :func:`argosy.save_artifacts` is told of all values; see there."""

    tags: Iterable[str] = ()
    metadata: Mapping[str, Any] | None = None
    extract_metadata: bool = True
    include_visualizations: bool = True
    allow_pickle: bool | None = None
    on_progress: OnProgress | None = None

    def options(self, connection: Connection, materializer: MaterializerChoice | None = None) -> SaveOptions:
        """Return how values are saved through ``connection``.

        Raises:
            ParameterError: a switch is neither on nor off.
        """
        check_switches(extract_metadata=self.extract_metadata, include_visualizations=self.include_visualizations)
        return SaveOptions(
            allow_pickle=pickle_allowed_here(self.allow_pickle, connection),
            materializer=materializer,
            extract_metadata=self.extract_metadata,
            include_visualizations=self.include_visualizations,
        )


@dataclass(frozen=True)
class SaveArguments(BatchArguments):
    """What :func:`argosy.save_artifact` is told of one value; see there."""

    version: int | str | None = None
    alias: str | None = None
    description: str = ""
    materializer: MaterializerChoice | None = None


def check_value(call: str, value: object) -> None:
    """Refuse to save what only stands for a value.

    Raises:
        ParameterError: the value is an artifact already; names the call and the cure.
    """
    if is_artifact(value):
        raise ParameterError(
            f"{call} got a {type(value).__name__}, which stands for a value and is none; {artifact_cure(value)}"
        )


def check_names(call: str, name: object, version: object = None, alias: object = None) -> None:
    """Refuse names that the store would not take.

    Raises:
        ParameterError: one is malformed; names the call and the argument.
    """
    problems = {
        "name": new_name_problem(name),
        "version": None if version is None else version_problem(version),
        "alias": None if alias is None else alias_problem(alias),
    }
    for argument, problem in problems.items():
        if problem:
            raise ParameterError(f"{call}({argument}=...): {problem}")


def link_to_step(spec: ArtifactSpec, connection: Connection) -> None:
    """Let a version be saved as one of the step that is running here, if any."""
    step = recording_step(connection)
    if step is not None:
        spec.step_run_id, spec.step_attempt = step.step_run_id, step.attempt
