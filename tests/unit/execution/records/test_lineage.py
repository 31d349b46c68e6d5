from __future__ import annotations

import json
from dataclasses import replace

import pytest

from argosy.execution.records.lineage import Lineage
from tests.unit.execution.lineages import ATTEMPTS, CHAIN, CYCLE, lineage_of


def names(lineage: Lineage, direction: str) -> list[str]:
    return [version.name for version in getattr(lineage, direction)]


@pytest.mark.parametrize(
    ("root", "upstream", "downstream"),
    [
        ("model", ["table", "settings", "raw"], ["score"]),
        ("table", ["raw"], ["model", "score"]),
        ("raw", [], ["table", "model", "score"]),
        ("score", ["model", "table", "settings", "raw"], []),
    ],
)
def test_upstream_and_downstream_are_the_versions_on_each_side_of_the_root(
    root: str, upstream: list[str], downstream: list[str]
) -> None:
    lineage = lineage_of(root, CHAIN)
    assert (names(lineage, "upstream"), names(lineage, "downstream")) == (upstream, downstream)


def test_what_one_attempt_of_a_step_made_is_not_made_from_what_another_used() -> None:
    lineage = lineage_of("part", ATTEMPTS)
    assert names(lineage, "upstream") == ["old"]
    assert [str(step) for step in lineage.steps] == ["fit of run run-1", "fit of run run-1, attempt 2"]


def test_a_cycle_has_an_end() -> None:
    lineage = lineage_of("a", CYCLE)
    assert (names(lineage, "upstream"), names(lineage, "downstream")) == (["b"], [])
    assert str(lineage).splitlines()


def test_iterating_yields_every_version_and_its_length_counts_them() -> None:
    lineage = lineage_of("model", CHAIN)
    assert [version.name for version in lineage] == ["model", "table", "settings", "raw", "score"]
    assert len(lineage) == 5
    assert repr(lineage) == "<Lineage of model 1: 5 versions, 3 steps>"
    assert repr(replace(lineage, truncated=True)) == "<Lineage of model 1: 5 versions, 3 steps, truncated>"


def test_as_a_dict_it_is_json_whose_edges_name_versions_and_steps() -> None:
    document = json.loads(json.dumps(lineage_of("model", CHAIN[:1]).to_dict()))
    assert document == {
        "root": "id-model",
        "versions": [
            {
                "id": "id-model",
                "name": "model",
                "version": "1",
                "data_type": "builtins:int",
                "format": "json",
                "kind": "manual",
                "size_bytes": 1,
                "created": "2026-01-02T03:04:05.000+00:00",
                "deleted": False,
                "named": True,
            }
        ],
        "steps": [
            {
                "id": "id-fit",
                "run_id": "run-id",
                "run_name": "run-1",
                "pipeline_name": "training",
                "invocation": "fit",
                "name": "fit",
                "status": "completed",
                "attempt": 1,
            }
        ],
        "edges": [{"version": "id-model", "step": "id-fit", "attempt": 1, "relation": "returned", "name": "output"}],
        "truncated": False,
    }
