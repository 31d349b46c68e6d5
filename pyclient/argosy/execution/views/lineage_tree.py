"""A lineage as a tree of lines for terminals: up to what it was made from, down to what was made from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from argosy.execution.views.lineage_drawing import StepGroup, grouped_steps

if TYPE_CHECKING:
    from argosy.execution.records.lineage import Lineage, LineageEdge, LineageVersion

_Key: TypeAlias = "tuple[str | tuple[str, int], bool]"
_MADE_BY = {"returned": "made by", "saved": "saved by", "reused": "taken from cache by"}
_REMARKS = {"external": " [external]", "loaded": " [loaded]", "saved": " [saved]", "reused": " [from cache]"}


def tree_lines(lineage: Lineage) -> Iterator[str]:
    """Yield the lines. What hangs below a version or step is shown once, where it is nearest to the root."""
    tree = _Tree(lineage)
    yield _version_text(lineage.root)
    if not tree.root_branches:
        yield "└── made outside of steps, and used by none"
    yield from tree.lines(tree.root_branches, "")
    if lineage.truncated:
        yield "there is more: ask for a greater depth, or for the lineage of a version further away"


@dataclass(frozen=True)
class _Branch:
    """What an edge leads to on the way up or down: a group of steps, or with ``to_step`` false its version."""

    edge: LineageEdge
    group: StepGroup
    to_step: bool
    up: bool

    @property
    def key(self) -> _Key:
        return (self.group.step.key if self.to_step else self.edge.version.id), self.up

    def __str__(self) -> str:
        edge = self.edge
        if not self.to_step:
            name = f"{edge.name}: " if edge.name not in ("", edge.version.name) else ""
            return f"{name}{_version_text(edge.version)}{_REMARKS.get(edge.relation, '')}"
        step = f"{self.group.title}, {self.group.detail}"
        if self.up:
            return f"{_MADE_BY[edge.relation]} {step}"
        return f"loaded by {step}" if edge.relation == "loaded" else f"used as {edge.name} by {step}"


class _Tree:
    """The edges by version, and what hangs below each branch that is shown in full.

    Branches are followed in breadth, so that no line stands deeper than the lineage is: the longest way through a
    graph may be as long as the graph.
    """

    def __init__(self, lineage: Lineage) -> None:
        self._of_version: dict[tuple[str, bool], list[tuple[LineageEdge, StepGroup]]] = {}
        for group in grouped_steps(lineage):
            for edge in group.edges:
                self._of_version.setdefault((edge.version.id, edge.made), []).append((edge, group))
        root = lineage.root.id
        self.root_branches = [*self._steps_of(root, up=True), *self._steps_of(root, up=False)]
        self._full: dict[_Key, _Branch] = {}
        self._printed: set[_Key] = set()
        waiting = deque(self.root_branches)
        while waiting:
            branch = waiting.popleft()
            if branch.key not in self._full:
                self._full[branch.key] = branch
                waiting.extend(self._below(branch))

    def lines(self, branches: list[_Branch], indent: str) -> Iterator[str]:
        """Yield a line for each branch, and for what hangs below it."""
        for number, branch in enumerate(branches):
            last = number == len(branches) - 1
            below = self._below(branch)
            full = self._full[branch.key].edge is branch.edge and branch.key not in self._printed
            remark = "" if full or not below else f" (see {'above' if branch.key in self._printed else 'below'})"
            yield f"{indent}{'└── ' if last else '├── '}{branch}{remark}"
            if full:
                self._printed.add(branch.key)
                yield from self.lines(below, indent + ("    " if last else "│   "))

    def _below(self, branch: _Branch) -> list[_Branch]:
        if not branch.to_step:
            return self._steps_of(branch.edge.version.id, up=branch.up)
        group = branch.group
        return [_Branch(edge, group, False, branch.up) for edge in group.edges if edge.made != branch.up]

    def _steps_of(self, version_id: str, *, up: bool) -> list[_Branch]:
        """Return the steps that made a version, or on the way down those that used it."""
        return [_Branch(edge, group, True, up) for edge, group in self._of_version.get((version_id, up), [])]


def _version_text(version: LineageVersion) -> str:
    return f"{version} [deleted]" if version.deleted else str(version)
