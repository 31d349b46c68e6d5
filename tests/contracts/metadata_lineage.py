"""What every store must tell about lineage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argosy_server.domain.artifact import ArtifactVersion, VersionSelector
from argosy_server.domain.errors import ArtifactNotFound
from argosy_server.domain.lineage import LineageEdge, LineageRelation, LineageStep, LineageVersion
from argosy_server.domain.pipeline import InputKind, InputSpec, LoadedInput, RunState, StepState
from argosy_server.usecases.ports import MetadataStore, Transaction
from argosy_server.usecases.ports.lineage_repository import Side
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
            tx.runs.add_loaded("p", step, [LoadedInput(VersionSelector(name="weights"), c.id)] * 2)
            tx.runs.add_loaded("p", step, [LoadedInput(VersionSelector(id=c.id), c.id)])
            used = tx.lineage.edges_of_attempts("p", [(step.id, 1)], Side.USED, 100)
            assert edges_of(tx, a, Side.USED) == [edge for edge in used if edge.version_id == a.id]
            assert edges_of(tx, c, Side.MADE) == []

        assert used == [
            LineageEdge(a.id, (step.id, 1), LineageRelation.EXTERNAL, "data"),
            LineageEdge(b.id, (step.id, 1), LineageRelation.STEP_OUTPUT, "parts"),
            LineageEdge(a.id, (step.id, 1), LineageRelation.STEP_OUTPUT, "parts"),
            LineageEdge(c.id, (step.id, 1), LineageRelation.LOADED, "weights"),
        ]

    def test_what_a_step_made_is_told_apart_from_what_it_took_from_cache(self, store: MetadataStore) -> None:
        saved = save(store)
        with store.write() as tx:
            run = new_run(tx)
            cached = start(tx, run, "again", state=StepState.CACHED)
            maker = start(tx, run)
            tx.runs.add_saved("p", maker.id, saved.id, 1)
            version = returned(tx, run, maker)
            tx.runs.add_outputs("p", cached, [("output", version.id)])
            assert tx.lineage.edges_of_attempts("p", [(cached.id, 1)], Side.MADE, 9) == [
                LineageEdge(version.id, (cached.id, 1), LineageRelation.REUSED, "output")
            ]
            assert facts(tx.lineage.edges_of_attempts("p", [(maker.id, 1)], Side.MADE, 9)) == [
                ("saved", ""),
                ("returned", "output"),
            ]
            assert tx.lineage.edges_of_attempts("p", [(maker.id, 1)], Side.USED, 9) == []

    def test_those_who_made_a_version_come_before_those_who_took_it_from_cache(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            first, second = (returned(tx, run, start(tx, run, name)) for name in "ab")
            reused = start(tx, run, "c", state=StepState.CACHED)
            tx.runs.add_outputs("p", reused, [("output", first.id)])
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
            found = tx.lineage.steps("p", [(steps[1].id, 1), (steps[0].id, 1)])

        assert found == [
            LineageStep(steps[1].id, dead.id, "dead", "training", "fit", "fit", StepState.ABANDONED, 1),
            LineageStep(steps[0].id, alive.id, "alive", "training", "fit_2", "fit", StepState.RUNNING, 1),
        ]

    def test_each_attempt_of_a_retried_step_used_its_inputs_and_what_it_loaded(self, store: MetadataStore) -> None:
        data, before, now = (save(store) for _ in range(3))
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run, inputs=[given("x", InputKind.EXTERNAL, data)])
            tx.runs.add_loaded("p", step, [LoadedInput(VersionSelector(name="weights"), before.id)])
            step = tx.runs.retry_step(run, step, None, {})
            tx.runs.add_loaded("p", step, [LoadedInput(VersionSelector(name="weights"), now.id)])
            first, second = (
                tx.lineage.edges_of_attempts("p", [(step.id, attempt)], Side.USED, 9) for attempt in (1, 2)
            )
            assert edges_of(tx, data, Side.USED) == [first[0], second[0]]
            assert edges_of(tx, before, Side.USED) == [first[1]]

        assert first == [
            LineageEdge(data.id, (step.id, 1), LineageRelation.EXTERNAL, "x"),
            LineageEdge(before.id, (step.id, 1), LineageRelation.LOADED, "weights"),
        ]
        assert second == [
            LineageEdge(data.id, (step.id, 2), LineageRelation.EXTERNAL, "x"),
            LineageEdge(now.id, (step.id, 2), LineageRelation.LOADED, "weights"),
        ]

    @pytest.mark.parametrize("again", ["x", ""], ids=["other-inputs", "no-inputs"])
    def test_an_attempt_of_a_resumed_step_used_only_what_it_was_given_itself(
        self, store: MetadataStore, again: str
    ) -> None:
        before, now = save(store), save(store)
        inputs = [given("x", InputKind.STEP_OUTPUT, now)] if again else []
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run, inputs=[given("none", InputKind.EXTERNAL), given("x", InputKind.EXTERNAL, before)])
            tx.runs.end_step("p", step, StepState.FAILED, None, {})
            run = tx.runs.resume(tx.runs.finish(run, RunState.FAILED, None), HOUR)
            step = tx.runs.restart_step(run, step, step, inputs)
            first, second = (
                tx.lineage.edges_of_attempts("p", [(step.id, attempt)], Side.USED, 9) for attempt in (1, 2)
            )
            assert edges_of(tx, before, Side.USED) == first
            assert edges_of(tx, now, Side.USED) == second

        assert first == [LineageEdge(before.id, (step.id, 1), LineageRelation.EXTERNAL, "x")]
        assert second == [LineageEdge(now.id, (step.id, 2), LineageRelation.STEP_OUTPUT, "x")][: len(inputs)]

    def test_attempts_made_what_they_saved_and_only_the_last_took_something_from_cache(
        self, store: MetadataStore
    ) -> None:
        saved, taken_over = save(store), save(store)
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run)
            tx.runs.add_saved("p", step.id, saved.id, 1)
            tx.runs.end_step("p", step, StepState.FAILED, None, {})
            run = tx.runs.resume(tx.runs.finish(run, RunState.FAILED, None), HOUR)
            tx.runs.restart_step(run, step, replace(step, state=StepState.CACHED), [])
            tx.runs.add_saved("p", step.id, taken_over.id, 2)
            first, second = (step.id, 1), (step.id, 2)
            assert tx.lineage.edges_of_attempts("p", [second, first], Side.MADE, 9) == [
                LineageEdge(saved.id, first, LineageRelation.SAVED, ""),
                LineageEdge(taken_over.id, second, LineageRelation.REUSED, ""),
            ]
            steps = tx.lineage.steps("p", [first, second])

        assert [(step.attempt, step.state) for step in steps] == [(1, StepState.FAILED), (2, StepState.CACHED)]

    @pytest.mark.parametrize("limit", [1, 2, 3])
    def test_fewer_edges_than_asked_for_are_all_there_are(self, store: MetadataStore, limit: int) -> None:
        """What was loaded again and again, by whichever attempt, takes no edge's place."""
        often, once = save(store), save(store)
        loads = [LoadedInput(VersionSelector(name="weights"), often.id)] * 10
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run)
            tx.runs.add_loaded("p", step, loads)
            step = tx.runs.retry_step(run, step, None, {})
            tx.runs.add_loaded("p", step, [*loads, LoadedInput(VersionSelector(name="weights"), once.id)])
            used = tx.lineage.edges_of_attempts("p", [(step.id, 2)], Side.USED, limit)
            users = edges_of(tx, often, Side.USED, limit)

        assert [edge.version_id for edge in used] == [often.id, once.id][:limit]
        assert [edge.attempt for edge in users] == [(step.id, 1), (step.id, 2)][:limit]

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
            assert tx.lineage.edges_of_attempts("q", [(step.id, 1)], Side.USED, 9) == []
