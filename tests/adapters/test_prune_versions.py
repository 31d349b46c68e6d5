"""What pruning writes down, and that it is all of it or nothing."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from argosy_server.domain.artifact import VersionSelector
from argosy_server.domain.errors import ArtifactNotFound, EtagMismatch, InvalidField
from argosy_server.domain.pruning import PruneRule
from argosy_server.usecases.artifacts.change_version import set_alias
from argosy_server.usecases.artifacts.prune_versions import plan_pruning, prune_versions
from argosy_server.usecases.ports import MetadataStore
from tests.contracts.metadata_facts import FIRST_PAGE, SPEC, get, save

RULE = PruneRule(name=SPEC.name, keep_latest=1)


def plan(store: MetadataStore, rule: PruneRule = RULE) -> str:
    with store.read() as tx:
        return plan_pruning(tx, "p", rule, include_used=False)[0].token


def _prune_and_fail(store: MetadataStore, token: str) -> None:
    with store.write() as tx:
        prune_versions(tx, "p", RULE, include_used=False, token=token)
        raise RuntimeError


def test_each_version_that_goes_is_told_to_watchers_with_the_tags_it_had(store: MetadataStore) -> None:
    gone = [save(store, replace(SPEC, tags=(f"t{number}",))) for number in range(3)][:2]
    token = plan(store)
    with store.read() as tx:
        before = tx.events.newest()
    with store.write() as tx:
        prune_versions(tx, "p", RULE, include_used=False, token=token)
    with store.read() as tx:
        events = tx.events.after(before, 10)
    assert [(event.kind, event.text("id"), event.names("tags")) for event in events] == [
        ("version_deleted", gone[1].id, ("t1",)),
        ("version_deleted", gone[0].id, ("t0",)),
    ]


def test_many_versions_go_by_as_many_statements_as_few(store: MetadataStore) -> None:
    def statements_for(count: int) -> int:
        for number in range(count + 1):
            save(store, replace(SPEC, tags=("t",), metadata={"a": str(number)}))
        token = plan(store)
        seen: list[str] = []
        listener = ("before_cursor_execute", lambda *about: seen.append(about[2]))
        event.listen(Engine, *listener)
        try:
            with store.write() as tx:
                prune_versions(tx, "p", RULE, include_used=False, token=token)
        finally:
            event.remove(Engine, *listener)
        return len(seen)

    few, many = statements_for(3), statements_for(30)
    assert 0 < many <= few


def test_a_pruning_that_fails_leaves_everything(store: MetadataStore) -> None:
    versions = [save(store, replace(SPEC, tags=("t",), metadata={"a": "1"})) for _ in range(3)]
    token = plan(store)
    with store.read() as tx:
        before = tx.events.newest()
    with pytest.raises(RuntimeError):
        _prune_and_fail(store, token)
    assert [get(store, id=version.id) for version in versions] == versions
    with store.read() as tx:
        assert tx.events.after(before, 10) == []
        assert len(tx.artifacts.list_versions("p", FIRST_PAGE, metadata={"a": "1"}).rows) == 3


def test_of_a_pruning_and_an_alias_that_race_one_wins_and_the_alias_never_points_at_nothing(
    store: MetadataStore,
) -> None:
    for _ in range(20):
        old = save(store)
        save(store)
        token = plan(store)
        outcome: list[str] = []

        def prune(token: str = token, outcome: list[str] = outcome) -> None:
            try:
                with store.write() as tx:
                    prune_versions(tx, "p", RULE, include_used=False, token=token)
                outcome.append("pruned")
            except EtagMismatch:
                outcome.append("overtaken")

        other = threading.Thread(target=prune)
        other.start()
        moved = False
        try:
            with store.write() as tx:
                set_alias(tx, "p", "prod", VersionSelector(id=old.id))
                moved = True
        except ArtifactNotFound as error:
            assert "was deleted" in str(error)  # noqa: PT017 - either of them may win
        other.join()
        expected = (["overtaken"], False) if moved else (["pruned"], True)
        assert (outcome, get(store, id=old.id).deleted) == expected
        with store.write() as tx:
            if moved:
                tx.artifacts.delete_alias("p", SPEC.name, "prod")


def test_a_rule_that_means_everything_is_refused(store: MetadataStore) -> None:
    with pytest.raises(InvalidField, match="no rule is given"):
        plan(store, PruneRule())
