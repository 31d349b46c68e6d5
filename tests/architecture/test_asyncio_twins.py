"""What asyncio clients have, they have as the blocking ones: nothing drifts apart unnoticed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import argosy
import argosy.aio
from argosy.aio.run_record import StepRunRecord
from argosy.execution.records.run_record import StepRunRecord as BlockingStepRunRecord
from argosy.sdk.queries.artifact_events import ArtifactEvents

TWINS: list[tuple[type, type, set[str]]] = [
    (
        argosy.aio.Client,
        argosy.Client,
        {
            "connection",
            "evict_cache",
            "explain_cache",
            "list_cache",
            "prune_artifacts",
            "register_artifact",
            "step_logs",
        },
    ),
    (
        argosy.aio.ArtifactVersion,
        argosy.ArtifactVersion,
        {"consumers", "lineage", "open", "producer", "producer_run"},
    ),
    (argosy.aio.PipelineRun, argosy.PipelineRun, {"resume"}),
    (StepRunRecord, BlockingStepRunRecord, {"logs"}),
    (argosy.aio.ArtifactEvent, argosy.ArtifactEvent, set()),
    (argosy.aio.ArtifactEvents, ArtifactEvents, set()),
]
"""Each asyncio class, its twin, and what only the twin has: work of people and pipelines, not of services."""
FUNCTIONS = [name for name in argosy.aio.__all__ if inspect.isfunction(getattr(argosy.aio, name))]


def public(owner: type) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def parameters(function: Callable[..., object]) -> list[tuple[str, object, object]]:
    found = inspect.signature(function).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in found]


@pytest.mark.parametrize(("twin", "blocking", "left_out"), TWINS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_class_has_what_its_twin_has(twin: type, blocking: type, left_out: set[str]) -> None:
    assert public(blocking) - public(twin) == left_out
    assert public(twin) - public(blocking) <= {"close", "config", "way"}


@pytest.mark.parametrize(("twin", "blocking", "left_out"), TWINS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_method_takes_what_its_twin_takes(twin: type, blocking: type, left_out: set[str]) -> None:
    methods = [name for name in public(twin) & public(blocking) if inspect.isfunction(getattr(blocking, name))]
    differ = [name for name in methods if parameters(getattr(twin, name)) != parameters(getattr(blocking, name))]
    assert differ == []


def test_the_page_about_services_lists_what_is_left_out() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/services_asyncio.md").read_text()
    table = page.partition("## What only `argosy` has")[2]
    rows = [line.split("|")[2] for line in table.splitlines() if line.startswith("| ")][1:]
    listed = [set(re.findall(r"`(\w+)`", row)) for row in rows]
    assert listed == [left_out - {"connection"} for _, _, left_out in TWINS if left_out]


def test_the_page_about_services_names_the_functions_that_are_left_out() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/services_asyncio.md").read_text()
    named = set(re.findall(r"`(\w+)", page.partition("Nor has it the functions")[2]))
    left_out = {name for name in argosy.__all__ if name[0].islower()} - {*argosy.aio.__all__}
    assert left_out - named == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_what_its_twin_takes(name: str) -> None:
    assert parameters(getattr(argosy.aio, name)) == parameters(getattr(argosy, name))
