"""Events of an artifact come in the order of its changes, whichever transaction began to write first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from argosy_server.adapters.metadata import open_metadata
from argosy_server.adapters.metadata.blobs.blob_repository import SqlBlobRepository
from argosy_server.domain.artifact import VersionSelector
from argosy_server.domain.event import BEGINNING
from argosy_server.domain.limits import Limits
from argosy_server.usecases.artifacts.change_version import delete_version, set_alias, update_version
from argosy_server.usecases.artifacts.create_version import Save, create_version, create_versions
from argosy_server.usecases.blobs.staging import StagedFile
from argosy_server.usecases.ports import MetadataStore, Transaction
from tests.adapters.conftest import empty_store
from tests.backends.postgres import connect, drop_database, new_database
from tests.contracts.metadata_facts import SPEC, blob_of
from tests.faults.stand import in_background
from tests.waiting import wait_until

Change = Callable[[Transaction], object]
CONTENT = b"something to store first"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
LIMITS = Limits()


@pytest.fixture
def url() -> Iterator[str]:
    made = new_database(like=empty_store())
    yield made
    drop_database(made)


@pytest.fixture
def store(url: str) -> Iterator[MetadataStore]:
    made = open_metadata(url, durability="full")
    yield made
    made.close()


def save_with_bytes(tx: Transaction) -> object:
    blob = blob_of(CONTENT)
    staged = StagedFile("value", blob.digest, blob, CONTENT)
    return create_version(tx, LIMITS, "p", replace(SPEC, aliases=("prod",)), [staged])


def save(tx: Transaction) -> object:
    return create_version(tx, LIMITS, "p", replace(SPEC, aliases=("prod",)), [])


def save_many(tx: Transaction) -> object:
    names = [f"other-{number}" for number in range(100)]
    specs = [*(replace(SPEC, name=name) for name in names), replace(SPEC, aliases=("prod",))]
    return create_versions(tx, LIMITS, "p", [Save(spec, []) for spec in specs])


def move_alias(tx: Transaction) -> object:
    return set_alias(tx, "p", "prod", VersionSelector(name=SPEC.name, version="first"))


def tag(tx: Transaction) -> object:
    first = tx.artifacts.get("p", VersionSelector(name=SPEC.name, version="first"))
    return update_version(tx, LIMITS, "p", first.id, ["t"], None, None, "")


def delete(tx: Transaction) -> None:
    first = tx.artifacts.get("p", VersionSelector(name=SPEC.name, version="first"))
    delete_version(tx, "p", first.id, force=True)


@pytest.mark.parametrize("other", [save, save_many, move_alias, tag, delete])
def test_who_writes_first_and_changes_the_artifact_last_has_the_last_event(
    store: MetadataStore, url: str, monkeypatch: pytest.MonkeyPatch, other: Change
) -> None:
    with store.write() as tx:
        create_version(tx, LIMITS, "p", replace(SPEC, version="first"), [])
    done: list[str] = []
    begun = threading.Event()
    insert = SqlBlobRepository.insert

    def run(name: str, change: Change) -> None:
        with store.write() as tx:
            change(tx)
            done.append(name)

    def insert_and_wait(self: Any, *given: Any) -> Any:
        row = insert(self, *given)
        begun.set()
        with connect(url) as onlooker:
            # The other one has changed the artifact meanwhile, or waits for its turn.
            wait_until(lambda: done or onlooker.execute(WAITING).fetchone() != (0,), "the other one went on")
        return row

    monkeypatch.setattr(SqlBlobRepository, "insert", insert_and_wait)

    slow = in_background(lambda: run("slow", save_with_bytes))
    assert begun.wait(30)
    quick = in_background(lambda: run("quick", other))
    slow.result(60)
    quick.result(60)

    with store.read() as tx:
        events = [event for event in tx.events.after(BEGINNING, 1000) if event.text("name") == SPEC.name]
    order = ["slow" if event.text("version") == slow_version(store) else "quick" for event in events[1:]]
    assert list(dict.fromkeys(order)) == done


def slow_version(store: MetadataStore) -> str:
    """Return the label of the version that has bytes."""
    with store.read() as tx:
        digest = blob_of(CONTENT).digest
        labels = [str(number) for number in (1, 2)]
        for label in labels:
            found = tx.artifacts.get("p", VersionSelector(name=SPEC.name, version=label))
            if any(file.digest == digest for file in found.files):
                return label
    raise AssertionError("nobody saved it")
