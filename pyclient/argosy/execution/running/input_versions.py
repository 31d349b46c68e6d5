"""Which artifact versions the inputs of a step are, and their values once the step really runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from argosy.errors import ParameterError
from argosy.execution.records.artifact_version import ArtifactVersion as StoredVersion
from argosy.execution.running.stored_argument import selector_of
from argosy.execution.values.stored_value import load_from, load_item_from
from argosy.graph.artifact_arguments import item_annotations
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import ArtifactList, ArtifactSource, Invocation, made_by
from argosy.graph.output_refs import ItemRef, StepOutputRef
from argosy.graph.version_ids import wants_version
from argosy.transport.connection import Connection
from argosy.v1.artifact_pb2 import ArtifactVersion, VersionSelector
from argosy.v1.pipeline_pb2 import InputKind
from argosy.v1.step_calls_pb2 import StepInputSpec


@dataclass(frozen=True)
class ResolvedInput:
    """One input of a step that is about to start.

    Attributes:
        name: the parameter's name.
        kinds: how each version came.
        versions: the versions, one unless a list was passed.
        container: ``list`` or ``tuple`` when one was passed, else ``None``.
        item: the version is a list, of which the step receives the item at this index; ``None`` for the whole.
    """

    name: str
    kinds: tuple[InputKind.ValueType, ...]
    versions: tuple[ArtifactVersion, ...]
    container: type[list[Any]] | type[tuple[Any, ...]] | None = None
    item: int | None = None

    def to_spec(self) -> StepInputSpec:
        """Return the input as the service records it."""
        return StepInputSpec(
            name=self.name,
            kind=self.kinds[0] if self.kinds else InputKind.INPUT_KIND_STEP_OUTPUT,
            is_list=self.container is not None,
            version_ids=[version.id for version in self.versions],
            kinds=self.kinds if len(set(self.kinds)) > 1 else (),
        )

    def load(self, connection: Connection, annotation: Any, *, allow_pickle: bool | None) -> object:
        """Download the value, or values; each call gives a fresh copy.

        Where :class:`argosy.ArtifactVersion` is annotated, the stored version is given and nothing is downloaded.

        Raises:
            ParameterError: a version is asked for, and the input is an item of a stored list, which is none.
            MaterializerError: a value cannot be read here.
            PickleRefusedError: a value is a pickle, and pickle is off.
            CorruptDataError: bytes do not match their digest.
        """
        if self.item is not None:
            version = self.versions[0].id
            if wants_version(annotation):
                raise ParameterError(
                    f"input {self.name!r} is item {self.item} of a stored list, which is no version of its own; "
                    "annotate it with the type of the item"
                )
            return load_item_from(connection, version, self.item, annotation=annotation, allow_pickle=allow_pickle)
        items = [annotation] if self.container is None else item_annotations(annotation, len(self.versions))
        values = [
            StoredVersion(version, connection)
            if wants_version(item)
            else load_from(connection, VersionSelector(id=version.id), annotation=item, allow_pickle=allow_pickle)
            for version, item in zip(self.versions, items, strict=True)
        ]
        return values[0] if self.container is None else self.container(values)


@dataclass
class RunVersions:
    """The versions a run knows of.

    Attributes:
        outputs: what its steps made or took from cache, by invocation and output name.
        values: the versions of the values it was given, by the ``id()`` of their ``ExternalArtifact``.
    """

    outputs: dict[tuple[str, str], ArtifactVersion] = field(default_factory=dict)
    values: dict[int, ArtifactVersion] = field(default_factory=dict)

    def resolve(self, connection: Connection, invocation: Invocation) -> list[ResolvedInput]:
        """Find the versions of every input, stored ones by asking the store now.

        Raises:
            NotFoundError: an id, name, version or alias means nothing; the message names the input.
        """
        return [self._resolve(connection, name, source) for name, source in invocation.artifacts.items()]

    def _resolve(self, connection: Connection, name: str, source: ArtifactSource | ArtifactList) -> ResolvedInput:
        if isinstance(source, ArtifactList):
            versions = tuple(self._find(connection, item) for item in source.items)
            kinds = tuple(map(_kind, source.items))
            return ResolvedInput(name, kinds, versions, tuple if source.as_tuple else list)
        item = source.index if isinstance(source, ItemRef) else None
        return ResolvedInput(name, (_kind(source),), (self._find(connection, source),), item=item)

    def _find(self, connection: Connection, source: ArtifactSource) -> ArtifactVersion:
        if isinstance(source, (StepOutputRef, ItemRef)):
            return self.outputs[source.invocation, source.output]
        if isinstance(source, ExternalArtifact) and source.has_value:
            return self.values[id(source)]
        return connection.artifacts.get_artifact_version(selector_of(source)).artifact_version


def _kind(source: ArtifactSource) -> InputKind.ValueType:
    return InputKind.INPUT_KIND_EXTERNAL if made_by(source) is None else InputKind.INPUT_KIND_STEP_OUTPUT
