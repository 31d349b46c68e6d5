"""How every store must narrow lists of versions: by facts, and by several filters together, page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from argosy_server.domain.artifact import ArtifactVersion, Producer
from argosy_server.domain.paging import PageRequest
from argosy_server.usecases.ports import MetadataStore
from tests.contracts.metadata_facts import SPEC, add, new_run, save, start
from tests.contracts.metadata_finding import labels, listed


def with_metadata(store: MetadataStore, project: str = "p", **metadata: str) -> ArtifactVersion:
    return save(store, replace(SPEC, metadata=metadata), project=project)


class FilterContract:
    def test_versions_are_found_by_facts_with_an_equal_json_value(self, store: MetadataStore) -> None:
        first = with_metadata(store, epochs="10", shape="[2, 3]")
        second = with_metadata(store, epochs="10.0", shape="[2,3]")
        with_metadata(store, epochs='"10"', shape="[3,2]")
        with_metadata(store, project="q", epochs="10")

        assert labels(listed(store, metadata={"epochs": "1e1"})) == [second.version, first.version]
        assert labels(listed(store, metadata={"epochs": "10"}, oldest_first=True)) == [first.version, second.version]
        assert labels(listed(store, metadata={"shape": "[2.0,3]", "epochs": "10"})) == [second.version, first.version]
        assert labels(listed(store, metadata={"epochs": '"10"', "shape": "[2,3]"})) == []
        assert labels(listed(store, metadata={"epoch": "10"})) == []

    def test_facts_that_change_find_the_version_by_their_new_value_only(self, store: MetadataStore) -> None:
        version = with_metadata(store, kept="1", changed="1", removed="1", respelt="1")
        with store.write() as tx:
            tx.artifacts.update(
                "p", version.id, metadata={"changed": "2", "removed": "", "added": "3", "respelt": "1.0"}
            )

        for found in ({"kept": "1"}, {"changed": "2"}, {"added": "3"}, {"respelt": "1"}):
            assert labels(listed(store, metadata=found)) == ["1"], found
        for gone in ({"changed": "1"}, {"removed": "1"}):
            assert labels(listed(store, metadata=gone)) == [], gone

    def test_a_deleted_version_is_not_found_by_its_facts(self, store: MetadataStore) -> None:
        version = with_metadata(store, score="0.5")
        with store.write() as tx:
            tx.artifacts.delete("p", version.id)
        assert labels(listed(store, metadata={"score": "0.5"})) == []

    def test_all_filters_hold_together(self, store: MetadataStore) -> None:
        wanted = save(store, replace(SPEC, metadata={"a": "1"}, tags=("t",)))
        save(store, replace(SPEC, metadata={"a": "1"}))
        save(store, replace(SPEC, metadata={"a": "2"}, tags=("t",)))
        save(store, replace(SPEC, name="other", metadata={"a": "1"}, tags=("t",)))

        how: dict[str, Any] = {"metadata": {"a": "1"}, "tag": "t", "name": SPEC.name}
        assert [version.id for version in listed(store, **how).rows] == [wanted.id]
        assert listed(store, **how, created_from=wanted.created_at + timedelta(seconds=1)).rows == []
        assert listed(store, **how, pipeline_name="training").rows == []

    @pytest.mark.parametrize("oldest_first", [False, True])
    @pytest.mark.parametrize("filtered", ["facts", "tag", "time", "name", "pipeline", "nothing"])
    def test_pages_of_any_filter_follow_each_other(
        self, store: MetadataStore, filtered: str, oldest_first: bool
    ) -> None:
        with store.write() as tx:
            run = new_run(tx)
            steps = [start(tx, run, f"fit_{number}") for number in range(5)]
            spec = replace(SPEC, metadata={"a": "1"}, tags=("t",))
            made = [
                add(tx, "p", spec, [], Producer(run.id, step.id, run.pipeline_name, step.invocation)).id
                for step in steps
            ]
        since = datetime(2020, 1, 1, tzinfo=timezone.utc)
        filters: dict[str, dict[str, Any]] = {
            "facts": {"metadata": {"a": "1"}},
            "tag": {"tag": "t"},
            "time": {"created_from": since},
            "name": {"name": SPEC.name, "created_from": since},
            "pipeline": {"pipeline_name": "training"},
            "nothing": {},
        }
        how = filters[filtered]
        seen: list[str] = []
        page = listed(store, PageRequest(2), oldest_first=oldest_first, **how)
        seen += [version.id for version in page.rows]
        while page.last:
            page = listed(store, PageRequest(2, page.last), oldest_first=oldest_first, **how)
            seen += [version.id for version in page.rows]
        assert seen == (made if oldest_first else made[::-1])
