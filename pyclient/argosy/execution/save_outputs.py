"""Turns what a step returned into the outputs of the call that completes it."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.errors import SaveOutputError
from argosy.execution.pickle_policy import pickle_allowed
from argosy.execution.prepared_value import SaveOptions, prepare_value
from argosy.graph.model import Graph, Invocation
from argosy.graph.parameters import artifact_cure, is_artifact
from argosy.graph.returned_values import ReturnedValue
from argosy.transport.connection import Connection
from argosy.transport.upload import InlineBudget
from argosy.v1.artifact_pb2 import ArtifactKind
from argosy.v1.pipeline_service_pb2 import NewStepOutput


def save_outputs(
    connection: Connection, graph: Graph, invocation: Invocation, values: Sequence[ReturnedValue]
) -> list[NewStepOutput]:
    """Upload what is large of each value, one after the other; nothing is visible yet.

    Raises:
        SaveOutputError: a value cannot be kept or sent; caused by the reason.
    """
    budget = InlineBudget.of(connection.capabilities)
    return [_save(connection, graph, invocation, item, budget) for item in values]


def _save(
    connection: Connection, graph: Graph, invocation: Invocation, item: ReturnedValue, budget: InlineBudget
) -> NewStepOutput:
    output = item.output
    if is_artifact(item.value):
        raise SaveOutputError(
            f"output {output.key!r}: a {type(item.value).__name__} stands for a value and is none; "
            f"{artifact_cure(item.value)}, or return nothing: what a step saves is linked to it"
        )
    options = SaveOptions(
        allow_pickle=pickle_allowed(invocation.step, connection.config),
        materializer=invocation.step.output_materializers.get(output.key),
    )
    try:
        with prepare_value(
            item.value,
            graph.output_name(invocation, output),
            options,
            kind=ArtifactKind.ARTIFACT_KIND_STEP_OUTPUT,
            version=output.version or "",
            tags=output.tags,
            metadata=output.metadata,
            unnamed=not output.is_named,
        ) as prepared:
            return NewStepOutput(name=output.key, spec=prepared.spec, files=prepared.upload(connection, budget))
    except Exception as error:
        raise SaveOutputError(f"output {output.key!r}: {type(error).__name__}: {error}") from error
