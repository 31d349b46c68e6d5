"""Turns what a step returned into the outputs of the call that completes it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from argosy.errors import SaveOutputError
from argosy.execution.context import StepContext
from argosy.execution.values.pickle_policy import pickle_allowed
from argosy.execution.values.prepared_value import PreparedValue, SaveOptions, prepare_value
from argosy.execution.values.sent_values import send_values
from argosy.graph.artifact_arguments import artifact_cure, is_artifact
from argosy.graph.definitions import StepDefinition
from argosy.graph.returned_values import ReturnedValue
from argosy.transport.connection import Connection
from argosy.v1.artifact_pb2 import ArtifactKind
from argosy.v1.step_calls_pb2 import NewStepOutput


def save_outputs(
    connection: Connection,
    step: StepDefinition,
    values: Sequence[ReturnedValue],
    running: StepContext,
) -> list[NewStepOutput]:
    """Upload what is large of all values together; nothing is visible yet.

    Args:
        connection: the store.
        step: what returned them.
        values: what it returned.
        running: says under which names they are saved, and what the code of the step told about them; such facts win
            over all others.

    Raises:
        SaveOutputError: a value cannot be kept or sent; caused by the reason.
    """
    with contextlib.ExitStack() as opened:
        prepared = [opened.enter_context(_prepare(connection, step, item, running)) for item in values]
        try:
            files = send_values(connection, prepared)
        except Exception as error:
            outputs = ", ".join(repr(item.output.key) for item in values)
            raise SaveOutputError(f"output {outputs}: {type(error).__name__}: {error}") from error
        return [
            NewStepOutput(name=item.output.key, spec=value.spec, files=uploaded)
            for item, value, uploaded in zip(values, prepared, files, strict=True)
        ]


def _prepare(
    connection: Connection,
    step: StepDefinition,
    item: ReturnedValue,
    running: StepContext,
) -> PreparedValue:
    output = item.output
    if is_artifact(item.value):
        raise SaveOutputError(
            f"output {output.key!r}: a {type(item.value).__name__} stands for a value and is none; "
            f"{artifact_cure(item.value)}, or return nothing: what a step saves is linked to it"
        )
    options = SaveOptions(
        allow_pickle=pickle_allowed(step, connection.config),
        materializer=step.output_materializers.get(output.key),
    )
    try:
        return prepare_value(
            item.value,
            running.outputs[output.key],
            options,
            kind=ArtifactKind.ARTIFACT_KIND_STEP_OUTPUT,
            version=output.version or "",
            tags=tuple(dict.fromkeys((*output.tags, *running.output_tags.get(output.key, ())))),
            metadata={**output.metadata, **running.output_metadata.get(output.key, {})},
            description=output.description,
            unnamed=not output.is_named,
        )
    except Exception as error:
        raise SaveOutputError(f"output {output.key!r}: {type(error).__name__}: {error}") from error
