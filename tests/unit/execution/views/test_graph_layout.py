from __future__ import annotations

import random
from itertools import combinations

import pytest

from argosy.execution.views.graph_layout import MAX_PLACES, Layout, Place, lay_out

SIZE = (100.0, 40.0)


def placed(count: int, *arrows: tuple[int, int]) -> Layout:
    return lay_out([SIZE] * count, arrows)


def overlap(a: Place, b: Place) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def crossings(layout: Layout) -> int:
    """How many straight lines between boxes cross, of those between the same columns."""
    ends = [(line[0], line[-1]) for line in layout.lines]
    return sum(
        a[0] == c[0] and b[0] == d[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0 for (a, b), (c, d) in combinations(ends, 2)
    )


def test_nothing_has_no_place_and_one_box_is_all() -> None:
    assert placed(0).boxes == ()
    assert placed(1) == Layout(124.0, 64.0, (Place(12.0, 12.0, *SIZE),), ())


def test_arrows_go_from_left_to_right() -> None:
    layout = placed(4, (0, 1), (1, 2), (0, 3), (3, 2))
    x = [box.x for box in layout.boxes]
    assert x[0] < x[1] == x[3] < x[2]
    assert layout.lines[0] == ((112.0, layout.boxes[0].y + 20), (172.0, layout.boxes[1].y + 20))


def test_what_comes_from_nothing_stands_beside_what_it_feeds() -> None:
    layout = placed(5, (0, 1), (1, 2), (2, 3), (4, 3))
    assert layout.boxes[4].x == layout.boxes[2].x


def test_a_line_that_passes_a_column_goes_around_the_boxes_there() -> None:
    layout = placed(3, (0, 1), (1, 2), (0, 2))
    start, passing, end = layout.lines[2]
    box = layout.boxes[1]
    assert start[0] < passing[0] < end[0]
    assert not box.y <= passing[1] <= box.y + box.height


def test_of_too_many_passing_lines_the_longest_go_straight() -> None:
    """Every box leads to every later one."""
    count = 100
    arrows = list(combinations(range(count), 2))
    layout = placed(count, *arrows)
    passed = {end - start: len(line) - 2 for (start, end), line in zip(arrows, layout.lines, strict=True)}
    around = [length for length, places in passed.items() if places == length - 1]
    straight = [length for length, places in passed.items() if places == 0 and length > 1]
    assert sorted([*around, *straight]) == list(range(1, count))
    assert max(around) < min(straight)
    places = sum(len(line) - 2 for line in layout.lines)
    assert MAX_PLACES - (count - len(around)) * len(around) < places <= MAX_PLACES
    assert not any(overlap(a, b) for a, b in combinations(layout.boxes, 2))


def test_lines_that_need_not_cross_do_not() -> None:
    arrows = [(0, 7), (1, 6), (2, 5), (3, 4)]
    assert crossings(placed(8, *arrows)) == 0


@pytest.mark.parametrize("arrows", [[(0, 0)], [(0, 1), (1, 0)], [(0, 1), (1, 2), (2, 0), (2, 3)]])
def test_a_cycle_is_drawn_too(arrows: list[tuple[int, int]]) -> None:
    layout = placed(4, *arrows)
    assert len(layout.lines) == len(arrows)
    assert not any(overlap(a, b) for a, b in combinations(layout.boxes, 2))


def test_no_boxes_overlap_and_all_lie_inside_whatever_the_graph() -> None:
    source = random.Random(7)
    for _ in range(30):
        count = source.randint(2, 40)
        sizes = [(source.uniform(20, 300), source.uniform(20, 60)) for _ in range(count)]
        arrows = [(source.randrange(count), source.randrange(count)) for _ in range(count * 2)]
        layout = lay_out(sizes, arrows)
        assert [(box.width, box.height) for box in layout.boxes] == sizes
        assert not any(overlap(a, b) for a, b in combinations(layout.boxes, 2))
        for box in layout.boxes:
            assert box.x >= 0
            assert box.y >= 0
            assert box.x + box.width <= layout.width
            assert box.y + box.height <= layout.height


def test_a_long_chain_needs_no_deep_recursion() -> None:
    layout = placed(5000, *((number, number + 1) for number in range(4999)))
    assert layout.boxes[-1].x > layout.boxes[0].x
