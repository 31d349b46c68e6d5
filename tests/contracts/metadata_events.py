"""What every store must promise about events: their order, and that nobody misses one without being told."""

from __future__ import annotations

import threading
import time

from argosy_server.domain.event import BEGINNING, Position
from argosy_server.domain.identifiers import is_id
from argosy_server.usecases.ports import MetadataStore
from tests.contracts.metadata_facts import HOUR, PAST


def append(store: MetadataStore, *kinds: str, project: str = "p") -> None:
    """Write events, and wait until they are told: those that might yet be preceded by others are not."""
    before = newest(store)
    with store.write() as tx:
        for kind in kinds:
            tx.events.append(project, kind, {"name": "größe"})
    deadline = time.monotonic() + 60
    while newest(store) == before:
        assert time.monotonic() < deadline


def kinds_after(store: MetadataStore, position: Position, limit: int = 100, project: str = "") -> list[str]:
    with store.read() as tx:
        return [event.kind for event in tx.events.after(position, limit, project)]


def newest(store: MetadataStore) -> Position:
    with store.read() as tx:
        return tx.events.newest()


class EventContract:
    def test_events_come_in_order_with_what_was_said_of_them(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.events.append("p", "alias_set", {"name": "größe", "tags": ["gold", 'a "b"'], "named": False})
            tx.events.append("q", "version_deleted", {})
        with store.read() as tx:
            first, second = tx.events.after(BEGINNING, 100)
        assert (first.project, first.kind, second.project, second.kind) == ("p", "alias_set", "q", "version_deleted")
        assert dict(first.facts) == {"name": "größe", "tags": ["gold", 'a "b"'], "named": False}
        assert (first.text("name"), first.names("tags"), first.names("absent")) == ("größe", ("gold", 'a "b"'), ())
        assert first.position < second.position

    def test_a_reader_goes_on_after_what_it_has(self, store: MetadataStore) -> None:
        append(store, "one", "two", "three")
        with store.read() as tx:
            first, *_ = tx.events.after(BEGINNING, 100)
        assert kinds_after(store, first.position) == ["two", "three"]
        assert kinds_after(store, first.position, limit=1) == ["two"]
        assert kinds_after(store, newest(store)) == []
        append(store, "four")
        assert kinds_after(store, first.position, limit=2) == ["two", "three"]

    def test_a_reader_of_one_project_sees_no_other(self, store: MetadataStore) -> None:
        append(store, "mine")
        append(store, "theirs", project="q")
        assert kinds_after(store, BEGINNING, project="q") == ["theirs"]
        assert kinds_after(store, BEGINNING, project="r") == []

    def test_nothing_appears_before_what_was_read_however_many_write(self, store: MetadataStore) -> None:
        writers = [threading.Thread(target=append, args=(store, f"{n}a", f"{n}b")) for n in range(40)]
        for writer in writers:
            writer.start()
        seen: list[str] = []
        position = BEGINNING
        while any(writer.is_alive() for writer in writers) or position < newest(store):
            with store.read() as tx:
                found = tx.events.after(position, 7)
            assert all(event.position > position for event in found)
            position = found[-1].position if found else position
            seen += [event.kind for event in found]
        assert sorted(seen) == sorted(f"{n}{letter}" for n in range(40) for letter in "ab")
        assert [kind[:-1] for kind in seen[::2]] == [kind[:-1] for kind in seen[1::2]], "a transaction stays together"

    def test_events_are_kept_until_they_are_old(self, store: MetadataStore) -> None:
        append(store, "version_created", "alias_set")
        with store.write() as tx:
            assert tx.events.remove_older_than(HOUR) == 0
            assert tx.events.remove_older_than(PAST) == 2
            assert tx.events.remove_older_than(PAST) == 0

    def test_how_far_events_were_forgotten_is_remembered(self, store: MetadataStore) -> None:
        append(store, "old", "older")
        last = newest(store)
        with store.write() as tx:
            assert tx.events.forgotten() == BEGINNING
            tx.events.remove_older_than(PAST)
            assert tx.events.forgotten() == last
        assert newest(store) == last, "a place in the order does not move back"
        append(store, "new")
        assert kinds_after(store, last) == ["new"]
        with store.write() as tx:
            tx.events.remove_older_than(HOUR)
            assert tx.events.forgotten() == last

    def test_all_events_are_of_one_epoch(self, store: MetadataStore) -> None:
        with store.read() as tx:
            epoch = tx.events.epoch()
        append(store, "one")
        with store.write() as tx:
            tx.events.remove_older_than(PAST)
            assert tx.events.epoch() == epoch
        store.close()
        with store.read() as tx:
            assert tx.events.epoch() == epoch
        assert is_id(epoch)

    def test_whoever_waits_for_events_of_this_process_is_woken(self, store: MetadataStore) -> None:
        seen = store.wait_for_events(-1, 60)
        woken: list[int] = []
        waiting = threading.Thread(target=lambda: woken.append(store.wait_for_events(seen, 60)))
        waiting.start()
        append(store, "version_created")
        waiting.join(30)
        assert woken[0] > seen

    def test_who_waits_for_events_is_left_alone_in_the_end_while_there_are_none(self, store: MetadataStore) -> None:
        seen = store.wait_for_events(-1, 60)
        while True:
            with store.write() as tx:
                tx.uploads.add("p", HOUR)
            now = store.wait_for_events(seen, 0.2)
            if now == seen:
                return
            seen = now
