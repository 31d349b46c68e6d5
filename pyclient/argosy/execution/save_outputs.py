"""Turns what a step returned into the outputs of the call that completes it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from argosy.errors import SaveOutputError
from argosy.execution.pickle_policy import pickle_allowed
from argosy.execution.prepared_value import PreparedValue, SaveOptions, prepare_value
from argosy.execution.step_traffic import sending
from argosy.graph.definitions import StepDefinition
from argosy.graph.parameters import artifact_cure, is_artifact
from argosy.graph.returned_values import ReturnedValue
from argosy.transport.connection import Connection
from argosy.transport.progress import UNSEEN
from argosy.transport.upload import upload_files
from argosy.v1.artifact_pb2 import ArtifactKind
from argosy.v1.step_calls_pb2 import NewStepOutput


def save_outputs(
    connection: Connection,
    step: StepDefinition,
    names: Mapping[str, str],
    values: Sequence[ReturnedValue],
    told: Mapping[str, Mapping[str, Any]],
) -> list[NewStepOutput]:
    """Upload what is large of all values together; nothing is visible yet.

    Args:
        connection: the store.
        step: what returned them.
        names: output name -> name of the artifact it is saved under.
        values: what it returned.
        told: output name -> facts the code of the step told about it; they win over all others.

    Raises:
        SaveOutputError: a value cannot be kept or sent; caused by the reason.
    """
    with contextlib.ExitStack() as opened:
        prepared = [
            opened.enter_context(_prepare(connection, step, names, item, told.get(item.output.key, {})))
            for item in values
        ]
        try:
            files = upload_files(connection, [value.files for value in prepared], progress=sending(UNSEEN))
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
    names: Mapping[str, str],
    item: ReturnedValue,
    told: Mapping[str, Any],
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
            names[output.key],
            options,
            kind=ArtifactKind.ARTIFACT_KIND_STEP_OUTPUT,
            version=output.version or "",
            tags=output.tags,
            metadata={**output.metadata, **told},
            description=output.description,
            unnamed=not output.is_named,
        )
    except Exception as error:
        raise SaveOutputError(f"output {output.key!r}: {type(error).__name__}: {error}") from error
