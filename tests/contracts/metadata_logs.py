"""What every store must keep of what steps print."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argosy_server.domain.errors import RunNotFound
from argosy_server.domain.identifiers import new_id
from argosy_server.domain.step_log import LogPart, LogPosition
from argosy_server.usecases.ports import MetadataStore, Transaction
from tests.contracts.metadata_facts import new_run, start

BEGINNING = LogPosition()


def new_step(tx: Transaction, **facts: str) -> str:
    return start(tx, new_run(tx), **facts).id  # type: ignore[arg-type]  # the fields are those of StepRun


def part(batch: int, *, attempt: int = 1) -> LogPart:
    """The part of this number, where each has 10 bytes and 2 lines."""
    return LogPart(attempt, batch, batch * 10, 10, batch * 2, batch * 2 + 2, is_last=False)


class LogContract:
    def test_parts_come_back_in_order_attempt_by_attempt(self, store: MetadataStore) -> None:
        parts = [part(0), part(1), part(2), part(0, attempt=2)]
        with store.write() as tx:
            step, other = new_step(tx), new_step(tx)
            for item in reversed(parts):
                tx.logs.add("p", step, item, b"\x00content %d" % item.batch)
            tx.logs.add("p", other, part(0), b"other")
        with store.read() as tx:
            assert tx.logs.following("p", step, BEGINNING, 10) == parts
            assert tx.logs.following("p", step, BEGINNING, 2) == parts[:2]
            assert tx.logs.following("q", step, BEGINNING, 10) == []
            assert tx.logs.content("p", step, parts[2]) == b"\x00content 2"
            assert (tx.logs.last("p", step, 1), tx.logs.last("p", step, 3)) == (parts[2], None)

    def test_a_position_leads_to_the_parts_with_lines_behind_it(self, store: MetadataStore) -> None:
        parts = [part(0), part(1), part(0, attempt=2)]
        with store.write() as tx:
            step = new_step(tx)
            for item in parts:
                tx.logs.add("p", step, item, b"")
            for position, following in [((1, 1), parts), ((1, 2), parts[1:]), ((1, 4), parts[2:]), ((2, 2), [])]:
                assert tx.logs.following("p", step, LogPosition(*position), 10) == following

    def test_a_part_that_is_there_stays_as_it_is(self, store: MetadataStore) -> None:
        with store.write() as tx:
            step = new_step(tx)
            tx.logs.add("p", step, part(0), b"first")
            tx.logs.add("p", step, replace(part(0), size=99), b"second")
            assert tx.logs.following("p", step, BEGINNING, 10) == [part(0)]
            assert tx.logs.content("p", step, part(0)) == b"first"

    def test_a_longer_part_takes_the_place_of_one_unless_another_was_first(self, store: MetadataStore) -> None:
        longer = LogPart(1, 3, 0, 40, 0, 8, is_last=True)
        with store.write() as tx:
            step = new_step(tx)
            tx.logs.add("p", step, part(0), b"a")
            tx.logs.replace("p", step, part(0), longer, b"ab")
            tx.logs.replace("p", step, part(0), part(1), b"late")
            assert tx.logs.following("p", step, BEGINNING, 10) == [longer]
            assert tx.logs.content("p", step, longer) == b"ab"

    def test_only_parts_that_lie_wholly_between_are_dropped(self, store: MetadataStore) -> None:
        with store.write() as tx:
            step = new_step(tx)
            for batch in range(6):
                tx.logs.add("p", step, part(batch), b"")
            tx.logs.add("p", step, part(3, attempt=2), b"")
            tx.logs.drop_between("p", step, 1, 15, 45)
            kept = [(item.attempt, item.batch) for item in tx.logs.following("p", step, BEGINNING, 10)]
        assert kept == [(1, 0), (1, 1), (1, 4), (1, 5), (2, 3)]

    def test_the_current_attempt_is_that_of_the_step_run(self, store: MetadataStore) -> None:
        with store.write() as tx:
            step = new_step(tx, attempt_token="token")
            assert tx.logs.current_attempt("p", step) == (1, "token")
            for project, step_run_id in (("q", step), ("p", new_id())):
                with pytest.raises(RunNotFound):
                    tx.logs.current_attempt(project, step_run_id)
