"""Lineages for the tests of what shows them."""

from __future__ import annotations

from datetime import datetime, timezone

from argosy.execution.records.lineage import Lineage, LineageEdge, LineageStep, LineageVersion

Edge = tuple[str, str, str, str]
"""(version, step, relation, name of the input or output)."""

CHAIN: list[Edge] = [
    ("model", "fit", "returned", "output"),
    ("table", "fit", "step_output", "x"),
    ("settings", "fit", "loaded", "settings"),
    ("table", "clean", "returned", "table"),
    ("raw", "clean", "external", "raw"),
    ("model", "evaluate", "step_output", "model"),
    ("score", "evaluate", "saved", ""),
]
"""``raw`` -clean-> ``table`` -fit-> ``model`` -evaluate-> ``score``; fit also loads ``settings``."""

ATTEMPTS: list[Edge] = [
    ("part", "fit", "saved", ""),
    ("old", "fit", "loaded", "old"),
    ("model", "fit~2", "returned", "output"),
    ("new", "fit~2", "loaded", "new"),
]
"""The first attempt of ``fit`` made ``part`` from ``old``, the second one ``model`` from ``new``."""

CYCLE: list[Edge] = [("a", "f", "external", "x"), ("a", "f", "reused", "output"), ("b", "f", "loaded", "b")]
"""A cached step that used the version it reused."""


def version_of(name: str, *, deleted: bool = False) -> LineageVersion:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    return LineageVersion(f"id-{name}", name, "1", "builtins:int", "json", "manual", 1, moment, deleted, True)


def step_of(name: str, status: str = "completed") -> LineageStep:
    step, _, attempt = name.partition("~")
    invocation = step.partition("@")[0]
    return LineageStep(f"id-{step}", "run-id", "run-1", "training", invocation, step, status, int(attempt or 1))


def lineage_of(root: str, edges: list[Edge], *, cached: bool = False, deleted: str = "") -> Lineage:
    """The lineage of these edges; of steps called ``fit@2`` the invocation is ``fit``, and ``cached`` makes them so.

    ``fit~2`` is the second attempt of ``fit``.
    """
    names = dict.fromkeys([root, *(version for version, _, _, _ in edges)])
    versions = {name: version_of(name, deleted=name == deleted) for name in names}
    steps = {
        name: step_of(name, "cached" if cached and "@" in name else "completed")
        for name in dict.fromkeys(step for _, step, _, _ in edges)
    }
    made = tuple(LineageEdge(versions[version], steps[step], how, name) for version, step, how, name in edges)
    return Lineage(versions[root], tuple(versions.values()), tuple(steps.values()), made, truncated=False)
