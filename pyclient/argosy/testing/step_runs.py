"""Runs one step as a pipeline would: what goes in and what comes out passes by the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from argosy.execution.records.run_record import StepRunRecord
from argosy.graph.artifact_arguments import is_artifact, is_artifact_list
from argosy.graph.canonical_json import canonical_json
from argosy.graph.external_artifact import ExternalArtifact
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import Step
from argosy.testing.isolation import require_isolation


@dataclass(frozen=True)
class StepResult:
    """What came of a step.

    Attributes:
        value: what a step downstream would be given: loaded from the store again; a tuple where the step declares one,
            ``None`` where it returns nothing.
        outputs: the same values by the names of the outputs.
        record: what the store knows of it: ``status``, ``inputs``, ``outputs``, ``metadata``, ``logs()``, ….
    """

    value: Any
    outputs: Mapping[str, Any]
    record: StepRunRecord


def run_step(step: Step[Any, Any], *args: Any, **kwargs: Any) -> StepResult:
    """Run one step in a pipeline of its own, uncached, in the isolated project.

    What a parameter may be, is one; any other value is saved and loaded for the step, as from an ``ExternalArtifact``,
    which may be passed as well. The step has its retries, hooks and materializers.

    Args:
        step: what ``@argosy.step`` made.
        args: its arguments.
        kwargs: its arguments by name.

    Raises:
        TypeError: ``step`` is none.
        PreconditionError: no project is isolated here.
        GraphError: an input is missing or unknown.
        ParameterError: a parameter does not fit.
        Exception: what the step raised, with a note that names it.
    """
    if not isinstance(step, Step):
        raise TypeError(f"run_step takes what @argosy.step makes of a function, not {step!r}")
    require_isolation(f"run_step({step.name})")

    @pipeline(name=f"run_step.{step.name}")
    def alone() -> None:
        step.with_options(enable_cache=False)(
            *map(_as_argument, args), **{name: _as_argument(value) for name, value in kwargs.items()}
        )

    (record,) = alone().steps.values()
    outputs = {name: version.load() for name, version in record.outputs.items()}
    values = tuple(outputs.values())
    return StepResult(values if step.definition.outputs.is_tuple else next(iter(values), None), outputs, record)


def _as_argument(value: Any) -> Any:
    if is_artifact(value) or is_artifact_list(value):
        return value
    try:
        canonical_json(value)
    except TypeError:
        return ExternalArtifact(value)
    return value
