"""The values a pipeline is given as ``ExternalArtifact``: made ready before a run, uploaded once in it."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator
from dataclasses import dataclass

from argosy.config import ClientConfig
from argosy.execution.failure import add_note
from argosy.execution.values.pickle_policy import pickle_allowed
from argosy.execution.values.prepared_value import PreparedValue, SaveOptions, prepare_value
from argosy.execution.values.sent_values import send_values
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import Graph
from argosy.transport.connection import Connection
from argosy.transport.upload.save_version import create_version
from argosy.v1.artifact_pb2 import ArtifactKind, ArtifactVersion


@dataclass(frozen=True)
class ReadyValue:
    """One value that the run will upload.

    Attributes:
        artifact: what carries it; the same object may feed several inputs.
        prepared: its files.
    """

    artifact: ExternalArtifact
    prepared: PreparedValue

    def upload(self, connection: Connection) -> ArtifactVersion:
        """Create its version.

        Raises:
            ArgosyError: the store refused it or was lost.
        """
        (files,) = send_values(connection, [self.prepared])
        return create_version(connection, self.prepared.spec, files)


@contextlib.contextmanager
def ready_values(
    graph: Graph, config: ClientConfig, *, known: Container[int] = (), ended: Container[str] = ()
) -> Iterator[list[ReadyValue]]:
    """Turn every value into files before anything runs, so that one which cannot be kept stops the pipeline here.

    A value that feeds several inputs appears once, named after the first of them.

    Args:
        graph: what will run.
        config: the settings.
        known: the ``id()`` of each ``ExternalArtifact`` that the run has uploaded.
        ended: invocations that will not run any more.

    Raises:
        PickleRefusedError: only pickle could keep a value, and pickle is off for the step it feeds.
        MaterializerError: a value cannot be kept faithfully; a note names the input and where it is passed.
    """
    ready: dict[int, ReadyValue] = {}
    with contextlib.ExitStack() as open_values:
        for invocation in (graph.invocations[key] for key in graph.order() if key not in ended):
            for parameter, source in invocation.sources():
                if not isinstance(source, ExternalArtifact) or not source.has_value:
                    continue
                if id(source) in ready or id(source) in known:
                    continue
                try:
                    allow_pickle = pickle_allowed(invocation.step, config)
                    prepared = _prepare(source, graph.input_name(invocation, parameter), allow_pickle=allow_pickle)
                except Exception as error:
                    add_note(
                        error, f"{invocation.location}: input {parameter!r} of step {invocation.id!r}; nothing ran"
                    )
                    raise
                ready[id(source)] = ReadyValue(source, open_values.enter_context(prepared))
        yield list(ready.values())


def _prepare(source: ExternalArtifact, name: str, *, allow_pickle: bool) -> PreparedValue:
    options = SaveOptions(
        allow_pickle=allow_pickle,
        materializer=source.materializer,
        extract_metadata=source.extract_metadata,
        include_visualizations=source.include_visualizations,
    )
    return prepare_value(source.value, name, options, kind=ArtifactKind.ARTIFACT_KIND_EXTERNAL, unnamed=True)
