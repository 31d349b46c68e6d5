"""What every store must keep about attempts, resumed runs and reservations."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from argosy_server.domain.artifact import Producer, VersionSelector
from argosy_server.domain.errors import RunExists
from argosy_server.domain.identifiers import new_id
from argosy_server.domain.pipeline import EntryPoint, InputKind, InputSpec, LoadedInput, RunError, RunState, StepState
from argosy_server.usecases.ports import MetadataStore
from argosy_server.usecases.ports.cache_repository import Holder
from argosy_server.usecases.ports.lineage_repository import Side
from tests.contracts.metadata_facts import HOUR, PAST, SPEC, add, new_run, save, start

ERROR = RunError("builtins:ValueError", "bad\0 value", "fit")


class StepAttemptContract:
    def test_a_retried_step_runs_on_under_a_new_token_and_keeps_the_attempt_before(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run, attempt_token="first", metadata={"rows": "1"})
            second = tx.runs.retry_step(run, step, ERROR, {"tries": "1"})
            third = tx.runs.retry_step(run, second, None, {"rows": "2"})
        with store.read() as tx:
            found = tx.runs.load_step("p", step.id)
            assert tx.runs.get_step("p", step.id)[1] == replace(found, attempts=())
            assert tx.runs.get("p", run.id, steps=True).steps == (found,)

        assert replace(found, attempts=()) == third
        assert (found.state, found.attempt, found.metadata) == (StepState.RUNNING, 3, {"rows": "2", "tries": "1"})
        assert len({"first", second.attempt_token, third.attempt_token}) == 3
        assert [(attempt.attempt, attempt.error) for attempt in found.attempts] == [(1, ERROR), (2, None)]
        assert [attempt.started_at for attempt in found.attempts] == [step.started_at, second.started_at]
        assert [attempt.ended_at for attempt in found.attempts] == [second.started_at, third.started_at]

    def test_an_attempt_that_is_taken_back_was_never_given_anything(self, store: MetadataStore) -> None:
        given = save(store)
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run, inputs=[InputSpec("x", InputKind.EXTERNAL, False, (given.id,))])
            assert tx.runs.take_back_attempt(run, step) is None
            second = tx.runs.retry_step(run, step, ERROR, {"tries": "1"})
            first = tx.runs.take_back_attempt(run, second)
            found = tx.runs.load_step("p", step.id)
            used = tx.lineage.edges_of_versions("p", [given.id], Side.USED, 9)

        assert first == replace(second, attempt=1, error=ERROR, started_at=step.started_at)
        assert (found.attempt, found.attempts, found.started_at) == (1, (), step.started_at)
        assert [item.versions for item in found.inputs] == [(given,)]
        assert [edge.attempt for edge in used] == [(step.id, 1)]

    def test_versions_belong_to_the_attempt_that_had_to_do_with_them(self, store: MetadataStore) -> None:
        given, loaded, again = save(store), save(store), save(store)
        inputs = [InputSpec("x", InputKind.EXTERNAL, False, (given.id,))]
        with store.write() as tx:
            run = new_run(tx)
            first = start(tx, run, inputs=inputs)
            tx.runs.add_loaded("p", first, [LoadedInput(VersionSelector(name="weights"), loaded.id)])
            saved = [
                add(tx, "p", SPEC, [], Producer(run.id, first.id, run.pipeline_name, "fit", attempt=attempt))
                for attempt in (1, 2)
            ]
            second = tx.runs.retry_step(run, first, ERROR, {})
            for number, version in enumerate(saved, 1):
                tx.runs.add_saved("p", first.id, version.id, number)
            tx.runs.add_loaded("p", second, [LoadedInput(VersionSelector(id=again.id), again.id)])
            found = tx.runs.load_step("p", first.id)
            assert tx.runs.loads("p", first.id) == [LoadedInput(VersionSelector(id=again.id), again.id)]

        assert [item.versions for item in found.inputs] == [(given,)]
        assert found.loaded == (loaded, again)
        assert [version.producer and version.producer.attempt for version in found.saved] == [1, 2]

    def test_a_resumed_run_has_a_new_lease_epoch_and_token_and_what_still_ran_is_void(
        self, store: MetadataStore
    ) -> None:
        with store.write() as tx:
            run = new_run(tx, lease=PAST)
            done = start(tx, run, "done", state=StepState.CACHED)
            lost = start(tx, run, "lost", attempt_token="token")
        with store.write() as tx:
            lost_run = tx.runs.request_cancel(tx.runs.get("p", run.id))
            resumed = tx.runs.resume(lost_run, HOUR)
            assert resumed == tx.runs.get("p", run.id, steps=True)

        assert (resumed.state, resumed.epoch, resumed.cancel_requested) == (RunState.RUNNING, 2, False)
        assert (resumed.error, resumed.ended_at) == (None, None)
        assert resumed.driver_token not in {"", run.driver_token}
        assert resumed.resumed_at is not None
        assert timedelta() <= resumed.lease_expires_at - resumed.resumed_at - HOUR < timedelta(minutes=1)
        assert [(step.id, step.state) for step in resumed.steps] == [
            (done.id, StepState.CACHED),
            (lost.id, StepState.ABANDONED),
        ]
        assert resumed.steps[1].ended_at == run.lease_expires_at
        assert resumed.steps[1].attempt_token not in {"", "token"}

    def test_a_run_that_failed_is_resumed_as_often_as_it_fails(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            for epoch in (2, 3):
                run = tx.runs.resume(tx.runs.finish(run, RunState.FAILED, ERROR), HOUR)
                assert (run.epoch, run.error) == (epoch, None)

    def test_an_abandoned_run_whose_name_was_taken_cannot_be_resumed(self, store: MetadataStore) -> None:
        with store.write() as tx:
            lost = new_run(tx, "nightly", lease=PAST)
        with store.write() as tx:
            new_run(tx, "nightly")
        with pytest.raises(RunExists, match="another run is named 'nightly' now"), store.write() as tx:
            tx.runs.resume(tx.runs.get("p", lost.id), HOUR)
        with store.read() as tx:
            assert tx.runs.get("p", lost.id).state is RunState.ABANDONED

    def test_a_step_that_starts_again_is_what_is_said_now_and_keeps_its_id(self, store: MetadataStore) -> None:
        before, now = save(store), save(store)
        with store.write() as tx:
            run = new_run(tx)
            step = start(
                tx,
                run,
                inputs=[
                    InputSpec("x", InputKind.EXTERNAL, False, (before.id,)),
                    InputSpec("xs", InputKind.EXTERNAL, True, (before.id,)),
                ],
                parameters={"rate": "1"},
                cache_key="old",
                upstream=("load",),
                metadata={"rows": "1"},
            )
            tx.runs.end_step("p", step, StepState.FAILED, ERROR, {"more": "2"})
            run = tx.runs.resume(tx.runs.finish(run, RunState.FAILED, ERROR), HOUR)
            earlier = tx.runs.find_step(run, "fit")
            assert earlier is not None
            wanted = replace(
                step, id=new_id(), parameters={"rate": "2"}, cache_key="new", upstream=(), attempt_token="token"
            )
            inputs = [
                InputSpec("xs", InputKind.EXTERNAL, True, ()),
                InputSpec("y", InputKind.EXTERNAL, False, (now.id,)),
            ]
            started = tx.runs.restart_step(run, earlier, wanted, inputs)
            found = tx.runs.load_step("p", step.id)
            assert tx.artifacts.is_used("p", before.id)

        assert replace(found, inputs=(), attempts=()) == started
        assert (started.id, started.attempt, started.epoch, started.state) == (step.id, 2, 2, StepState.RUNNING)
        assert (started.parameters, started.cache_key, started.upstream) == ({"rate": "2"}, "new", ())
        assert (started.metadata, started.error, started.ended_at) == ({"rows": "1", "more": "2"}, None, None)
        assert [(item.name, item.versions) for item in found.inputs] == [("xs", ()), ("y", (now,))]
        assert [(attempt.attempt, attempt.error) for attempt in found.attempts] == [(1, ERROR)]
        assert found.attempts[0].ended_at == earlier.ended_at

    def test_a_step_that_had_never_started_has_no_attempt_before(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            start(tx, run, state=StepState.SKIPPED, attempt=0)
            run = tx.runs.resume(tx.runs.finish(run, RunState.FAILED, ERROR), HOUR)
            earlier = tx.runs.find_step(run, "fit")
            assert earlier is not None
            assert tx.runs.find_step(run, "unknown") is None
            started = tx.runs.restart_step(run, earlier, replace(earlier, state=StepState.CACHED), [])
            assert tx.runs.load_step("p", started.id) == started
        assert (started.attempt, started.attempts, started.ended_at) == (1, (), started.started_at)

    def test_a_run_keeps_where_its_pipeline_is_defined(self, store: MetadataStore) -> None:
        entry_point = EntryPoint("train", "training", "/src/tr\0ain.py")
        with store.write() as tx:
            run = tx.runs.add("p", "training", "monday", {}, HOUR, entry_point)
            assert tx.runs.get("p", run.id).entry_point == entry_point

    def test_the_first_invocations_of_a_run_come_in_the_order_they_started(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            for name in "cab":
                start(tx, run, name)
            assert tx.runs.invocations(run, 2) == ["c", "a"]


class ReservationContract:
    def test_a_key_is_held_by_one_running_step(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run, other = new_run(tx, "first"), new_run(tx)
            first, second = new_id(), new_id()
            assert tx.reservations.reserve(run, "key", first) is None
            start(tx, run, id=first)
            held = Holder(first, "fit", run.id, "first")
            assert tx.reservations.reserve(other, "key", second) == held
            assert tx.reservations.reserve(run, "key", first) is None
            assert tx.reservations.reserve(other, "other", second) is None
            start(tx, other, id=second)
        with store.read() as tx:
            assert tx.reservations.holder("p", "key") == held
            assert tx.reservations.holder("q", "key") is None
            assert tx.reservations.holder("p", "unknown") is None

    @pytest.mark.parametrize("how", ["given up", "the step ended", "the run ended", "the lease ended"])
    def test_a_key_is_free_when_nobody_computes_it_any_more(self, store: MetadataStore, how: str) -> None:
        with store.write() as tx:
            run = new_run(tx)
            held = new_id()
            tx.reservations.reserve(run, "key", held)
            step = start(tx, run, id=held)
            if how == "given up":
                tx.reservations.release("p", [held])
            elif how == "the step ended":
                tx.runs.end_step("p", step, StepState.COMPLETED, None, {})
            elif how == "the run ended":
                tx.runs.finish(run, RunState.FAILED, None)
            else:
                tx.runs.renew(run, PAST)
        with store.read() as tx:
            assert tx.reservations.holder("p", "key") is None
        with store.write() as tx:
            other, next_id = new_run(tx, "second"), new_id()
            assert tx.reservations.reserve(other, "key", next_id) is None
            start(tx, other, id=next_id)
            assert tx.reservations.holder("p", "key") == Holder(next_id, "fit", other.id, "second")

    def test_only_what_a_step_itself_holds_is_given_up(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            held = new_id()
            tx.reservations.reserve(run, "key", held)
            start(tx, run, id=held)
            tx.reservations.release("p", [new_id()])
            tx.reservations.release("q", [held])
            tx.reservations.release("p", [])
            found = tx.reservations.holder("p", "key")
        assert found is not None
        assert found.step_run_id == held
