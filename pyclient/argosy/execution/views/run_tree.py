"""The graph of a run as a tree: each step once, under the last of those it waits for; large fan-outs in one line.

Where a step waits for several others they are named beside it, unless they are above it anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MOST_LEVELS = 24
"""Further in, a line says no more to people."""
FOLDED_FROM = 9
"""So many calls of one step after the same one are shown in one line."""


class PlannedStep(NamedTuple):
    """What has to be known of a step to place it.

    Attributes:
        invocation: its name in the run.
        step: the step's name.
        upstream: the invocations it waits for.
        status: what is known of it from before.
    """

    invocation: str
    step: str
    upstream: tuple[str, ...] = ()
    status: str = "waiting"


@dataclass(frozen=True)
class Branch:
    """One line of the tree.

    Attributes:
        levels: for each level above it, and at last its own, whether more follows there; empty at the top. Of more
            than can be shown the last ones.
        name: the invocation, or of several what they have in common.
        members: the invocations it stands for.
        also_after: what its steps wait for besides what is above it.
    """

    levels: tuple[bool, ...]
    name: str
    members: tuple[str, ...]
    also_after: tuple[str, ...] = ()


def lay_out(steps: Iterable[PlannedStep]) -> list[Branch]:
    """Return the lines of the tree, from the top down.

    Args:
        steps: each after those it waits for; a name that is not among the earlier ones is left out.
    """
    lines = _Lines(list(steps))
    branches: list[Branch] = []
    left: list[tuple[int, tuple[bool, ...]]] = [(root, ()) for root in reversed(lines.below[-1])]
    while left:
        line, levels = left.pop()
        branches.append(Branch(levels, lines.names[line], tuple(lines.members[line]), lines.also_after(line)))
        followers = lines.below[line]
        left += [(item, (*levels, item != followers[-1])[-MOST_LEVELS:]) for item in reversed(followers)]
    return branches


class _Lines:
    """Who shares a line, and which line stands under which; ``-1`` is the top."""

    def __init__(self, steps: Sequence[PlannedStep]) -> None:
        self._position = {step.invocation: index for index, step in enumerate(steps)}
        self._upstream = {
            step.invocation: [item for item in step.upstream if self._position.get(item, index) < index]
            for index, step in enumerate(steps)
        }
        self.names: list[str] = []
        self.members: list[list[str]] = []
        self._line_of: dict[str, int] = {}
        folded = self._folded(steps)
        lines: dict[int, int] = {}
        for step in steps:
            group = folded.get(step.invocation)
            line = len(self.members) if group is None else lines.setdefault(group, len(self.members))
            if line == len(self.members):
                self.members.append([])
                self.names.append(step.invocation if group is None else _common_name(step))
            self.members[line].append(step.invocation)
            self._line_of[step.invocation] = line
        self._above = [self._line_above(line) for line in range(len(self.members))]
        self.below: dict[int, list[int]] = {line: [] for line in range(-1, len(self.members))}
        for line, above in enumerate(self._above):
            self.below[above].append(line)

    def also_after(self, line: int) -> tuple[str, ...]:
        """Return the names of lines that are waited for and do not stand above."""
        others = {self._line_of[item] for member in self.members[line] for item in self._upstream[member]} - {line}
        seen: set[int] = set()
        left = [self._above[line]] if others else []
        while left and not others <= seen:  # what a line above waits for needs not be said again
            above = left.pop()
            if above != -1 and above not in seen:
                seen.add(above)
                left += {self._line_of[item] for member in self.members[above] for item in self._upstream[member]}
        return tuple(self.names[other] for other in sorted(others - seen))

    def _folded(self, steps: Sequence[PlannedStep]) -> dict[str, int]:
        """Return the group of each step that shares its line: calls of one step after calls of one step."""
        numbers: dict[tuple[str, int], int] = {}
        group_of: dict[str, int] = {}
        sizes: dict[int, int] = {}
        for step in steps:
            last = self._last(step.invocation)
            key = (_common_name(step), -1 if last is None else group_of[last])
            group = group_of[step.invocation] = numbers.setdefault(key, len(numbers))
            sizes[group] = sizes.get(group, 0) + 1
        return {invocation: group for invocation, group in group_of.items() if sizes[group] >= FOLDED_FROM}

    def _line_above(self, line: int) -> int:
        found = [self._last(member) for member in self.members[line]]
        known = [item for item in found if item is not None]
        return self._line_of[max(known, key=self._position.__getitem__)] if known else -1

    def _last(self, invocation: str) -> str | None:
        return max(self._upstream[invocation], key=self._position.__getitem__, default=None)


def _common_name(step: PlannedStep) -> str:
    """Return the step's name, with that of the pipeline inside the pipeline it is in."""
    inner, dot, _ = step.invocation.rpartition(".")
    return f"{inner}{dot}{step.step}"
