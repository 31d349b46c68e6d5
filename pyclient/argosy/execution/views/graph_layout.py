"""Where the boxes and lines of a graph go: columns from left to right, as few crossings as a few sweeps find.

A line that passes columns gets a place in each of them, so that it goes around the boxes there. Where lines would need
too many places, the longest get none and go straight, behind the boxes.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

COLUMN_GAP = 60.0
ROW_GAP = 18.0
MARGIN = 12.0
SWEEPS = 8
MAX_PLACES = 10_000
"""Most places that lines get. A graph that needs more is too dense to follow a line through it anyway, and where every
box leads to every later one, places would grow with the cube of the boxes."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """Where a box is: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Where everything is.

    Attributes:
        width: of the whole picture.
        height: of the whole picture.
        boxes: a place for each box.
        lines: for each arrow the points it passes, first and last at the sides of its boxes.
    """

    width: float
    height: float
    boxes: tuple[Place, ...]
    lines: tuple[tuple[Point, ...], ...]


def lay_out(sizes: Sequence[tuple[float, float]], arrows: Sequence[tuple[int, int]]) -> Layout:
    """Place boxes of these sizes so that arrows go from left to right, but for those that close a cycle.

    Args:
        sizes: width and height of each box.
        arrows: from which box to which.
    """
    columns = _columns(len(sizes), arrows)
    grid = _Grid(list(sizes), columns)
    longest = _longest_led_around([abs(columns[end] - columns[start]) for start, end in arrows])
    routes = [grid.route(start, end, longest) for start, end in arrows]
    grid.sweep()
    return grid.layout(len(sizes), routes)


def _longest_led_around(lengths: Iterable[int]) -> int:
    """Return up to which length lines can be led around boxes, such that all of them get the places they need."""
    longest, left = 0, MAX_PLACES
    for length, lines in sorted(Counter(lengths).items()):
        left -= lines * max(0, length - 1)
        if left < 0:
            break
        longest = length
    return longest


def _columns(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """Return a column for each box: right of what it comes from, or if that is nothing near what it feeds."""
    followers = _without_cycles(count, arrows)
    waiting = [0] * count
    for ends in followers:
        for end in ends:
            waiting[end] += 1
    sources = [box for box in range(count) if not waiting[box]]
    columns = [0] * count
    ready = deque(sources)
    while ready:
        box = ready.popleft()
        for end in followers[box]:
            columns[end] = max(columns[end], columns[box] + 1)
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    for box in sources:
        if followers[box]:
            columns[box] = min(columns[end] for end in followers[box]) - 1
    return columns


def _without_cycles(count: int, arrows: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return what follows each box, without the arrows that lead back to where they came from."""
    followers: list[list[int]] = [[] for _ in range(count)]
    for start, end in dict.fromkeys(arrows):
        followers[start].append(end)
    new, open_, done = 0, 1, 2
    state = [new] * count
    kept: list[list[int]] = [[] for _ in range(count)]
    for root in range(count):
        path = [(root, iter(followers[root]))] if state[root] == new else []
        state[root] = open_ if path else state[root]
        while path:
            box, ends = path[-1]
            for end in ends:
                if state[end] == open_:
                    continue
                kept[box].append(end)
                if state[end] == new:
                    state[end] = open_
                    path.append((end, iter(followers[end])))
                    break
            else:
                state[box] = done
                path.pop()
    return kept


@dataclass
class _Grid:
    """Boxes and the places of passing lines, by column; ``rows`` has their order in each column."""

    sizes: list[tuple[float, float]]
    columns: list[int]
    rows: list[list[int]] = field(init=False)
    neighbours: list[list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = [[] for _ in range(max(self.columns, default=0) + 1)]
        self.neighbours = [[] for _ in self.columns]
        for box, column in enumerate(self.columns):
            self.rows[column].append(box)

    def route(self, start: int, end: int, longest: int) -> list[int]:
        """Make places for a line in the columns it passes unless it is longer, and return all it touches."""
        first, last = self.columns[start], self.columns[end]
        step = 1 if last >= first else -1
        led_around = abs(last - first) <= longest
        passed = [self._place(column) for column in range(first + step, last, step)] if led_around else []
        touched = [start, *passed, end]
        for left, right in itertools.pairwise(touched):
            self.neighbours[left].append(right)
            self.neighbours[right].append(left)
        return touched

    def _place(self, column: int) -> int:
        self.sizes.append((0.0, 0.0))
        self.columns.append(column)
        self.neighbours.append([])
        self.rows[column].append(len(self.sizes) - 1)
        return len(self.sizes) - 1

    def sweep(self) -> None:
        """Order each column by where its neighbours are, from left to right and back again."""
        for number in range(SWEEPS):
            positions = [0.0] * len(self.sizes)
            for row in self.rows:
                for position, box in enumerate(row):
                    positions[box] = (position + 0.5) / len(row)
            rightwards = number % 2 == 0
            for column in range(len(self.rows)) if rightwards else reversed(range(len(self.rows))):
                row = self.rows[column]
                wanted = {box: self._mean(box, column, positions, rightwards=rightwards) for box in row}
                row.sort(key=wanted.__getitem__)
                for position, box in enumerate(row):
                    positions[box] = (position + 0.5) / len(row)

    def _mean(self, box: int, column: int, positions: list[float], *, rightwards: bool) -> float:
        seen = [n for n in self.neighbours[box] if (self.columns[n] < column) == rightwards]
        return sum(positions[n] for n in seen) / len(seen) if seen else positions[box]

    def layout(self, boxes: int, routes: list[list[int]]) -> Layout:
        """Turn columns and order into coordinates."""
        heights = [sum(self.sizes[box][1] + ROW_GAP for box in row) - ROW_GAP for row in self.rows]
        tallest = max(heights, default=0.0)
        places: list[Place] = [Place(0, 0, 0, 0)] * len(self.sizes)
        x = MARGIN
        for row, height in zip(self.rows, heights, strict=True):
            width = max((self.sizes[box][0] for box in row), default=0.0)
            y = MARGIN + (tallest - height) / 2
            for box in row:
                own_width, own_height = self.sizes[box]
                places[box] = Place(x + (width - own_width) / 2, y, own_width, own_height)
                y += own_height + ROW_GAP
            x += width + COLUMN_GAP
        lines = tuple(tuple(_points([places[box] for box in route])) for route in routes)
        return Layout(x - COLUMN_GAP + MARGIN, tallest + 2 * MARGIN, tuple(places[:boxes]), lines)


def _points(places: list[Place]) -> list[Point]:
    """Return where a line leaves its first box, passes, and meets its last box."""
    start, *passed, end = places
    middle = [(place.x, place.y) for place in passed]
    backwards = end.x < start.x
    leaves = start.x if backwards else start.x + start.width
    meets = end.x + end.width if backwards else end.x
    return [(leaves, start.y + start.height / 2), *middle, (meets, end.y + end.height / 2)]
