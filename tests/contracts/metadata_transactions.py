"""What every store must promise about transactions, replies and events."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest

from argosy_server.domain.errors import RequestIdReused, UploadNotFound
from argosy_server.domain.identifiers import is_id, new_id
from argosy_server.usecases.ports import MetadataStore, Transaction
from argosy_server.usecases.ports.repositories import KeptReply
from tests.contracts.metadata_facts import FIRST_PAGE, HOUR, PAST, SPEC, add, blob_of, new_run, save

BLOB = blob_of(b"content")


def change_everything_and_fail(tx: Transaction) -> None:
    tx.blobs.insert(BLOB, b"content", HOUR)
    tx.uploads.add("p", PAST)
    add(tx, "p", SPEC, [], None)
    new_run(tx, "monday")
    tx.replies.store("p", {"r": KeptReply(b"f", b"reply")})
    tx.events.append("p", "version_created", {})
    raise ZeroDivisionError


class TransactionContract:
    def test_a_block_that_raises_leaves_nothing_behind(self, store: MetadataStore) -> None:
        with pytest.raises(ZeroDivisionError), store.write() as tx:
            change_everything_and_fail(tx)

        with store.write() as tx:
            assert tx.blobs.find("p", [BLOB.digest]) == {}
            assert tx.uploads.remove_expired() == 0
            assert tx.artifacts.list_artifacts("p", "", True, FIRST_PAGE).rows == []
            assert tx.runs.list_runs("p", "", None, FIRST_PAGE).rows == []
            assert tx.replies.find("p", {"r"}) == {}
            assert tx.events.remove_older_than(PAST) == 0

    def test_a_reader_sees_one_state_however_long_it_reads(self, store: MetadataStore) -> None:
        save(store)
        with store.read() as tx:
            before = tx.artifacts.list_versions("p", FIRST_PAGE).rows
            writer = threading.Thread(target=save, args=(store,))
            writer.start()
            writer.join()
            assert tx.artifacts.list_versions("p", FIRST_PAGE).rows == before
        with store.read() as tx:
            assert len(tx.artifacts.list_versions("p", FIRST_PAGE).rows) == 2

    def test_the_clock_of_the_database_is_in_utc_and_goes_on(self, store: MetadataStore) -> None:
        with store.write() as tx:
            first, second = tx.now(), tx.now()
        assert first.tzinfo is timezone.utc
        assert first <= second
        assert abs(first - datetime.now(timezone.utc)) < timedelta(minutes=5)

    def test_the_store_has_an_id(self, store: MetadataStore) -> None:
        assert is_id(store.store_id)

    def test_a_closed_store_can_be_used_again(self, store: MetadataStore) -> None:
        store.close()
        assert save(store).version == "1"


class ReplyContract:
    def test_a_reply_is_found_under_its_id_in_its_project(self, store: MetadataStore) -> None:
        with store.write() as tx:
            assert tx.replies.find("p", {"r"}) == {}
            tx.replies.store("p", {"r": KeptReply(b"\0f", b"\0reply")})
            tx.replies.store("q", {"r": KeptReply(b"other", b"")})

        with store.read() as tx:
            assert tx.replies.find("p", {"r"}) == {"r": KeptReply(b"\0f", b"\0reply")}
            assert tx.replies.find("q", {"r"}) == {"r": KeptReply(b"other", b"")}

    def test_an_id_is_stored_once(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.replies.store("p", {"r": KeptReply(b"f", b"first")})
        with pytest.raises(RequestIdReused), store.write() as tx:
            tx.replies.store("p", {"r": KeptReply(b"f", b"second")})
        with store.read() as tx:
            assert tx.replies.find("p", {"r"}) == {"r": KeptReply(b"f", b"first")}

    def test_of_racing_transactions_under_one_id_only_one_changes_anything(self, store: MetadataStore) -> None:
        barrier = threading.Barrier(6)
        outcomes: list[str] = []

        def mutate() -> None:
            barrier.wait()
            try:
                with store.write() as tx:
                    if tx.replies.find("p", {"r"}):
                        outcomes.append("replayed")
                        return
                    add(tx, "p", SPEC, [], None)
                    tx.replies.store("p", {"r": KeptReply(b"f", b"reply")})
            except RequestIdReused:
                outcomes.append("refused")
            else:
                outcomes.append("done")

        threads = [threading.Thread(target=mutate) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(outcomes), outcomes.count("done")) == (6, 1)
        assert save(store).version == "2"

    def test_old_replies_are_forgotten(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.replies.store("p", {"r": KeptReply(b"f", b"reply")})
            assert tx.replies.remove_older_than(HOUR) == 0
            assert tx.replies.remove_older_than(PAST) == 1
            assert tx.replies.find("p", {"r"}) == {}


class AttemptContract:
    def test_what_an_attempt_did_is_undone_when_it_raises_and_the_transaction_goes_on(
        self, store: MetadataStore
    ) -> None:
        with store.write() as tx:
            before = tx.uploads.add("p", HOUR)
            undone: list[str] = []

            def fail() -> None:
                with tx.attempt():
                    undone.append(tx.uploads.add("p", HOUR).id)
                    tx.uploads.get("p", new_id())

            with pytest.raises(UploadNotFound):
                fail()
            with tx.attempt():
                after = tx.uploads.add("p", HOUR)
        with store.read() as tx:
            assert tx.uploads.get("p", before.id).id == before.id
            assert tx.uploads.get("p", after.id).id == after.id
            with pytest.raises(UploadNotFound):
                tx.uploads.get("p", undone[0])
