"""How every store must find what goes by rule, and delete many versions at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from argosy_server.domain.pruning import PruneRule
from argosy_server.usecases.ports import MetadataStore
from tests.contracts.metadata_facts import SPEC, completed_run, get, put_blob, save, save_named
from tests.contracts.metadata_finding import labels, listed


def found(store: MetadataStore, project: str = "p", **rule: Any) -> list[str]:
    with store.read() as tx:
        return [version.id for version in tx.artifacts.prunable(project, PruneRule(**rule))]


class PruneContract:
    def test_each_part_of_a_rule_narrows_it(self, store: MetadataStore) -> None:
        old, tagged = save(store), save(store, replace(SPEC, tags=("t",)))
        other = save_named(store, "other")
        made = completed_run(store)
        save_named(store, "foreign", project="q")

        assert found(store) == [made.id, other.id, tagged.id, old.id]
        assert found(store, name="weights") == [tagged.id, old.id]
        assert found(store, tag="t") == [tagged.id]
        assert found(store, pipeline_name="training") == [made.id]
        assert found(store, created_until=tagged.created_at) == [old.id]
        assert found(store, name="weights", tag="t", created_until=old.created_at + timedelta(days=1)) == [tagged.id]
        assert found(store, name="weights", pipeline_name="training") == []

    def test_the_newest_live_ones_of_each_artifact_are_not_meant(self, store: MetadataStore) -> None:
        first, second, third = save(store), save(store), save(store)
        other = save_named(store, "other")
        with store.write() as tx:
            tx.artifacts.delete("p", third.id)

        assert found(store, keep_latest=1) == [first.id]
        assert found(store, keep_latest=2) == []
        save(store)
        assert found(store, keep_latest=1) == [second.id, first.id]
        assert other.id not in found(store, keep_latest=1)

    def test_the_newest_stay_also_when_other_parts_do_not_mean_them(self, store: MetadataStore) -> None:
        tagged = [save(store, replace(SPEC, tags=("t",))) for _ in range(2)]
        save(store)
        assert found(store, tag="t", keep_latest=2) == [tagged[0].id]

    def test_it_is_told_what_runs_used_and_what_aliases_point_at(self, store: MetadataStore) -> None:
        made = completed_run(store)
        aliased, free = save(store, replace(SPEC, aliases=("prod", "best"))), save(store)
        with store.read() as tx:
            matched = {version.id: version for version in tx.artifacts.prunable("p", PruneRule())}
        facts = {key: (version.is_used, version.is_aliased) for key, version in matched.items()}
        assert facts == {made.id: (True, False), aliased.id: (False, True), free.id: (False, False)}

    def test_many_are_deleted_as_one_is(self, store: MetadataStore) -> None:
        with store.write() as tx:
            file = put_blob(tx, b"x")
        spec = replace(SPEC, tags=("t",), metadata={"a": "1", "b": "2"}, aliases=("prod",), description="words")
        alone = save(store, spec, [file])
        with store.write() as tx:
            single = tx.artifacts.delete("p", alone.id)
        several = [save(store, spec, [file]) for _ in range(3)]
        kept = save(store, replace(SPEC, metadata={"a": "1"}))
        foreign = save(store, project="q")
        with store.write() as tx:
            tx.artifacts.delete_many("p", [several[0].id, several[2].id, alone.id, foreign.id])

        tombstone = get(store, id=several[2].id)
        assert tombstone.deleted
        assert (tombstone.files, tombstone.tags, tombstone.aliases, tombstone.metadata, tombstone.description) == (
            single.files,
            single.tags,
            single.aliases,
            single.metadata,
            single.description,
        )
        assert labels(listed(store)) == [kept.version, several[1].version]
        assert labels(listed(store, tag="t")) == [several[1].version]
        assert labels(listed(store, metadata={"a": "1"})) == [kept.version, several[1].version]
        assert not get(store, project="q", id=foreign.id).deleted
