from __future__ import annotations

from dataclasses import replace

from tests.unit.execution.lineages import CHAIN, lineage_of


def test_a_tree_goes_up_to_what_a_version_was_made_from_and_down_to_what_was_made_from_it() -> None:
    assert str(lineage_of("model", CHAIN)).splitlines() == [
        "model 1",
        "├── made by fit, run run-1",
        "│   ├── x: table 1",
        "│   │   └── made by clean, run run-1",
        "│   │       └── raw 1 [external]",
        "│   └── settings 1 [loaded]",
        "└── used as model by evaluate, run run-1",
        "    └── score 1 [saved]",
    ]


def test_deleted_versions_and_cached_steps_are_marked() -> None:
    edges = [("model", "fit@1", "reused", "output"), ("data", "fit@1", "external", "x")]
    assert str(lineage_of("model", edges, cached=True, deleted="data")).splitlines() == [
        "model 1",
        "└── taken from cache by fit, run run-1, cached",
        "    └── x: data 1 [deleted] [external]",
    ]


def test_what_hangs_below_a_version_is_shown_once() -> None:
    edges = [
        ("both", "join", "returned", "output"),
        ("left", "join", "step_output", "a"),
        ("right", "join", "step_output", "b"),
        ("left", "one", "returned", "output"),
        ("right", "two", "returned", "output"),
        ("data", "one", "step_output", "x"),
        ("data", "two", "step_output", "x"),
        ("data", "read", "returned", "output"),
    ]
    assert str(lineage_of("both", edges)).splitlines() == [
        "both 1",
        "└── made by join, run run-1",
        "    ├── a: left 1",
        "    │   └── made by one, run run-1",
        "    │       └── x: data 1",
        "    │           └── made by read, run run-1",
        "    └── b: right 1",
        "        └── made by two, run run-1",
        "            └── x: data 1 (see above)",
    ]


def test_what_one_attempt_of_a_step_made_does_not_hang_below_another() -> None:
    edges = [
        ("model", "fit~2", "returned", "output"),
        ("settings", "fit~2", "loaded", "settings"),
        ("settings", "fit", "saved", ""),
        ("data", "fit", "loaded", "data"),
    ]
    assert str(lineage_of("model", edges)).splitlines() == [
        "model 1",
        "└── made by fit, run run-1, attempt 2",
        "    └── settings 1 [loaded]",
        "        └── saved by fit, run run-1",
        "            └── data 1 [loaded]",
    ]


def test_a_version_without_lineage_says_so() -> None:
    assert str(lineage_of("raw", [])).splitlines() == ["raw 1", "└── made outside of steps, and used by none"]


def test_a_tree_that_was_cut_says_so() -> None:
    lines = str(replace(lineage_of("model", CHAIN[:1]), truncated=True)).splitlines()
    assert lines[-1] == "there is more: ask for a greater depth, or for the lineage of a version further away"


def test_a_tree_is_no_deeper_than_the_lineage_however_long_a_way_leads_through_it() -> None:
    """Every version of a chain is also given to the last step, so the shortest way to each is one step."""
    count = 3000
    edges = [("root", "last", "returned", "output")]
    edges += [(f"v{number}", "last", "step_output", "all") for number in range(count)]
    for number in range(1, count):
        edges += [
            (f"v{number}", f"s{number}", "returned", "output"),
            (f"v{number - 1}", f"s{number}", "step_output", "x"),
        ]
    lines = str(lineage_of("root", edges)).splitlines()
    assert lines[2:7] == [
        "    ├── all: v0 1",
        "    ├── all: v1 1",
        "    │   └── made by s1, run run-1",
        "    │       └── x: v0 1",
        "    ├── all: v2 1",
    ]
    assert max(map(len, lines)) < 100
    assert len(lines) == 2 + count + 2 * (count - 1)


def test_what_is_shown_further_down_says_so() -> None:
    edges = [
        ("root", "join", "returned", "output"),
        ("far", "join", "step_output", "a"),
        ("near", "join", "step_output", "b"),
        ("far", "make", "returned", "output"),
        ("near", "make", "step_output", "x"),
        ("near", "read", "returned", "output"),
        ("data", "read", "external", "y"),
    ]
    assert str(lineage_of("root", edges)).splitlines() == [
        "root 1",
        "└── made by join, run run-1",
        "    ├── a: far 1",
        "    │   └── made by make, run run-1",
        "    │       └── x: near 1 (see below)",
        "    └── b: near 1",
        "        └── made by read, run run-1",
        "            └── y: data 1 [external]",
    ]
