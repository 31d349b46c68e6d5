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


def test_a_version_without_lineage_says_so() -> None:
    assert str(lineage_of("raw", [])).splitlines() == ["raw 1", "└── made outside of steps, and used by none"]


def test_a_tree_that_was_cut_says_so() -> None:
    lines = str(replace(lineage_of("model", CHAIN[:1]), truncated=True)).splitlines()
    assert lines[-1] == "there is more: ask for a greater depth, or for the lineage of a version further away"
