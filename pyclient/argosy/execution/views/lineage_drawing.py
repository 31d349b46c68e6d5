"""What is drawn of a lineage: boxes for versions and steps, arrows in the direction of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argosy.execution.views.drawing import Arrow, Box, Drawing

if TYPE_CHECKING:
    from argosy.execution.records.lineage import Lineage, LineageEdge, LineageStep, LineageVersion

_USE = {"step_output": "", "external": "external", "loaded": "loaded"}


@dataclass(frozen=True)
class StepGroup:
    """Step runs that are shown as one.

    Attributes:
        step: the first of them.
        edges: its edges.
        count: how many they are.
    """

    step: LineageStep
    edges: tuple[LineageEdge, ...]
    count: int

    @property
    def title(self) -> str:
        """Its name in the run."""
        return self.step.invocation

    @property
    def detail(self) -> str:
        """Where it ran, and what is special about it."""
        if self.count > 1:
            return f"cached in {self.count} runs of {self.step.pipeline_name}"
        again = f", attempt {self.step.attempt}" if self.step.attempt > 1 else ""
        status = "" if self.step.status == "completed" else f", {self.step.status}"
        return f"run {self.step.run_name}{again}{status}"


def grouped_steps(lineage: Lineage) -> list[StepGroup]:
    """Return the steps in order; cached runs of a step that used and took over the same versions are one.

    Of a pipeline that runs every night there are hundreds of them.
    """
    edges_of: dict[tuple[str, int], list[LineageEdge]] = {step.key: [] for step in lineage.steps}
    for edge in lineage.edges:
        edges_of[edge.step.key].append(edge)
    alike: dict[object, list[LineageStep]] = {}
    for step in lineage.steps:
        alike.setdefault(_identity(step, edges_of[step.key]), []).append(step)
    return [StepGroup(steps[0], tuple(edges_of[steps[0].key]), len(steps)) for steps in alike.values()]


def draw(lineage: Lineage) -> Drawing:
    """Return what is drawn."""
    boxes = [_version_box(version, version is lineage.root) for version in lineage.versions]
    position = {version.id: number for number, version in enumerate(lineage.versions)}
    arrows: list[Arrow] = []
    for group in grouped_steps(lineage):
        arrows += [_arrow(edge, position[edge.version.id], len(boxes)) for edge in group.edges]
        boxes.append(Box("step", group.title, group.detail))
    return Drawing(tuple(boxes), tuple(arrows))


def _identity(step: LineageStep, edges: list[LineageEdge]) -> object:
    """Return what is equal for steps that are shown as one."""
    if step.status != "cached":
        return step.key
    return step.pipeline_name, step.invocation, frozenset((edge.version.id, edge.relation, edge.name) for edge in edges)


def _version_box(version: LineageVersion, root: bool) -> Box:
    kind = "deleted" if version.deleted else "root" if root else "version"
    facts = [f"version {version.version}", version.format, *(["deleted"] if version.deleted else [])]
    return Box(kind, version.name, ", ".join(filter(None, facts)))


def _arrow(edge: LineageEdge, version: int, step: int) -> Arrow:
    if edge.made:
        style = {"returned": "solid", "saved": "dashed", "reused": "dotted"}[edge.relation]
        return Arrow(step, version, edge.name or edge.relation, style)
    use = _USE[edge.relation]
    return Arrow(version, step, f"{edge.name} ({use})" if use else edge.name, "dashed" if use == "loaded" else "solid")
