"""The frozen graph of one call of a pipeline: what ``execution`` runs."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias
from uuid import UUID

from argosy.graph.definitions import PipelineDefinition, StepDefinition
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.names import SEPARATOR
from argosy.graph.output_refs import ItemRef, StepOutputRef
from argosy.graph.outputs import OutputSpec
from argosy.graph.source_location import SourceLocation


@dataclass(frozen=True)
class VersionRef:
    """An artifact version that exists already."""

    id: UUID


ArtifactSource: TypeAlias = "StepOutputRef | ItemRef | VersionRef | ExternalArtifact"
"""Where one artifact comes from."""


@dataclass(frozen=True)
class ArtifactList:
    """Several artifacts for one input; the step receives a list, or a tuple.

    Attributes:
        items: the sources in order.
        as_tuple: whether the user passed a tuple.
    """

    items: tuple[ArtifactSource, ...]
    as_tuple: bool = False


ArtifactInput: TypeAlias = "ArtifactSource | ArtifactList"


@dataclass(frozen=True)
class Parameter:
    """A parameter, validated and coerced.

    Attributes:
        value: what the function receives.
        json: its canonical JSON text, for records and people.
    """

    value: Any = field(hash=False)
    json: str


@dataclass(frozen=True)
class InnerPipeline:
    """A call of a pipeline in the body of another one; its steps are recorded in the outer one's graph.

    Attributes:
        prefix: what the ids of its invocations begin with: ``"cleaning."``; unique in the graph.
        pipeline: the definition.
        cache_override: what ``with_options`` of it, else of the pipelines around it, says about caching.
        enable_cache: what its decorator, else those of the pipelines around it, says about caching.
    """

    prefix: str
    pipeline: PipelineDefinition
    cache_override: bool | None
    enable_cache: bool | None


@dataclass(frozen=True)
class Invocation:
    """One call of a step in a pipeline.

    Attributes:
        id: unique in the graph: the step's name, then ``name_2``, ``name_3``, …; in a pipeline inside another one
            after that one's name and a dot: ``cleaning.load``.
        step: the definition, with the name that ``with_options`` gave.
        artifacts: input name -> where its artifact comes from.
        parameters: parameter name -> value, defaults included.
        after: invocations which must have ended before, besides those its inputs come from.
        cache_override: what ``with_options`` says about caching, ``None`` if nothing.
        location: where it was called.
        inner: the pipeline inside the pipeline in whose body it was called; ``None`` outside of one.
    """

    id: str
    step: StepDefinition
    artifacts: Mapping[str, ArtifactInput]
    parameters: Mapping[str, Parameter]
    after: tuple[str, ...]
    cache_override: bool | None
    location: SourceLocation
    inner: InnerPipeline | None = None

    def sources(self) -> Iterator[tuple[str, ArtifactSource]]:
        """Yield (input name, source) for every artifact, those inside lists too."""
        for name, source in self.artifacts.items():
            for item in source.items if isinstance(source, ArtifactList) else (source,):
                yield name, item

    @cached_property
    def upstream(self) -> tuple[str, ...]:
        """The invocations that must have ended before it starts, each once."""
        inputs = (made_by(source) for _, source in self.sources())
        return tuple(dict.fromkeys([*filter(None, inputs), *self.after]))

    @property
    def takes_external_value(self) -> bool:
        """Whether an ``ExternalArtifact`` with a value feeds it."""
        return any(isinstance(source, ExternalArtifact) and source.has_value for _, source in self.sources())


@dataclass(frozen=True)
class Graph:
    """A recorded pipeline.

    Attributes:
        pipeline: the definition, with the name that ``with_options`` gave.
        invocations: id -> invocation, in the order of the calls.
        parameters: the pipeline's own parameters, defaults included.
        run_name: the name the run shall have, ``None`` for an automatic one.
        cache_override: what ``pipeline.with_options`` says about caching, ``None`` if nothing.
    """

    pipeline: PipelineDefinition
    invocations: Mapping[str, Invocation]
    parameters: Mapping[str, Parameter]
    run_name: str | None = None
    cache_override: bool | None = None

    def order(self) -> tuple[str, ...]:
        """Return the invocations so that each comes after its upstream, else in the order of the calls.

        Invocations in a cycle are left out, and those that wait for one which was not called (yet);
        ``checks`` refuses graphs that have them.
        """
        return self._order

    @cached_property
    def _order(self) -> tuple[str, ...]:
        ids = list(self.invocations)
        position = {invocation: index for index, invocation in enumerate(ids)}
        waiting = {invocation: len(self.invocations[invocation].upstream) for invocation in ids}
        downstream: dict[str, list[str]] = {invocation: [] for invocation in ids}
        for invocation in ids:
            for upstream in self.invocations[invocation].upstream:
                downstream.get(upstream, []).append(invocation)
        ready = [position[invocation] for invocation in ids if not waiting[invocation]]
        ordered: list[str] = []
        while ready:
            current = ids[heapq.heappop(ready)]
            ordered.append(current)
            for follower in downstream[current]:
                waiting[follower] -= 1
                if not waiting[follower]:
                    heapq.heappush(ready, position[follower])
        return tuple(ordered)

    def upstream_of(self, invocation: str, *, known: Container[str] = ()) -> tuple[str, ...]:
        """Return an invocation and everything that must have ended before, in the order of the calls.

        Args:
            invocation: whose.
            known: invocations that are left out, with what is upstream of them.
        """
        found: set[str] = set()
        waiting = [invocation]
        while waiting:
            current = waiting.pop()
            if current in found or current in known or current not in self.invocations:
                continue
            found.add(current)
            waiting.extend(self.invocations[current].upstream)
        return tuple(name for name in self.invocations if name in found) if len(found) > 1 else tuple(found)

    def output(self, ref: StepOutputRef) -> OutputSpec:
        """Return what is declared about an output.

        Raises:
            KeyError: no step declares it.
        """
        declared = {output.key: output for output in self.invocations[ref.invocation].step.outputs}
        return declared[ref.output]

    def output_name(self, invocation: Invocation, output: OutputSpec) -> str:
        """Return the artifact name an output is saved under."""
        return output.artifact_name(self.pipeline.name, invocation.id)

    def input_name(self, invocation: Invocation, parameter: str) -> str:
        """Return the artifact name a value passed as ``ExternalArtifact`` is saved under."""
        return SEPARATOR.join((self.pipeline.name, invocation.id, parameter))


def made_by(source: ArtifactSource) -> str | None:
    """Return the invocation of the graph that makes an artifact, ``None`` for one that comes from outside."""
    return source.invocation if isinstance(source, (StepOutputRef, ItemRef)) else None
