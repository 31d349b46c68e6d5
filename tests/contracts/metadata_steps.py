"""What every store must keep about step runs and their lineage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argosy_server.domain.artifact import Producer, VersionSelector
from argosy_server.domain.errors import ArtifactNotFound, IllegalTransition, RunNotFound
from argosy_server.domain.identifiers import new_id
from argosy_server.domain.pipeline import InputKind, InputSpec, LoadedInput, RunError, StepState
from argosy_server.usecases.ports import MetadataStore, Transaction
from tests.contracts.metadata_facts import FIRST_PAGE, SPEC, add, get, new_run, returned, save, start


def use(tx: Transaction, how: str, version_id: str) -> None:
    """Let a new run have to do with a version."""
    given = [InputSpec("x", InputKind.EXTERNAL, False, (version_id,))] if how == "given" else []
    step = start(tx, new_run(tx), inputs=given)
    if how == "returned":
        tx.runs.add_outputs("p", step, [("output", version_id)])
    elif how == "loaded":
        tx.runs.add_loaded("p", step, [LoadedInput(VersionSelector(id=version_id), version_id)])
    elif how == "saved":
        tx.runs.add_saved("p", step.id, version_id, 1)


class StepContract:
    def test_a_step_reads_back_with_all_that_belongs_to_it(self, store: MetadataStore) -> None:
        a, b = save(store), save(store)
        inputs = [
            InputSpec("data", InputKind.EXTERNAL, False, (b.id,)),
            InputSpec("parts", InputKind.STEP_OUTPUT, True, (b.id, a.id, b.id)),
            InputSpec("none", InputKind.STEP_OUTPUT, True, ()),
            InputSpec("mixed", InputKind.STEP_OUTPUT, True, (a.id, b.id), (InputKind.STEP_OUTPUT, InputKind.EXTERNAL)),
        ]
        with store.write() as tx:
            run = new_run(tx)
            step = start(
                tx,
                run,
                inputs=inputs,
                attempt_token="token",
                parameters={"rate": "0.1"},
                cache_key="key",
                cache_key_parts={"code": "c"},
                cache_miss=("code", "first_run"),
            )
            tx.runs.add_outputs("p", step, [("second", b.id), ("first", a.id)])
            tx.runs.add_saved("p", step.id, a.id, 1)
            tx.runs.add_loaded("p", step, [LoadedInput(VersionSelector(name="weights", version="1"), a.id)])
            tx.runs.end_step("p", step, StepState.FAILED, RunError("t", "m"), {})
        with store.read() as tx:
            found = tx.runs.load_step("p", step.id)
            assert tx.runs.get("p", run.id, steps=True).steps == (found,)
            bare_run, bare = tx.runs.get_step("p", step.id)

        assert bare_run == run
        assert bare == replace(found, inputs=(), outputs=(), saved=(), loaded=())
        assert bare == replace(
            step,
            state=StepState.FAILED,
            error=RunError("t", "m"),
            started_at=bare.started_at,
            ended_at=bare.ended_at,
        )
        assert bare.started_at is not None
        assert bare.ended_at is not None
        mixed = (InputKind.STEP_OUTPUT, InputKind.EXTERNAL)
        assert [(given.name, given.kind, given.is_list, given.versions, given.kinds) for given in found.inputs] == [
            ("data", InputKind.EXTERNAL, False, (b,), ()),
            ("parts", InputKind.STEP_OUTPUT, True, (b, a, b), ()),
            ("none", InputKind.STEP_OUTPUT, True, (), ()),
            ("mixed", InputKind.STEP_OUTPUT, True, (a, b), mixed),
        ]
        assert [(output.name, output.version) for output in found.outputs] == [("second", b), ("first", a)]
        assert (found.saved, found.loaded) == ((a,), (a,))

    def test_a_version_names_the_step_run_that_made_it(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run, "fit_2")
            version = returned(tx, run, step)

        found = get(store, id=version.id)
        assert found == version
        assert found.producer == Producer(run.id, step.id, "training", "fit_2", "output")

    def test_an_invocation_starts_once_in_a_run(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            start(tx, run)
            start(tx, new_run(tx))
        with pytest.raises(IllegalTransition, match="'fit' was started before"), store.write() as tx:
            start(tx, run)

    @pytest.mark.parametrize("state", [StepState.CACHED, StepState.SKIPPED])
    def test_a_step_born_final_has_ended_and_cannot_change(self, store: MetadataStore, state: StepState) -> None:
        with store.write() as tx:
            step = start(tx, new_run(tx), state=state)
            assert tx.runs.load_step("p", step.id) == step
            assert step.ended_at == step.started_at
            with pytest.raises(IllegalTransition, match="does not run"):
                tx.runs.end_step("p", step, StepState.COMPLETED, None, {})

    def test_steps_come_in_the_order_they_started(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            started = [start(tx, run, name).id for name in "cab"]
            assert [step.id for step in tx.runs.get("p", run.id, steps=True).steps] == started

    @pytest.mark.parametrize("how", ["given", "returned", "loaded", "saved"])
    def test_lineage_to_a_version_that_is_not_in_the_project_is_refused(self, store: MetadataStore, how: str) -> None:
        for version_id in (save(store, project="q").id, new_id()):
            with pytest.raises(ArtifactNotFound), store.write() as tx:
                use(tx, how, version_id)
        with store.read() as tx:
            assert tx.runs.list_runs("p", "", None, FIRST_PAGE).rows == []

    def test_a_version_cannot_be_saved_in_a_step_that_does_not_exist(self, store: MetadataStore) -> None:
        version = save(store)
        with pytest.raises(RunNotFound), store.write() as tx:
            tx.runs.add_saved("p", new_id(), version.id, 1)

    def test_a_version_cannot_be_saved_in_a_step_of_another_project(self, store: MetadataStore) -> None:
        version = save(store, project="q")
        with store.write() as tx:
            step = start(tx, new_run(tx))
        with pytest.raises(RunNotFound), store.write() as tx:
            tx.runs.add_saved("q", step.id, version.id, 1)

    def test_lineage_keeps_pointing_at_deleted_versions(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run)
            version = returned(tx, run, step)
            tx.artifacts.delete("p", version.id)
            output = tx.runs.load_step("p", step.id).outputs[0].version
        assert (output.id, output.deleted) == (version.id, True)

    @pytest.mark.parametrize("how", ["given", "returned", "loaded", "saved"])
    def test_a_version_is_used_once_a_run_has_to_do_with_it(self, store: MetadataStore, how: str) -> None:
        version = save(store)
        with store.write() as tx:
            assert not tx.artifacts.is_used("p", version.id)
            use(tx, how, version.id)
            assert tx.artifacts.is_used("p", version.id)

    def test_a_version_made_in_a_step_is_used_from_the_beginning(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            producer = Producer(run.id, start(tx, run).id, run.pipeline_name, "fit")
            version = add(tx, "p", SPEC, [], producer)
            assert tx.artifacts.is_used("p", version.id)

    def test_loads_come_with_the_selectors_that_were_used(self, store: MetadataStore) -> None:
        version = save(store)
        loaded = [
            LoadedInput(VersionSelector(name="weights", pipeline_name="training"), version.id),
            LoadedInput(VersionSelector(id=version.id), version.id),
        ]
        with store.write() as tx:
            step = start(tx, new_run(tx))
            tx.runs.add_loaded("p", step, loaded)
            assert tx.runs.loads("p", step.id) == loaded
            assert tx.runs.loads("p", new_id()) == []
            assert tx.runs.loads("q", step.id) == []
