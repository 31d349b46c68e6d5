"""``Lineage``: what a version was made from, and what was made from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from argosy.errors import ParameterError
from argosy.execution.states import step_status
from argosy.v1 import artifact_pb2, lineage_pb2

if TYPE_CHECKING:
    from argosy.transport.connection import Connection

MAX_SHOWN_NODES, MAX_SHOWN_ARROWS = 400, 2_000
"""Notebooks show a larger graph as one line: nobody reads it, and browsers grow slow."""
DIRECTIONS = {
    "up": lineage_pb2.LineageDirection.LINEAGE_DIRECTION_UPSTREAM,
    "down": lineage_pb2.LineageDirection.LINEAGE_DIRECTION_DOWNSTREAM,
    "both": lineage_pb2.LineageDirection.LINEAGE_DIRECTION_BOTH,
}
MAX_DEPTH = 100
MADE = frozenset({"returned", "saved", "reused"})


@dataclass(frozen=True)
class LineageVersion:
    """A version in a lineage. Its id loads it: ``argosy.load_artifact(version.id)``.

    Attributes:
        id: its UUID.
        name: the artifact it is a version of.
        version: its label.
        data_type: the type of the value, ``module:qualname``.
        format: the layout of its files.
        kind: how it came to be: ``manual``, ``step_output`` or ``external``.
        size_bytes: the size of all its files.
        created: when it became visible, in UTC.
        deleted: whether its value is gone.
        named: whether its name was chosen, not made up.
    """

    id: str
    name: str
    version: str
    data_type: str
    format: str
    kind: str
    size_bytes: int
    created: datetime
    deleted: bool
    named: bool

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class LineageStep:
    """One attempt of a step run in a lineage: what it made came only from what this attempt was given and loaded.

    Attributes:
        id: the UUID of the step run.
        run_id: the run it belongs to.
        run_name: the name of the run.
        pipeline_name: the pipeline.
        invocation: its name in the run.
        name: the step's name.
        status: as it was when the lineage was read; ``failed`` for an attempt that another one followed.
        attempt: 1 for the first.
    """

    id: str
    run_id: str
    run_name: str
    pipeline_name: str
    invocation: str
    name: str
    status: str
    attempt: int

    @property
    def key(self) -> tuple[str, int]:
        """What tells it apart from every other step of a lineage: step run and attempt."""
        return self.id, self.attempt

    def __str__(self) -> str:
        again = f", attempt {self.attempt}" if self.attempt > 1 else ""
        return f"{self.invocation} of run {self.run_name}{again}"


@dataclass(frozen=True)
class LineageEdge:
    """A version and an attempt of a step run that belong together.

    Attributes:
        version: the version.
        step: the attempt.
        relation: the step was given it (``step_output`` of another one, ``external``) or ``loaded`` it; or the step
            ``returned`` it, ``saved`` it, or took it from cache (``reused``).
        name: the input or output of the step; for a loaded version the artifact.
    """

    version: LineageVersion
    step: LineageStep
    relation: str
    name: str

    @property
    def made(self) -> bool:
        """Whether the version came out of the step, not into it."""
        return self.relation in MADE


@dataclass(frozen=True)
class Lineage:
    """What a version was made from, and what was made from it. Iterating yields the versions, nearest first.

    Attributes:
        root: the version that was asked for.
        versions: all versions, ``root`` first.
        steps: the attempts of step runs between them.
        edges: what joins versions and steps.
        truncated: whether there is more: deeper, or more than 10,000 edges.
    """

    root: LineageVersion
    versions: tuple[LineageVersion, ...]
    steps: tuple[LineageStep, ...]
    edges: tuple[LineageEdge, ...]
    truncated: bool

    @cached_property
    def upstream(self) -> tuple[LineageVersion, ...]:
        """The versions it was made from, nearest first."""
        return self._reached(made=True)

    @cached_property
    def downstream(self) -> tuple[LineageVersion, ...]:
        """The versions that were made from it, nearest first."""
        return self._reached(made=False)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON document; edges name versions by their ids, and steps by theirs and the attempt."""
        return {
            "root": self.root.id,
            "versions": [
                {**vars(version), "created": version.created.isoformat(timespec="milliseconds")}
                for version in self.versions
            ],
            "steps": [dict(vars(step)) for step in self.steps],
            "edges": [
                {
                    "version": edge.version.id,
                    "step": edge.step.id,
                    "attempt": edge.step.attempt,
                    "relation": edge.relation,
                    "name": edge.name,
                }
                for edge in self.edges
            ],
            "truncated": self.truncated,
        }

    def to_mermaid(self) -> str:
        """Return it as a Mermaid flowchart, which GitHub, GitLab and many wikis show."""
        from argosy.execution.views.mermaid import mermaid

        return mermaid(self)

    def to_svg(self) -> str:
        """Return it as an SVG picture; nothing has to be installed for that."""
        from argosy.execution.views.svg import svg

        return svg(self)

    def __iter__(self) -> Iterator[LineageVersion]:
        return iter(self.versions)

    def __len__(self) -> int:
        return len(self.versions)

    def __str__(self) -> str:
        from argosy.execution.views.lineage_tree import tree_lines

        return "\n".join(tree_lines(self))

    def __repr__(self) -> str:
        more = ", truncated" if self.truncated else ""
        return f"<Lineage of {self.root}: {len(self.versions)} versions, {len(self.steps)} steps{more}>"

    def _repr_html_(self) -> str:
        from argosy.execution.views.lineage_drawing import draw

        drawing = draw(self)
        if len(drawing.boxes) > MAX_SHOWN_NODES or len(drawing.arrows) > MAX_SHOWN_ARROWS:
            return f"<p>{escape(repr(self))}; <code>to_svg()</code> draws it</p>"
        more = "<p>There is more: ask for a greater depth.</p>" if self.truncated else ""
        return f'<div style="overflow: auto">{self.to_svg()}{more}</div>'

    def _reached(self, *, made: bool) -> tuple[LineageVersion, ...]:
        """Walk from the root: over steps that made a version to what they used, or the other way round."""
        to_steps: dict[str, list[tuple[str, int]]] = {}
        to_versions: dict[tuple[str, int], list[LineageVersion]] = {}
        for edge in self.edges:
            if edge.made == made:
                to_steps.setdefault(edge.version.id, []).append(edge.step.key)
            else:
                to_versions.setdefault(edge.step.key, []).append(edge.version)
        reached = {self.root.id: self.root}
        level = [self.root.id]
        while level:
            steps = [step for version in level for step in to_steps.pop(version, [])]
            found = {version.id: version for step in steps for version in to_versions.get(step, [])}
            level = [version_id for version_id in found if version_id not in reached]
            reached.update(found)
        return tuple(reached.values())[1:]


