"""What every store must tell about lineage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argosy_server.domain.artifact import ArtifactVersion, VersionSelector
from argosy_server.domain.errors import ArtifactNotFound
from argosy_server.domain.lineage import LineageEdge, LineageRelation, LineageStep, LineageVersion
from argosy_server.domain.pipeline import InputKind, InputSpec, LoadedInput, RunState, StepState
from argosy_server.usecases.lineage_repository import Side
from argosy_server.usecases.ports import MetadataStore, Transaction
from tests.contracts.metadata_facts import HOUR, PAST, get, new_run, returned, save, save_named, start


def node(version: ArtifactVersion) -> LineageVersion:
    return LineageVersion(
        id=version.id,
        name=version.name,
        version=version.version,
        data_type=version.data_type,
        format=version.format,
        kind=version.kind,
        size=version.size,
        created_at=version.created_at,
        deleted=version.deleted,
        named=version.named,
    )


def facts(edges: list[LineageEdge]) -> list[tuple[str, str]]:
    return [(edge.relation.value, edge.name) for edge in edges]


def edges_of(tx: Transaction, version: ArtifactVersion, side: Side, limit: int = 100) -> list[LineageEdge]:
    return tx.lineage.edges_of_versions("p", [version.id], side, limit)


def given(name: str, kind: InputKind, *versions: ArtifactVersion) -> InputSpec:
    return InputSpec(name, kind, len(versions) != 1, tuple(version.id for version in versions))


class LineageContract:
    def test_a_version_is_found_as_it_is_for_every_other_question(self, store: MetadataStore) -> None:
        first, second = save(store), save(store)
        with store.write() as tx:
            tx.artifacts.delete("p", first.id)
        with store.read() as tx:
            assert tx.lineage.find("p", VersionSelector(name="weights")) == node(second)
            assert tx.lineage.find("p", VersionSelector(id=first.id)) == node(first)._replace(deleted=True)
            with pytest.raises(ArtifactNotFound, match="similar: weights"):
                tx.lineage.find("p", VersionSelector(name="wieghts"))
            with pytest.raises(ArtifactNotFound):
                tx.lineage.find("q", VersionSelector(id=second.id))

    def test_what_a_step_used_is_told_by_kind_and_each_use_once(self, store: MetadataStore) -> None:
        a, b, c = save(store), save(store), save(store)
        inputs = [
            given("data", InputKind.EXTERNAL, a),
            given("none", InputKind.STEP_OUTPUT),
            given("parts", InputKind.STEP_OUTPUT, b, a, b),
        ]
        with store.write() as tx:
            step = start(tx, new_run(tx), inputs=inputs)
            tx.runs.add_loaded(step, [LoadedInput(VersionSelector(name="weights"), c.id)] * 2)
            used = tx.lineage.edges_of_steps("p", [step.id], Side.USED, 100)
            assert edges_of(tx, a, Side.USED) == [edge for edge in used if edge.version_id == a.id]
            assert edges_of(tx, c, Side.MADE) == []

        assert used == [
            LineageEdge(a.id, step.id, LineageRelation.EXTERNAL, "data"),
            LineageEdge(b.id, step.id, LineageRelation.STEP_OUTPUT, "parts"),
            LineageEdge(a.id, step.id, LineageRelation.STEP_OUTPUT, "parts"),
            LineageEdge(c.id, step.id, LineageRelation.LOADED, "weights"),
        ]

    def test_what_a_step_made_is_told_apart_from_what_it_took_from_cache(self, store: MetadataStore) -> None:
        saved = save(store)
        with store.write() as tx:
            run = new_run(tx)
            cached = start(tx, run, "again", state=StepState.CACHED)
            maker = start(tx, run)
            tx.runs.add_saved(maker.id, saved.id)
            version = returned(tx, run, maker)
            tx.runs.add_outputs(cached, [("output", version.id)])
            assert tx.lineage.edges_of_steps("p", [cached.id], Side.MADE, 9) == [
                LineageEdge(version.id, cached.id, LineageRelation.REUSED, "output")
            ]
            assert facts(tx.lineage.edges_of_steps("p", [maker.id], Side.MADE, 9)) == [
                ("saved", ""),
                ("returned", "output"),
            ]
            assert tx.lineage.edges_of_steps("p", [maker.id], Side.USED, 9) == []

    def test_those_who_made_a_version_come_before_those_who_took_it_from_cache(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            first, second = (returned(tx, run, start(tx, run, name)) for name in "ab")
            reused = start(tx, run, "c", state=StepState.CACHED)
            tx.runs.add_outputs(reused, [("output", first.id)])
            third = returned(tx, run, start(tx, run, "d"))
            ids = [first.id, second.id, third.id]
            edges = tx.lineage.edges_of_versions("p", ids, Side.MADE, 9)
            some = tx.lineage.edges_of_versions("p", ids, Side.MADE, 2)

        assert [edge.version_id for edge in edges] == [*ids, first.id]
        assert len(some) == 2
        assert set(some) < set(edges)
        assert facts(edges) == [("returned", "output")] * 3 + [("reused", "output")]

    def test_a_step_shows_its_run_and_reads_as_abandoned_with_it(self, store: MetadataStore) -> None:
        with store.write() as tx:
            alive, dead = new_run(tx, "alive"), new_run(tx, "dead", lease=PAST)
            steps = [start(tx, alive, "fit_2"), start(tx, dead)]
            found = tx.lineage.steps("p", [steps[1].id, steps[0].id])

        assert found == [
            LineageStep(steps[1].id, dead.id, "dead", "training", "fit", "fit", StepState.ABANDONED),
            LineageStep(steps[0].id, alive.id, "alive", "training", "fit_2", "fit", StepState.RUNNING),
        ]

    def test_what_only_an_attempt_before_a_resume_was_given_is_told_of_the_version_but_not_of_the_step(
        self, store: MetadataStore
    ) -> None:
        before, now, saved, loaded, taken_over = (save(store) for _ in range(5))
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run, inputs=[given("none", InputKind.EXTERNAL), given("x", InputKind.EXTERNAL, before)])
            tx.runs.add_saved(step.id, saved.id)
            tx.runs.add_loaded(step, [LoadedInput(VersionSelector(name="weights"), loaded.id)])
            tx.runs.end_step(step, StepState.FAILED, None)
            run = tx.runs.resume(tx.runs.finish(run, RunState.FAILED, None), HOUR)
            again = replace(step, state=StepState.CACHED)
            again = tx.runs.restart_step(run, step, again, [given("x", InputKind.EXTERNAL, now)])
            tx.runs.add_saved(again.id, taken_over.id, again.attempt)
            assert facts(edges_of(tx, before, Side.USED)) == [("step_output", "x")]
            used = tx.lineage.edges_of_steps("p", [step.id], Side.USED, 9)
            made = tx.lineage.edges_of_steps("p", [step.id], Side.MADE, 9)

        assert [(edge.version_id, edge.relation.value) for edge in used] == [
            (loaded.id, "loaded"),
            (now.id, "external"),
        ]
        assert [(edge.version_id, edge.relation.value) for edge in made] == [
            (saved.id, "saved"),
            (taken_over.id, "reused"),
        ]

    def test_versions_come_in_the_order_asked_for_deleted_ones_too(self, store: MetadataStore) -> None:
        kept, deleted = save_named(store, "kept"), save_named(store, "deleted")
        with store.write() as tx:
            tx.artifacts.delete("p", deleted.id)
            found = tx.lineage.versions("p", [deleted.id, kept.id])
        assert found == [node(get(store, id=deleted.id)), node(kept)]

    def test_another_project_has_no_part_in_it(self, store: MetadataStore) -> None:
        version = save(store)
        with store.write() as tx:
            step = start(tx, new_run(tx), inputs=[given("x", InputKind.EXTERNAL, version)])
            assert tx.lineage.edges_of_versions("q", [version.id], Side.USED, 9) == []
            assert tx.lineage.edges_of_steps("q", [step.id], Side.USED, 9) == []
