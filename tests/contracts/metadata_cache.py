"""What every store must find, list and forget of the steps whose outputs may be reused."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from argosy_server.domain.artifact import Producer
from argosy_server.domain.errors import CursorExpired
from argosy_server.domain.identifiers import new_id
from argosy_server.domain.paging import PageRequest
from argosy_server.domain.pipeline import RunState, StepRun, StepState
from argosy_server.usecases.ports import MetadataStore, Transaction
from argosy_server.usecases.ports.cache_repository import CacheEntry, EntryFilter
from tests.contracts.metadata_facts import FIRST_PAGE, SPEC, add, new_run, put_blob, start

ALL = EntryFilter()
LONG_AGO = datetime(2000, 1, 1, tzinfo=timezone.utc)


def completed(tx: Transaction, pipeline: str = "training", **facts: object) -> StepRun:
    run = new_run(tx, pipeline=pipeline)
    step = start(tx, run, **facts)  # type: ignore[arg-type]  # the fields are those of StepRun
    tx.runs.end_step("p", step, StepState.COMPLETED, None, {})
    return step


def reused(tx: Transaction, source: StepRun) -> StepRun:
    """A step run that took its outputs from another one."""
    return start(tx, new_run(tx), state=StepState.CACHED, cache_key=source.cache_key, cached_from=source.id)


def listed(tx: Transaction, entries: EntryFilter = ALL) -> list[str]:
    return [entry.step.id for entry in tx.cache.list_entries("p", entries, FIRST_PAGE).rows]


class CacheContract:
    def test_candidates_are_the_newest_completed_steps_with_the_key(self, store: MetadataStore) -> None:
        with store.write() as tx:
            steps = [completed(tx, cache_key="key") for _ in range(4)]
            completed(tx, cache_key="other")
            start(tx, new_run(tx), cache_key="key")
            start(tx, new_run(tx), cache_key="key", state=StepState.CACHED)
            foreign = start(tx, new_run(tx, project="q"), cache_key="key")
            tx.runs.end_step("q", foreign, StepState.COMPLETED, None, {})
            found = tx.cache.candidates("p", "key", 3, None)
            assert tx.cache.candidates("p", "", 3, None) == []

        assert [step.id for step in found] == [step.id for step in reversed(steps[1:])]
        assert [step.state for step in found] == [StepState.COMPLETED] * 3

    def test_a_completed_step_of_a_failed_or_abandoned_run_is_a_candidate(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run, cache_key="key")
            tx.runs.end_step("p", step, StepState.COMPLETED, None, {})
            tx.runs.finish(run, RunState.FAILED, None)
            assert [found.id for found in tx.cache.candidates("p", "key", 3, None)] == [step.id]

    def test_the_previous_step_is_the_newest_of_the_same_invocation_else_of_the_same_step(
        self, store: MetadataStore
    ) -> None:
        with store.write() as tx:
            completed(tx, cache_key="a", cache_key_parts={"code": "1"})
            same = completed(tx, cache_key="b", cache_key_parts={"code": "2"})
            other = completed(tx, invocation="fit_2", cache_key="c")
            completed(tx, cache_key="")
            completed(tx, cache_key="d", step_name="evaluate")
            completed(tx, cache_key="e", pipeline="another")
            step = start(tx, new_run(tx), cache_key="f")
            found = tx.cache.previous_step("p", "training", step)
            third = tx.cache.previous_step("p", "training", replace(step, invocation="fit_3"))

            assert found is not None
            assert third is not None
            assert (found.id, found.cache_key_parts) == (same.id, {"code": "2"})
            assert third.id == other.id
            assert tx.cache.previous_step("p", "unknown", step) is None
            assert tx.cache.previous_step("q", "training", step) is None

    def test_the_previous_step_may_have_been_taken_from_cache(self, store: MetadataStore) -> None:
        with store.write() as tx:
            first = completed(tx, cache_key="a")
            completed(tx, cache_key="b")
            hit = reused(tx, first)
            failed = start(tx, new_run(tx), cache_key="c")
            tx.runs.end_step("p", failed, StepState.FAILED, None, {})
            found = tx.cache.previous_step("p", "training", start(tx, new_run(tx), cache_key="d"))
            assert found is not None
            assert found.id == hit.id

    def test_calls_of_a_step_in_the_same_run_are_no_earlier_state_of_it(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            sibling = start(tx, run, cache_key="a")
            tx.runs.end_step("p", sibling, StepState.COMPLETED, None, {})
            step = start(tx, run, invocation="fit_2", cache_key="b")
            assert tx.cache.previous_step("p", "training", step) is None

    def test_candidates_may_have_to_be_young(self, store: MetadataStore) -> None:
        with store.write() as tx:
            step = completed(tx, cache_key="key")
            ended = tx.runs.load_step("p", step.id).ended_at
            assert ended is not None
            assert [found.id for found in tx.cache.candidates("p", "key", 3, ended)] == [step.id]
            assert tx.cache.candidates("p", "key", 3, ended + timedelta(microseconds=1)) == []

    def test_evicted_steps_are_no_candidates_but_known(self, store: MetadataStore) -> None:
        with store.write() as tx:
            old, young = completed(tx, cache_key="key"), completed(tx, cache_key="key")
            assert tx.cache.evict("p", EntryFilter(step_run_ids=(young.id, new_id()))) == 1
            assert [found.id for found in tx.cache.candidates("p", "key", 3, None)] == [old.id]
            newest = tx.cache.newest("p", "key")
            assert newest is not None
            assert (newest.id, newest.evicted_at) == (old.id, None)
            assert tx.cache.evict("p", EntryFilter(step_run_ids=(young.id, old.id))) == 1
            newest = tx.cache.newest("p", "key")
            assert newest is not None
            assert newest.id == young.id
            assert newest.evicted_at is not None
            assert tx.cache.newest("p", "unknown") is None
            assert tx.cache.newest("q", "key") is None

    def test_what_is_compared_with_had_ended_before(self, store: MetadataStore) -> None:
        with store.write() as tx:
            before = completed(tx, cache_key="key")
            step = completed(tx, cache_key="key")
            completed(tx, cache_key="key")
            earlier = tx.runs.load_step("p", before.id)
            tx.cache.evict("p", ALL)
            for found in (
                tx.cache.previous_of_key("p", step),
                tx.cache.previous_step("p", "training", step),
                tx.cache.source_of("p", replace(step, cached_from=before.id)),
            ):
                assert found is not None
                assert (found.id, found.ended_at) == (before.id, earlier.ended_at)
            assert tx.cache.previous_of_key("p", earlier) is None
            assert tx.cache.previous_of_key("q", step) is None
            assert tx.cache.source_of("q", replace(step, cached_from=before.id)) is None

    def test_entries_come_newest_first_with_their_hits_and_size(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx, "monday")
            first = start(tx, run, cache_key="a")
            producer = Producer(run.id, first.id, "training", "fit", "output")
            for size in (3, 4):
                version = add(tx, "p", SPEC, [put_blob(tx, b"x" * size)], producer)
                tx.runs.add_outputs("p", first, [("output", version.id)])
            tx.runs.end_step("p", first, StepState.COMPLETED, None, {})
            second = completed(tx, pipeline="other", cache_key="b", step_name="load")
            reused(tx, first)
            reused(tx, first)
            completed(tx, cache_key="")
            start(tx, new_run(tx), cache_key="c")
            rows = tx.cache.list_entries("p", ALL, FIRST_PAGE).rows
            assert [
                (entry.step.id, entry.pipeline_name, entry.step.step_name, entry.hit_count, entry.size)
                for entry in rows
            ] == [(second.id, "other", "load", 0, 0), (first.id, "training", "fit", 2, 7)]
            assert (rows[1].run_name, rows[1].step) == ("monday", tx.runs.get_step("p", first.id)[1])
            assert tx.cache.list_entries("q", ALL, FIRST_PAGE).rows == []

    def test_pages_of_entries_lead_through_all_of_them(self, store: MetadataStore) -> None:
        with store.write() as tx:
            made = [completed(tx, cache_key=f"key{number}").id for number in range(5)]
            seen: list[CacheEntry] = []
            page = PageRequest(2)
            while True:
                got = tx.cache.list_entries("p", ALL, page)
                seen += got.rows
                completed(tx, cache_key="later")
                if not got.last:
                    break
                page = PageRequest(2, got.last)
            assert [entry.step.id for entry in seen] == made[::-1]
            with pytest.raises(CursorExpired):
                tx.cache.list_entries("p", ALL, PageRequest(2, ("x",)))

    def test_all_parts_of_a_filter_hold_together(self, store: MetadataStore) -> None:
        with store.write() as tx:
            a = completed(tx, cache_key="a", step_name="load")
            b = completed(tx, cache_key="b")
            c = completed(tx, "other", cache_key="c")
            for entries, expected in [
                (ALL, [c.id, b.id, a.id]),
                (EntryFilter(step_name="load"), [a.id]),
                (EntryFilter(pipeline_name="training"), [b.id, a.id]),
                (EntryFilter(pipeline_name="other", step_name="load"), []),
                (EntryFilter(step_run_ids=(a.id, c.id)), [c.id, a.id]),
                (EntryFilter(ended_before=LONG_AGO), []),
                (EntryFilter(ended_before=tx.now() + timedelta(hours=1), step_name="fit"), [c.id, b.id]),
            ]:
                assert listed(tx, entries) == expected
                assert tx.cache.evict("q", entries) == 0
            assert tx.cache.evict("p", EntryFilter(pipeline_name="training", step_name="fit")) == 1
            assert listed(tx) == [c.id, a.id]

    def test_what_has_lost_a_version_it_made_is_no_entry(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            for invocation, how, attempt in [("a", "returned", 1), ("b", "saved", 1), ("c", "saved", 2)]:
                step = start(tx, run, invocation, cache_key=invocation)
                version = add(tx, "p", SPEC, [], None)
                if how == "returned":
                    tx.runs.add_outputs("p", step, [("output", version.id)])
                else:
                    tx.runs.add_saved("p", step.id, version.id, attempt)
                tx.runs.end_step("p", step, StepState.COMPLETED, None, {})
                tx.artifacts.delete("p", version.id)
            # What another attempt than the last saved is nothing a hit would give.
            assert [entry.step.invocation for entry in tx.cache.list_entries("p", ALL, FIRST_PAGE).rows] == ["c"]
            assert tx.cache.evict("p", ALL) == 1
