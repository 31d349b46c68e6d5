"""How every store must find and list versions, and move aliases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from argosy_server.domain.artifact import ArtifactSpec, ArtifactVersion
from argosy_server.domain.errors import ArtifactNotFound, CursorExpired
from argosy_server.domain.identifiers import new_id
from argosy_server.domain.limits import Limits
from argosy_server.domain.paging import Page, PageRequest
from argosy_server.domain.pipeline import RunState
from argosy_server.usecases.ports import MetadataStore
from tests.contracts.metadata_facts import (
    FIRST_PAGE,
    SPEC,
    add,
    completed_run,
    get,
    new_run,
    put_blob,
    replayed_run,
    returned,
    save,
    save_named,
    start,
)


def near(store: MetadataStore, name: str, **how: str) -> str:
    with pytest.raises(ArtifactNotFound) as caught:
        get(store, name, **how)
    return caught.value.metadata.get("near", "")


def listed(
    store: MetadataStore, page: PageRequest = FIRST_PAGE, project: str = "p", **how: Any
) -> Page[ArtifactVersion]:
    with store.read() as tx:
        return tx.artifacts.list_versions(project, page, **how)


def labels(page: Page[ArtifactVersion]) -> list[str]:
    return [version.version for version in page.rows]


class FindingContract:
    def test_many_come_in_the_order_asked_for_without_files_and_also_deleted(self, store: MetadataStore) -> None:
        with store.write() as tx:
            file = put_blob(tx, b"x")
        a, b = save(store, files=[file]), save(store, replace(SPEC, aliases=("prod",)))
        with store.write() as tx:
            tx.artifacts.delete("p", a.id)
            found = tx.artifacts.get_many("p", [b.id, a.id, b.id])

        assert [version.id for version in found] == [b.id, a.id, b.id]
        assert found[1].deleted
        assert found[0].aliases == ("prod",)
        assert all(version.files == () for version in found)

    def test_many_with_one_unknown_are_refused(self, store: MetadataStore) -> None:
        version = save(store)
        unknown = new_id()

        with pytest.raises(ArtifactNotFound, match=unknown), store.read() as tx:
            tx.artifacts.get_many("p", [version.id, unknown])

    def test_an_unknown_name_suggests_similar_ones_of_the_project(self, store: MetadataStore) -> None:
        for name in ("weights", "Weight", "models/weights", "features"):
            save_named(store, name)
        save_named(store, "weighty", project="q")

        suggested = near(store, "wieghts").split(", ")
        assert suggested[0] == "weights"
        assert set(suggested) <= {"weights", "Weight", "models/weights"}
        assert near(store, "completely different") == ""

    def test_at_most_five_names_are_suggested_and_no_deleted_ones(self, store: MetadataStore) -> None:
        for number in range(8):
            save_named(store, f"weights{number}")
        gone = save_named(store, "weights")
        with store.write() as tx:
            tx.artifacts.delete("p", gone.id)

        suggested = near(store, "weights").split(", ")
        assert len(suggested) == 5
        assert "weights" not in suggested

    def test_an_unknown_version_or_alias_suggests_those_that_exist(self, store: MetadataStore) -> None:
        save(store, replace(SPEC, version="final", aliases=("prod",)))

        assert near(store, "weights", version="finale") == "final"
        assert near(store, "weights", version="7") == "final"
        assert near(store, "weights", alias="staging") == "prod"

    def test_an_alias_moves_and_both_versions_are_revised(self, store: MetadataStore) -> None:
        old, new = save(store, replace(SPEC, aliases=("prod",))), save(store)
        with store.write() as tx:
            moved = tx.artifacts.set_alias("p", "prod", new)

        assert moved == get(store, alias="prod")
        assert (moved.id, moved.aliases) == (new.id, ("prod",))
        assert moved.etag != new.etag
        left = get(store, id=old.id)
        assert left.aliases == ()
        assert left.etag != old.etag

    def test_setting_an_alias_where_it_is_changes_nothing(self, store: MetadataStore) -> None:
        version = save(store, replace(SPEC, aliases=("prod",)))
        with store.write() as tx:
            assert tx.artifacts.set_alias("p", "prod", version) == version

    def test_a_new_version_takes_its_aliases_from_older_ones(self, store: MetadataStore) -> None:
        old = save(store, replace(SPEC, aliases=("prod", "best")))
        new = save(store, replace(SPEC, aliases=("prod",)))

        assert get(store, alias="prod").id == new.id
        assert get(store, alias="best").id == old.id
        left = get(store, id=old.id)
        assert left.aliases == ("best",)
        assert left.etag != old.etag

    def test_the_same_alias_of_two_artifacts_is_two_aliases(self, store: MetadataStore) -> None:
        made = [save(store, replace(SPEC, name=name, aliases=("prod",))) for name in ("a", "b")]

        assert [get(store, name, alias="prod") for name in ("a", "b")] == made

    def test_a_deleted_alias_is_gone_and_its_version_revised(self, store: MetadataStore) -> None:
        version = save(store, replace(SPEC, aliases=("prod",)))
        with store.write() as tx:
            tx.artifacts.delete_alias("p", "weights", "prod")

        with pytest.raises(ArtifactNotFound):
            get(store, alias="prod")
        left = get(store, id=version.id)
        assert (left.aliases, left.etag != version.etag) == ((), True)
        with pytest.raises(ArtifactNotFound), store.write() as tx:
            tx.artifacts.delete_alias("p", "weights", "prod")

    def test_pipeline_name_means_its_last_completed_run_cached_outputs_included(self, store: MetadataStore) -> None:
        a = completed_run(store)
        b = completed_run(store)
        assert get(store, "model", pipeline_name="training").id == b.id

        replayed_run(store, a)
        assert get(store, "model", pipeline_name="training").id == a.id
        assert get(store, "model").id == b.id

    def test_runs_that_did_not_complete_and_other_pipelines_do_not_count(self, store: MetadataStore) -> None:
        version = completed_run(store)
        completed_run(store, pipeline="other")
        with store.write() as tx:
            for state in (RunState.FAILED, RunState.CANCELLED, None):
                run = new_run(tx)
                returned(tx, run, start(tx, run))
                if state:
                    tx.runs.finish(run, state, None)

        assert get(store, "model", pipeline_name="training").id == version.id

    def test_the_run_that_completed_last_counts_not_the_one_that_began_last(self, store: MetadataStore) -> None:
        with store.write() as tx:
            slow = new_run(tx)
        completed_run(store)
        with store.write() as tx:
            version = returned(tx, slow, start(tx, slow))
            tx.runs.finish(slow, RunState.COMPLETED, None)

        assert get(store, "model", pipeline_name="training").id == version.id

    def test_of_several_in_the_run_the_highest_ordinal_counts_saved_ones_too(self, store: MetadataStore) -> None:
        with store.write() as tx:
            run = new_run(tx)
            step = start(tx, run)
            returned(tx, run, step)
            saved = add(tx, "p", replace(SPEC, name="model"), [], None)
            tx.runs.add_saved("p", step.id, saved.id, 1)
            tx.runs.finish(run, RunState.COMPLETED, None)
        save_named(store, "model")

        assert get(store, "model", pipeline_name="training").id == saved.id

    def test_a_pipeline_whose_last_run_made_no_such_artifact_finds_none(self, store: MetadataStore) -> None:
        completed_run(store)
        completed_run(store, artifact="other")

        with pytest.raises(ArtifactNotFound, match="most recent completed run of pipeline 'training'"):
            get(store, "model", pipeline_name="training")


class ListContract:
    def test_artifacts_come_by_the_bytes_of_their_names_each_with_its_latest(self, store: MetadataStore) -> None:
        for name in ("b", "a", "Z", "é", "a", "a/b"):
            save_named(store, name)
        with store.write() as tx:
            page = tx.artifacts.list_artifacts("p", "", False, FIRST_PAGE)

        assert [row.name for row in page.rows] == ["Z", "a", "a/b", "b", "é"]
        assert page.last == ()
        assert [(row.latest.version, row.version_count) for row in page.rows][:2] == [("1", 1), ("2", 2)]

    def test_deleted_versions_do_not_count_and_artifacts_without_live_ones_are_left_out(
        self, store: MetadataStore
    ) -> None:
        keep, drop, gone = save_named(store, "a"), save_named(store, "a"), save_named(store, "b")
        with store.write() as tx:
            tx.artifacts.delete("p", drop.id)
            tx.artifacts.delete("p", gone.id)
            page = tx.artifacts.list_artifacts("p", "", True, FIRST_PAGE)

        assert [(row.name, row.latest.id, row.version_count) for row in page.rows] == [("a", keep.id, 1)]

    def test_artifacts_are_filtered_by_part_of_the_name_and_unnamed_ones_hidden(self, store: MetadataStore) -> None:
        for name, named in (("Größe", True), ("x::fit::output", False), ("100%_sure", True), ("100 percent", True)):
            save(store, ArtifactSpec(name=name, format="json", named=named))

        def names(part: str, include_unnamed: bool) -> list[str]:
            with store.read() as tx:
                rows = tx.artifacts.list_artifacts("p", part, include_unnamed, FIRST_PAGE).rows
                return [row.name for row in rows]

        assert names("grösse".upper(), False) == ["Größe"]
        assert names("0%_s", False) == ["100%_sure"]
        assert names("output", False) == []
        assert names("output", True) == ["x::fit::output"]

    def test_artifact_pages_lead_through_all_also_while_others_are_added(self, store: MetadataStore) -> None:
        for name in "bdfhj":
            save_named(store, name)
        seen: list[str] = []
        page = PageRequest(2)
        while True:
            with store.read() as tx:
                got = tx.artifacts.list_artifacts("p", "", False, page)
            seen += [row.name for row in got.rows]
            if not got.last:
                break
            save_named(store, "a")
            save_named(store, "k")
            page = PageRequest(2, got.last)

        assert seen == ["b", "d", "f", "h", "j", "k"]

    def test_versions_come_newest_first_or_oldest_first(self, store: MetadataStore) -> None:
        for label in "123":
            save_named(store, "a", label)

        assert labels(listed(store)) == ["3", "2", "1"]
        assert labels(listed(store, oldest_first=True)) == ["1", "2", "3"]
        assert labels(listed(store, project="q")) == []

    def test_version_pages_lead_through_all_also_while_others_are_added(self, store: MetadataStore) -> None:
        for label in "12345":
            save_named(store, "a", label)
        seen: list[str] = []
        page = PageRequest(2)
        while True:
            got = listed(store, page)
            seen += labels(got)
            if not got.last:
                break
            save_named(store, "a")
            page = PageRequest(2, got.last)

        assert seen == ["5", "4", "3", "2", "1"]

    def test_a_last_page_that_is_full_leads_nowhere(self, store: MetadataStore) -> None:
        for _ in range(2):
            save(store)

        assert listed(store, PageRequest(2)).last == ()

    def test_versions_are_filtered_by_name_pipeline_and_tag(self, store: MetadataStore) -> None:
        made = completed_run(store)
        tagged = save(store, replace(SPEC, tags=("eu", "x")))
        gone = save(store, replace(SPEC, tags=("eu",)))
        with store.write() as tx:
            tx.artifacts.delete("p", gone.id)

        def ids(**how: Any) -> list[str]:
            return [version.id for version in listed(store, **how).rows]

        assert ids(name="weights") == [tagged.id]
        assert ids(pipeline_name="training") == [made.id]
        assert ids(tag="eu") == [tagged.id]
        assert ids(tag="eu", name="model") == []
        assert ids(name="unknown") == []

    def test_a_replaced_tag_finds_nothing_any_more(self, store: MetadataStore) -> None:
        version = save(store, replace(SPEC, tags=("old",)))
        with store.write() as tx:
            tx.artifacts.update("p", version.id, tags=["new"])

        assert [len(listed(store, tag=tag).rows) for tag in ("old", "new")] == [0, 1]

    def test_versions_are_filtered_by_the_time_of_their_creation(self, store: MetadataStore) -> None:
        first, second = save(store), save(store)
        assert first.created_at < second.created_at
        moment: datetime = second.created_at
        later = moment + timedelta(microseconds=1)

        assert labels(listed(store, created_from=moment)) == ["2"]
        assert labels(listed(store, created_until=moment)) == ["1"]
        assert labels(listed(store, created_from=later)) == []
        assert labels(listed(store, created_until=later)) == ["2", "1"]

    def test_pages_are_bounded_in_bytes_and_hold_at_least_one_row(self, store: MetadataStore) -> None:
        large = {"facts": "x" * (Limits.max_page_bytes // 2)}
        for _ in range(3):
            save(store, replace(SPEC, metadata=large))
        save(store, replace(SPEC, metadata={"facts": "x" * (Limits.max_page_bytes * 2)}))
        sizes: list[int] = []
        page = FIRST_PAGE
        while True:
            got = listed(store, page)
            sizes.append(len(got.rows))
            if not got.last:
                break
            page = PageRequest(page.size, got.last)

        assert sizes == [1, 1, 1, 1]

    def test_a_token_of_another_list_is_refused(self, store: MetadataStore) -> None:
        for after in ((1, 2), ("name",), (True,)):
            with pytest.raises(CursorExpired):
                listed(store, PageRequest(2, after))
        with pytest.raises(CursorExpired), store.read() as tx:
            tx.artifacts.list_artifacts("p", "", False, PageRequest(2, (7,)))
