"""What every store must keep about runs: leases, names, states, lists."""

from __future__ import annotations

from datetime import timedelta

import pytest

from argosy_server.domain.errors import CursorExpired, IllegalTransition, RunExists, RunNotFound
from argosy_server.domain.identifiers import new_id
from argosy_server.domain.limits import Limits
from argosy_server.domain.paging import PageRequest
from argosy_server.domain.pipeline import Run, RunError, RunState, StepState
from argosy_server.usecases.ports import MetadataStore
from tests.contracts.metadata_facts import FIRST_PAGE, HOUR, PAST, new_run, start

ERROR = RunError("builtins:ValueError", "bad\0 value", "fit")


def names(store: MetadataStore, state: RunState | None = None, pipeline: str = "") -> list[str]:
    with store.read() as tx:
        return [run.name for run in tx.runs.list_runs("p", pipeline, state, FIRST_PAGE).rows]


class RunContract:
    def test_a_run_reads_back_by_id_and_by_name(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = tx.runs.add("p", "training", "monday", {"rate": "0.1", "name": '"é"'}, HOUR)

        with store.read() as tx:
            assert tx.runs.get("p", run.id) == run
            assert tx.runs.get("p", run.id.upper()) == run
            assert tx.runs.get("p", "monday") == run
        assert (run.state, run.pipeline_name, run.cancel_requested) == (RunState.RUNNING, "training", False)
        assert run.parameters == {"rate": "0.1", "name": '"é"'}
        assert (run.ended_at, run.error, run.steps) == (None, None, ())
        assert timedelta() <= run.lease_expires_at - run.created_at - HOUR < timedelta(minutes=1)

    def test_unknown_runs_and_those_of_another_project_are_not_found(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx, "monday")
            step = start(tx, run)
            for project, wanted in (("p", new_id()), ("p", "tuesday"), ("q", run.id), ("q", "monday")):
                with pytest.raises(RunNotFound):
                    tx.runs.get(project, wanted)
            for project, wanted in (("p", new_id()), ("q", step.id)):
                with pytest.raises(RunNotFound):
                    tx.runs.get_step(project, wanted)
                with pytest.raises(RunNotFound):
                    tx.runs.load_step(project, wanted)

    def test_a_name_is_taken_by_a_running_or_ended_run_of_the_project(self, store: MetadataStore) -> None:
        with store.write() as tx:
            new_run(tx, "running")
            tx.runs.finish(new_run(tx, "ended"), RunState.FAILED, None)
            new_run(tx, "running", project="q")
        for name in ("running", "ended"):
            with pytest.raises(RunExists, match=repr(name)), store.write() as tx:
                new_run(tx, name)

    def test_the_name_of_an_abandoned_run_is_free_and_the_newest_answers_to_it(self, store: MetadataStore) -> None:
        with store.write() as tx:
            lost = new_run(tx, "monday", lease=PAST)
        with store.write() as tx:
            again = new_run(tx, "monday")

        with store.read() as tx:
            assert tx.runs.get("p", "monday").id == again.id
            found = tx.runs.get("p", lost.id)
        assert (found.state, found.name) == (RunState.ABANDONED, "monday")
        with pytest.raises(RunExists), store.write() as tx:
            new_run(tx, "monday")

    def test_a_run_and_its_running_steps_read_as_abandoned_once_the_lease_is_over(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run)
            done = start(tx, run, "done", state=StepState.CACHED)
            lost = tx.runs.renew(run, PAST)

        with store.read() as tx:
            found, running = tx.runs.get_step("p", step.id)
            assert tx.runs.load_step("p", step.id).state is StepState.ABANDONED
            steps = tx.runs.get("p", run.id, steps=True).steps
        assert (lost.state, found.state, running.state) == (
            RunState.ABANDONED,
            RunState.ABANDONED,
            StepState.ABANDONED,
        )
        assert found.ended_at == running.ended_at == found.lease_expires_at
        assert [(step.id, step.state) for step in steps] == [
            (step.id, StepState.ABANDONED),
            (done.id, StepState.CACHED),
        ]

    def test_renewing_extends_the_lease_from_now_on(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx, lease=timedelta(minutes=1))
            renewed = tx.runs.renew(run, HOUR)
            assert renewed == tx.runs.get("p", run.id)
        assert renewed.lease_expires_at - run.lease_expires_at > timedelta(minutes=58)

    def test_a_cancel_request_is_remembered_and_the_run_goes_on(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = tx.runs.request_cancel(new_run(tx))
        assert (run.cancel_requested, run.state) == (True, RunState.RUNNING)

    @pytest.mark.parametrize("state", [RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED])
    def test_a_finished_run_comes_with_its_steps_and_stays_what_it_is(
        self, store: MetadataStore, state: RunState
    ) -> None:
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run, state=StepState.SKIPPED)
            ended = tx.runs.finish(run, state, ERROR)
            assert ended == tx.runs.get("p", run.id, steps=True)
            assert (ended.state, ended.error) == (state, ERROR)
            assert ended.ended_at is not None
            assert [step.id for step in ended.steps] == [step.id]
            with pytest.raises(IllegalTransition):
                tx.runs.finish(ended, RunState.COMPLETED, None)
            with pytest.raises(IllegalTransition):
                tx.runs.renew(ended, HOUR)
            with pytest.raises(IllegalTransition):
                tx.runs.request_cancel(ended)
            assert tx.runs.get("p", run.id, steps=True) == ended

    def test_a_finished_run_does_not_become_abandoned(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = tx.runs.renew(new_run(tx), timedelta(milliseconds=1))
            tx.runs.finish(run, RunState.COMPLETED, None)
            while tx.now() <= run.lease_expires_at:
                continue
            assert tx.runs.get("p", run.id).state is RunState.COMPLETED

    def test_runs_come_newest_first_filtered_by_pipeline_and_state_as_they_read_now(self, store: MetadataStore) -> None:
        with store.write() as tx:
            new_run(tx, "alive")
            new_run(tx, "lost", lease=PAST)
            new_run(tx, "replaced", lease=PAST)
            new_run(tx, "replaced", pipeline="other")
            tx.runs.finish(new_run(tx, "done"), RunState.COMPLETED, None)
            new_run(tx, "elsewhere", project="q")

        assert names(store) == ["done", "replaced", "replaced", "lost", "alive"]
        assert names(store, RunState.RUNNING) == ["replaced", "alive"]
        assert names(store, RunState.ABANDONED) == ["replaced", "lost"]
        assert names(store, RunState.COMPLETED) == ["done"]
        assert names(store, RunState.FAILED) == []
        assert names(store, pipeline="other") == ["replaced"]

    def test_run_pages_lead_through_all_also_while_others_are_added(self, store: MetadataStore) -> None:
        with store.write() as tx:
            for number in range(5):
                new_run(tx, f"run{number}")
        seen: list[Run] = []
        page = PageRequest(2)
        while True:
            with store.write() as tx:
                got = tx.runs.list_runs("p", "", None, page)
                new_run(tx)
            seen += got.rows
            if not got.last:
                break
            page = PageRequest(2, got.last)

        assert [run.name for run in seen] == ["run4", "run3", "run2", "run1", "run0"]
        with pytest.raises(CursorExpired), store.read() as tx:
            tx.runs.list_runs("p", "", None, PageRequest(2, ("x",)))

    def test_run_pages_are_bounded_in_bytes(self, store: MetadataStore) -> None:
        with store.write() as tx:
            for number in range(3):
                tx.runs.add("p", "training", f"run{number}", {"text": "x" * (Limits.max_page_bytes // 2)}, HOUR)
            assert len(tx.runs.list_runs("p", "", None, FIRST_PAGE).rows) == 1

    def test_pipelines_come_by_name_each_with_its_newest_run_and_their_number(self, store: MetadataStore) -> None:
        with store.write() as tx:
            for number, pipeline in enumerate(["b", "a", "b", "é", "Z"]):
                new_run(tx, f"run{number}", pipeline=pipeline)
            new_run(tx, pipeline="hidden", project="q")
            first = tx.runs.list_pipelines("p", PageRequest(3))
            second = tx.runs.list_pipelines("p", PageRequest(3, first.last))

        rows = [(row.name, row.latest_run.name, row.run_count) for row in [*first.rows, *second.rows]]
        assert rows == [("Z", "run4", 1), ("a", "run1", 1), ("b", "run2", 2), ("é", "run3", 1)]
        assert second.last == ()
