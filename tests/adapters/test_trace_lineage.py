"""How far lineage is followed, and what becomes of it on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argosy_server.domain.artifact import ArtifactVersion, Producer, VersionSelector
from argosy_server.domain.lineage import Lineage, LineageDirection, LineageRelation
from argosy_server.domain.pipeline import InputKind, InputSpec, LoadedInput, StepState
from argosy_server.usecases.artifacts.trace_lineage import trace_lineage
from argosy_server.usecases.ports import MetadataStore
from tests.contracts.metadata_facts import SPEC, add, new_run, save_named, start

UP, DOWN, BOTH = LineageDirection.UPSTREAM, LineageDirection.DOWNSTREAM, LineageDirection.BOTH


def run_step(store: MetadataStore, name: str, inputs: list[ArtifactVersion], *outputs: str) -> list[ArtifactVersion]:
    """Run a pipeline of one step, which returns versions of these names."""
    given = InputSpec("x", InputKind.EXTERNAL, True, tuple(version.id for version in inputs))
    with store.write() as tx:
        run = new_run(tx)
        step = start(tx, run, name, [given])
        producer = Producer(run.id, step.id, run.pipeline_name, step.invocation, "output")
        versions = [add(tx, "p", replace(SPEC, name=output), [], producer) for output in outputs]
        tx.runs.add_outputs("p", step, [("output", version.id) for version in versions])
        tx.runs.end_step("p", step, StepState.COMPLETED, None, {})
    return versions


def replay(store: MetadataStore, given: ArtifactVersion, output: ArtifactVersion) -> None:
    """Run a pipeline whose one step takes its output from cache."""
    with store.write() as tx:
        step = start(
            tx, new_run(tx), "replay", [InputSpec("x", InputKind.EXTERNAL, False, (given.id,))], state=StepState.CACHED
        )
        tx.runs.add_outputs("p", step, [("output", output.id)])


def trace(
    store: MetadataStore, version: ArtifactVersion, way: LineageDirection, depth: int = 10, max_edges: int = 10_000
) -> Lineage:
    with store.read() as tx:
        return trace_lineage(tx, "p", VersionSelector(id=version.id), way, depth, max_edges)


def names(lineage: Lineage) -> list[str]:
    return [version.name for version in lineage.versions]


def invocations(lineage: Lineage) -> list[str]:
    return [step.invocation for step in lineage.steps]


@pytest.fixture
def chain(store: MetadataStore) -> dict[str, ArtifactVersion]:
    """``raw`` and ``extra`` -clean-> ``table`` -split-> ``train``, ``test``; ``train`` -fit-> ``model``."""
    raw, extra = save_named(store, "raw"), save_named(store, "extra")
    (table,) = run_step(store, "clean", [raw, extra], "table")
    train, test = run_step(store, "split", [table], "train", "test")
    (model,) = run_step(store, "fit", [train], "model")
    return {version.name: version for version in (raw, extra, table, train, test, model)}


def test_upstream_goes_to_what_a_version_was_made_from(store: MetadataStore, chain: dict[str, ArtifactVersion]) -> None:
    lineage = trace(store, chain["model"], UP)
    assert names(lineage) == ["model", "train", "table", "raw", "extra"]
    assert invocations(lineage) == ["fit", "split", "clean"]
    assert len(lineage.edges) == 7
    assert not lineage.truncated


def test_downstream_goes_to_what_was_made_from_it(store: MetadataStore, chain: dict[str, ArtifactVersion]) -> None:
    lineage = trace(store, chain["raw"], DOWN)
    assert names(lineage) == ["raw", "table", "train", "test", "model"]
    assert invocations(lineage) == ["clean", "split", "fit"]
    assert not lineage.truncated


def test_both_ways_leave_out_what_only_stands_beside(store: MetadataStore, chain: dict[str, ArtifactVersion]) -> None:
    assert names(trace(store, chain["train"], BOTH)) == ["train", "table", "raw", "extra", "model"]


@pytest.mark.parametrize(("depth", "steps"), [(1, ["fit"]), (2, ["fit", "split"]), (3, ["fit", "split", "clean"])])
def test_depth_counts_steps_and_it_is_told_when_there_is_more(
    store: MetadataStore, chain: dict[str, ArtifactVersion], depth: int, steps: list[str]
) -> None:
    lineage = trace(store, chain["model"], UP, depth)
    assert (invocations(lineage), lineage.truncated) == (steps, depth < 3)


def test_the_nearest_edges_are_kept_when_there_are_too_many(
    store: MetadataStore, chain: dict[str, ArtifactVersion]
) -> None:
    whole = trace(store, chain["model"], UP)
    assert set(trace(store, chain["model"], UP, max_edges=4).edges[:3]) == set(whole.edges[:3])
    for most in range(1, 8):
        part = trace(store, chain["model"], UP, max_edges=most)
        assert len(part.edges) == most
        assert set(part.edges) <= set(whole.edges)
        assert part.truncated == (most < 7)
        assert {edge.version_id for edge in part.edges} <= {version.id for version in part.versions}
        assert {edge.attempt for edge in part.edges} <= {(step.id, step.attempt) for step in part.steps}


def test_the_first_edges_of_a_lineage_come_with_what_they_join(
    store: MetadataStore, chain: dict[str, ArtifactVersion]
) -> None:
    part = trace(store, chain["model"], UP).first(3)
    assert (names(part), invocations(part), part.truncated) == (["model", "train"], ["fit", "split"], True)


def test_a_version_without_a_past_is_its_whole_lineage(store: MetadataStore) -> None:
    version = save_named(store, "raw")
    lineage = trace(store, version, BOTH)
    assert (names(lineage), lineage.steps, lineage.edges, lineage.truncated) == (["raw"], (), (), False)


def test_lineage_goes_on_through_deleted_versions(store: MetadataStore, chain: dict[str, ArtifactVersion]) -> None:
    with store.write() as tx:
        tx.artifacts.delete("p", chain["train"].id)
        tx.artifacts.delete("p", chain["model"].id)
    lineage = trace(store, chain["model"], UP)
    assert names(lineage) == ["model", "train", "table", "raw", "extra"]
    assert [version.deleted for version in lineage.versions] == [True, True, False, False, False]


def test_lineage_goes_on_through_cached_steps(store: MetadataStore, chain: dict[str, ArtifactVersion]) -> None:
    copy = save_named(store, "raw-copy")
    replay(store, copy, chain["table"])
    down = trace(store, copy, DOWN)
    assert names(down) == ["raw-copy", "table", "train", "test", "model"]
    assert [edge.relation for edge in down.edges[:2]] == [LineageRelation.EXTERNAL, LineageRelation.REUSED]

    up = trace(store, chain["table"], UP)
    assert invocations(up) == ["clean", "replay"]
    assert names(up) == ["table", "raw", "extra", "raw-copy"]


def test_a_cached_step_that_returns_what_it_was_given_is_no_endless_way(
    store: MetadataStore, chain: dict[str, ArtifactVersion]
) -> None:
    """``f(f(x)) == f(x)`` has the content of its input, so the second call is answered with what it was given."""
    replay(store, chain["model"], chain["model"])
    replay(store, chain["model"], chain["table"])
    lineage = trace(store, chain["model"], BOTH, depth=100)
    assert sorted(names(lineage)) == ["extra", "model", "raw", "table", "test", "train"]
    assert len(lineage.edges) == 12
    assert len(set(lineage.edges)) == 12
    assert not lineage.truncated


@pytest.fixture
def retried(store: MetadataStore) -> dict[str, ArtifactVersion]:
    """One step: ``settings`` -1st attempt-> ``part``, ``better``; it fails; ``better`` -2nd attempt-> ``model``."""
    settings = save_named(store, "settings")
    with store.write() as tx:
        run = new_run(tx)
        step = start(tx, run)
        tx.runs.add_loaded("p", step, [LoadedInput(VersionSelector(name="settings"), settings.id)])
        part, better = (
            add(tx, "p", replace(SPEC, name=name), [], Producer(run.id, step.id, "training", "fit"))
            for name in ("part", "better")
        )
        for version in (part, better):
            tx.runs.add_saved("p", step.id, version.id, 1)
        step = tx.runs.retry_step(run, step, None, {})
        tx.runs.add_loaded("p", step, [LoadedInput(VersionSelector(name="better"), better.id)])
        producer = Producer(run.id, step.id, "training", "fit", "output", step.attempt)
        model = add(tx, "p", replace(SPEC, name="model"), [], producer)
        tx.runs.add_outputs("p", step, [("output", model.id)])
        tx.runs.end_step("p", step, StepState.COMPLETED, None, {})
    return {version.name: version for version in (settings, part, better, model)}


@pytest.mark.parametrize(
    ("name", "direction", "expected"),
    [
        ("part", UP, ["part", "settings"]),
        ("better", UP, ["better", "settings"]),
        ("model", UP, ["model", "better", "settings"]),
        ("settings", DOWN, ["settings", "part", "better", "model"]),
        ("better", DOWN, ["better", "model"]),
        ("part", DOWN, ["part"]),
    ],
)
def test_what_an_attempt_made_came_only_from_what_this_attempt_used(
    store: MetadataStore,
    retried: dict[str, ArtifactVersion],
    name: str,
    direction: LineageDirection,
    expected: list[str],
) -> None:
    lineage = trace(store, retried[name], direction)
    assert (names(lineage), lineage.truncated) == (expected, False)


def test_attempts_of_one_step_stand_apart(store: MetadataStore, retried: dict[str, ArtifactVersion]) -> None:
    lineage = trace(store, retried["model"], UP)
    assert [(step.attempt, step.state) for step in lineage.steps] == [(2, StepState.COMPLETED), (1, StepState.FAILED)]
    assert [(edge.attempt[1], edge.relation) for edge in lineage.edges] == [
        (2, LineageRelation.RETURNED),
        (2, LineageRelation.LOADED),
        (1, LineageRelation.SAVED),
        (1, LineageRelation.LOADED),
    ]
    assert [step.attempt for step in lineage.first(2).steps] == [2]
