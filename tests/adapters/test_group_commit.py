"""Saves of one name that come at the same time: one transaction, and to each of them as if it was alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from argosy_server.domain.artifact import ArtifactSpec, ArtifactVersion
from argosy_server.domain.errors import LimitExceeded, RequestIdReused, StorageUnavailable, VersionExists
from argosy_server.domain.event import BEGINNING
from argosy_server.domain.limits import Limits
from argosy_server.usecases.artifacts.group_commit import MOST_SAVES, GroupCommit
from argosy_server.usecases.blobs.staging import StagedFile
from argosy_server.usecases.idempotency import RequestKey
from argosy_server.usecases.ports import MetadataStore
from tests.backends.postgres import connect
from tests.contracts.metadata_facts import SPEC, blob_of, get, save
from tests.faults.stand import in_background
from tests.waiting import wait_until

LIMITS = Limits()
CONTENT = b"what is saved"
OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def key_of(request_id: str, fingerprint: bytes = b"f") -> RequestKey:
    return RequestKey("p", request_id, fingerprint)


def staged_file(content: bytes = CONTENT) -> StagedFile:
    blob = blob_of(content)
    return StagedFile("value", blob.digest, blob, content)


def rendered(version: ArtifactVersion) -> bytes:
    return f"{version.version} {version.id}".encode()


class Saves:
    """A group commit, and saves that have to wait for each other."""

    def __init__(self, store: MetadataStore) -> None:
        self.store = store
        self.commits = GroupCommit(store, LIMITS)

    def now(self, request_id: str, spec: ArtifactSpec = SPEC, fingerprint: bytes = b"f", **how: Any) -> bytes:
        """Save, and return the reply."""
        render: Callable[[ArtifactVersion], bytes] = how.get("render", rendered)
        staged = [staged_file(how.get("content", CONTENT))]
        assert self.commits.takes(spec, staged)
        return self.commits.save(key_of(request_id, fingerprint), spec, staged, render)

    def at_once(self, *saves: Callable[[], bytes]) -> list[Future[bytes]]:
        """Begin all of them while somebody else changes the artifact."""
        with self.store.write() as tx:
            tx.artifacts.take_turn("p", [SPEC.name])
            begun = []
            for count, one in enumerate(saves, 1):
                begun.append(in_background(one))
                wait_until(partial(self.wait, count), "it stands in the queue")
        return begun

    def wait(self, count: int) -> bool:
        """Tell whether so many stand in the queue, which nobody but a test has to know."""
        return sum(map(len, self.commits._lanes.values())) == count


@pytest.fixture
def saves(store: MetadataStore) -> Saves:
    return Saves(store)


def saved(store: MetadataStore) -> list[str]:
    """Return the versions of which an event tells, in order."""
    with store.read() as tx:
        return [event.text("version") for event in tx.events.after(BEGINNING, 1000)]


def test_they_share_a_transaction_and_get_a_number_each(store: MetadataStore, saves: Saves) -> None:
    begun = saves.at_once(*(partial(saves.now, f"r{number}") for number in range(8)))
    replies = sorted(save.result(30) for save in begun)
    made = [get(store, version=reply.split()[0].decode()) for reply in replies]
    assert [rendered(version) for version in made] == replies
    assert [version.version for version in made] == ["1", "2", "3", "4", "5", "6", "7", "8"]
    assert len({version.created_at for version in made}) == 1
    assert saved(store) == ["1", "2", "3", "4", "5", "6", "7", "8"]


def test_each_of_them_has_bytes_facts_tags_and_aliases_of_its_own(store: MetadataStore, saves: Saves) -> None:
    def save_one(number: int) -> bytes:
        spec = replace(SPEC, tags=(f"t{number}",), metadata={"n": str(number)}, aliases=("latest", f"a{number}"))
        return saves.now(f"r{number}", spec, content=b"%d" % number)

    begun = saves.at_once(*(partial(save_one, number) for number in range(3)))
    for number, save_of in enumerate(begun):
        made = get(store, version=save_of.result(30).split()[0].decode())
        assert (made.tags, made.metadata["n"]) == ((f"t{number}",), str(number))
        assert made.files[0].digest == blob_of(b"%d" % number).digest
        assert get(store, alias=f"a{number}").id == made.id
    newest = get(store)
    assert newest.aliases == (f"a{newest.tags[0][1:]}", "latest")
    with store.read() as tx:
        moves = [event for event in tx.events.after(BEGINNING, 1000) if event.facts.get("alias") == "latest"]
    assert [event.text("previous") for event in moves] == ["", *(event.text("id") for event in moves[:-1])]


def test_one_that_is_refused_takes_no_number_from_the_others(store: MetadataStore, saves: Saves) -> None:
    save(store, replace(SPEC, version="taken"))
    good, refused, other = saves.at_once(
        lambda: saves.now("r1"), lambda: saves.now("r2", replace(SPEC, version="taken")), lambda: saves.now("r3")
    )
    with pytest.raises(VersionExists):
        refused.result(30)
    made = [get(store, version=one.result(30).split()[0].decode()) for one in (good, other)]
    assert sorted(version.version for version in made) == ["1", "2"]
    assert saved(store) == ["1", "2"]
    with store.read() as tx:
        told = tx.events.after(BEGINNING, 10)
    # One transaction all the same: on PostgreSQL it has one number, on SQLite none has.
    assert len({event.position.xid for event in told}) == 1


def test_one_alone_that_is_refused_leaves_nothing_behind(store: MetadataStore, saves: Saves) -> None:
    save(store, replace(SPEC, version="taken"))
    with pytest.raises(VersionExists):
        saves.now("r1", replace(SPEC, version="taken"), content=b"other")
    assert saves.now("r1", replace(SPEC, version="other")).split()[0] == b"other"
    with store.read() as tx:
        assert tx.blobs.find("p", [blob_of(b"other").digest]) == {}


def test_one_whose_reply_is_too_large_is_refused_alone(store: MetadataStore, saves: Saves) -> None:
    def too_large(_: ArtifactVersion) -> bytes:
        raise LimitExceeded("the answer is too large", limit=1)

    good, refused = saves.at_once(lambda: saves.now("r1"), lambda: saves.now("r2", render=too_large))
    with pytest.raises(LimitExceeded):
        refused.result(30)
    assert good.result(30).split()[0] == b"1"
    assert saved(store) == ["1"]


def test_a_request_that_is_sent_twice_at_once_is_one_save(store: MetadataStore, saves: Saves) -> None:
    first, second = saves.at_once(lambda: saves.now("r"), lambda: saves.now("r"))
    assert first.result(30) == second.result(30) == saves.now("r")
    assert saved(store) == ["1"]


def test_two_requests_with_one_id_at_once_are_one_save_and_a_refusal(store: MetadataStore, saves: Saves) -> None:
    begun = saves.at_once(lambda: saves.now("r", fingerprint=b"1"), lambda: saves.now("r", fingerprint=b"2"))
    ended = [one.exception(30) for one in begun]
    assert [type(one) for one in ended].count(RequestIdReused) == 1
    assert saved(store) == ["1"]


def test_more_than_fit_into_one_transaction_follow_in_the_next(
    store: MetadataStore, saves: Saves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argosy_server.usecases.artifacts.group_commit.MOST_SAVES", 2)
    assert MOST_SAVES > 2
    begun = saves.at_once(*(partial(saves.now, f"r{number}") for number in range(5)))
    made = [get(store, version=one.result(30).split()[0].decode()) for one in begun]
    assert sorted(version.version for version in made) == ["1", "2", "3", "4", "5"]
    assert len({version.created_at for version in made}) == 3


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_when_the_database_goes_away_all_of_them_are_told_and_may_try_again(
    store: MetadataStore, saves: Saves, url: str
) -> None:
    asked = [partial(saves.now, "r1"), partial(saves.now, "r2")]
    with store.write() as tx:
        tx.artifacts.take_turn("p", [SPEC.name])
        begun = [in_background(one) for one in asked]
        wait_until(lambda: saves.wait(2), "both wait")
        with connect(url) as onlooker:
            blocked = f"{OTHERS} AND wait_event_type = 'Lock'"
            wait_until(lambda: onlooker.execute(blocked.encode()).fetchone(), "the first waits for its turn")
            onlooker.execute(f"SELECT pg_terminate_backend(pid) FROM ({blocked}) AS found".encode())
        for one in begun:
            with pytest.raises(StorageUnavailable):
                one.result(30)
    assert saved(store) == []
    assert [one().split()[0] for one in asked] == [b"1", b"2"]


def test_a_commit_that_fails_in_an_unknown_way_answers_nobody_and_the_others_save_alone(
    store: MetadataStore, saves: Saves, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, failures = Connection.commit, ["nobody knows"]

    def fail_once(self: Connection) -> None:
        if threading.current_thread() is not threading.main_thread() and failures:
            raise RuntimeError(failures.pop())
        commit(self)

    monkeypatch.setattr(Connection, "commit", fail_once)
    leader, other = saves.at_once(lambda: saves.now("r1"), lambda: saves.now("r2"))
    with pytest.raises(RuntimeError, match="nobody knows"):
        leader.result(30)
    assert other.result(30).split()[0] == b"1"
    assert saved(store) == ["1"]


def test_a_save_of_a_step_or_of_bytes_that_are_elsewhere_has_a_transaction_of_its_own(saves: Saves) -> None:
    inline = staged_file()
    assert saves.commits.takes(SPEC, [])
    assert not saves.commits.takes(replace(SPEC, step_run_id="s"), [inline])
    assert not saves.commits.takes(SPEC, [inline, replace(inline, path="large", content=None, upload_id="u")])
    assert not saves.commits.takes(SPEC, [StagedFile("known", inline.digest)])