def ask_lineage(connection: Connection, selector: artifact_pb2.VersionSelector, direction: str, depth: int) -> Lineage:
    """Return the lineage of the version a selector names.

    Raises:
        ParameterError: there is no such direction or depth.
        NotFoundError: nothing matches the selector.
    """
    if direction not in list(DIRECTIONS):
        raise ParameterError(f"direction={direction!r} is none of {', '.join(map(repr, DIRECTIONS))}")
    if type(depth) is not int or not 1 <= depth <= MAX_DEPTH:
        raise ParameterError(f"depth={depth!r} is no number of steps from 1 to {MAX_DEPTH}")
    return read_lineage(connection.artifacts.get_lineage(selector, DIRECTIONS[direction], depth))


def read_lineage(message: lineage_pb2.GetLineageResponse) -> Lineage:
    """Return what the store answered."""
    versions = tuple(map(_version, message.versions))
    steps = tuple(map(_step, message.steps))
    edges = tuple(
        LineageEdge(
            version=versions[edge.version],
            step=steps[edge.step],
            relation=lineage_pb2.LineageRelation.Name(edge.relation).removeprefix("LINEAGE_RELATION_").lower(),
            name=edge.name,
        )
        for edge in message.edges
    )
    return Lineage(versions[0], versions, steps, edges, message.truncated)


def _version(message: lineage_pb2.LineageVersion) -> LineageVersion:
    return LineageVersion(
        id=message.id,
        name=message.name,
        version=message.version,
        data_type=message.data_type,
        format=message.format,
        kind=artifact_pb2.ArtifactKind.Name(message.kind).removeprefix("ARTIFACT_KIND_").lower(),
        size_bytes=message.size_bytes,
        created=message.create_time.ToDatetime(tzinfo=timezone.utc),
        deleted=message.deleted,
        named=message.named,
    )


def _step(message: lineage_pb2.LineageStep) -> LineageStep:
    return LineageStep(
        id=message.id,
        run_id=message.run_id,
        run_name=message.run_name,
        pipeline_name=message.pipeline_name,
        invocation=message.invocation,
        name=message.step_name,
        status=step_status(message.state),
        attempt=message.attempt,
    )
