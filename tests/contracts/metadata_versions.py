"""What every store must keep about versions: numbers, labels, tombstones, changes."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from argosy_server.domain.artifact import ArtifactFile, ArtifactKind, ArtifactSpec, NewVersion, content_digest
from argosy_server.domain.errors import ArtifactNotFound, BlobMissing, EtagMismatch, LimitExceeded, VersionExists
from argosy_server.usecases.ports import MetadataStore, Transaction
from tests.contracts.metadata_facts import PAST, SPEC, add, blob_of, digest, get, put_blob, save, save_named

LAST = "999999999999999999"


def add_and_fail(tx: Transaction) -> None:
    add(tx, "p", replace(SPEC, name="a"), [], None)
    add(tx, "p", replace(SPEC, name="b"), [ArtifactFile("value", digest(1), 1)], None)


class VersionContract:
    def test_live_digests_are_those_of_live_versions_of_the_project(self, store: MetadataStore) -> None:
        with store.write() as tx:
            one, two = put_blob(tx, b"one"), put_blob(tx, b"two")
        both = save(store, files=[one, replace(two, path="two"), replace(two, path="again")])
        empty, deleted, foreign = save(store), save(store, files=[one]), save(store, project="q")
        with store.write() as tx:
            tx.artifacts.delete("p", deleted.id)
            ids = [both.id, empty.id, deleted.id, foreign.id]
            assert tx.artifacts.live_digests("p", ids) == {both.id: {one.digest, two.digest}, empty.id: frozenset()}

    def test_versions_added_together_are_numbered_in_their_order_for_each_name(self, store: MetadataStore) -> None:
        save_named(store, "a")
        specs = [replace(SPEC, name=name) for name in ("a", "b", "a", "b", "a")]
        with store.write() as tx:
            added = tx.artifacts.add_many("p", [NewVersion(spec, []) for spec in specs])
        assert [(version.name, version.version, version.ordinal) for version in added] == [
            ("a", "2", 2), ("b", "1", 1), ("a", "3", 3), ("b", "2", 2), ("a", "4", 4),
        ]  # fmt: skip
        assert [get(store, id=version.id) for version in added] == added
        assert save_named(store, "a").version == "5"

    def test_a_number_given_by_hand_counts_for_those_added_after_it(self, store: MetadataStore) -> None:
        specs = [replace(SPEC, version=label) for label in ("", "7", "", "best", "")]
        with store.write() as tx:
            added = tx.artifacts.add_many("p", [NewVersion(spec, []) for spec in specs])
        assert [(version.version, version.ordinal) for version in added] == [
            ("1", 1), ("7", 2), ("8", 3), ("best", 4), ("9", 5),
        ]  # fmt: skip

    def test_of_versions_added_together_a_label_that_is_taken_refuses_all(self, store: MetadataStore) -> None:
        save(store, replace(SPEC, version="taken"))
        wanted = [NewVersion(SPEC, []), NewVersion(replace(SPEC, version="taken"), [])]
        with pytest.raises(VersionExists, match="'taken'"), store.write() as tx:
            tx.artifacts.add_many("p", wanted)
        with pytest.raises(VersionExists, match="'same'"), store.write() as tx:
            tx.artifacts.add_many("p", [NewVersion(replace(SPEC, version="same"), [])] * 2)
        assert save(store).version == "1"

    def test_the_last_of_those_added_together_keeps_the_alias(self, store: MetadataStore) -> None:
        with store.write() as tx:
            first, last = tx.artifacts.add_many("p", [NewVersion(replace(SPEC, aliases=("prod",)), [])] * 2)
        assert get(store, alias="prod").id == last.id
        assert get(store, id=first.id).aliases == ()

    def test_a_version_reads_back_as_it_was_added(self, store: MetadataStore) -> None:
        spec = ArtifactSpec(
            name="models/größe",
            format="npy",
            data_type="numpy:ndarray",
            materializer="argosy:Numpy",
            kind=ArtifactKind.EXTERNAL,
            metadata={"shape": "[2, 3]", "unit": '"µm"'},
            tags=("b", "a", "b"),
            aliases=("prod", "best"),
            named=False,
        )
        with store.write() as tx:
            before = tx.now()
            file = put_blob(tx, b"bytes")
            added = add(tx, "p", spec, [replace(file, path="z"), replace(file, path="a/b")], None)

        assert get(store, id=added.id) == added
        assert (added.version, added.ordinal, added.name) == ("1", 1, "models/größe")
        assert added.tags == ("a", "b")
        assert added.aliases == ("best", "prod")
        assert [file.path for file in added.files] == ["a/b", "z"]
        assert (added.file_count, added.size) == (2, 10)
        assert added.content_digest == content_digest(added.files)
        assert added.metadata == {"shape": "[2, 3]", "unit": '"µm"'}
        assert added.producer is None
        assert not added.deleted
        assert before <= added.created_at <= before + timedelta(minutes=1)

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_any_number_of_files_reads_back_by_every_way(self, store: MetadataStore, count: int) -> None:
        with store.write() as tx:
            file = put_blob(tx, b"bytes")
        paths = [str(index) for index in range(count)]
        saved = save(store, replace(SPEC, aliases=("prod",)), [replace(file, path=path) for path in paths])

        assert [(file.path, file.size) for file in saved.files] == [(path, 5) for path in paths]
        found = [get(store), get(store, id=saved.id), get(store, version="1"), get(store, alias="prod")]
        assert found == [saved] * 4

    def test_numbers_follow_each_other_in_each_artifact_and_project(self, store: MetadataStore) -> None:
        made = [save_named(store, "a"), save_named(store, "a"), save_named(store, "b"), save(store, project="q")]

        assert [version.version for version in made] == ["1", "2", "1", "1"]

    def test_an_explicit_number_raises_the_counter(self, store: MetadataStore) -> None:
        labels = [save_named(store, "a", label).version for label in ("10", "", "5", "")]

        assert labels == ["10", "11", "5", "12"]

    def test_a_label_takes_no_number(self, store: MetadataStore) -> None:
        labels = [save_named(store, "a", label).version for label in ("", "final", "")]

        assert labels == ["1", "final", "2"]

    def test_the_latest_is_the_one_created_last_whatever_its_number(self, store: MetadataStore) -> None:
        for label in ("12", "5"):
            save_named(store, "a", label)

        assert get(store, "a").version == "5"

    def test_a_taken_label_is_refused_and_leaves_nothing_behind(self, store: MetadataStore) -> None:
        save_named(store, "a", "1")

        with pytest.raises(VersionExists, match="'a' has a version '1'"):
            save_named(store, "a", "1")
        assert save_named(store, "a").ordinal == 2

    def test_a_rolled_back_add_leaves_no_gap(self, store: MetadataStore) -> None:
        save_named(store, "a")
        with pytest.raises(BlobMissing), store.write() as tx:
            add_and_fail(tx)

        version = save_named(store, "a")
        assert (version.version, version.ordinal) == ("2", 2)

    def test_when_no_number_is_left_it_says_so(self, store: MetadataStore) -> None:
        save_named(store, "a", LAST)

        with pytest.raises(LimitExceeded, match="give a label"):
            save_named(store, "a")
        assert save_named(store, "a", "next").version == "next"

    def test_racing_threads_get_exactly_the_next_numbers(self, store: MetadataStore) -> None:
        got: list[int] = []

        def add_many() -> None:
            for _ in range(10):
                got.append(int(save_named(store, "a").version))  # noqa: PERF401  # other threads append too

        threads = [threading.Thread(target=add_many) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == list(range(1, 81))

    def test_a_file_without_a_live_blob_is_refused_and_leaves_nothing_behind(self, store: MetadataStore) -> None:
        files = [ArtifactFile(f"f{number}", digest(number), 1) for number in range(25)]

        with pytest.raises(BlobMissing) as caught:
            save(store, files=files)
        message = str(caught.value)
        assert message.count("blake3:") == 20
        assert "and 5 more" in message
        assert save(store).version == "1"

    def test_only_blobs_the_transaction_inserted_are_taken_on_trust(self, store: MetadataStore) -> None:
        with store.write() as tx:
            gone, fresh = put_blob(tx, b"gone", lease=PAST), put_blob(tx, b"fresh")
            tx.blobs.mark_deleting([blob_of(b"gone")])
            files = [replace(gone, path="gone"), replace(fresh, path="fresh")]
            with pytest.raises(BlobMissing, match=gone.digest.text):
                add(tx, "p", SPEC, files, None, inserted={fresh.digest})
            added = add(tx, "p", SPEC, [fresh], None, inserted={fresh.digest})

        assert get(store) == added

    def test_a_blob_of_another_project_is_missing(self, store: MetadataStore) -> None:
        with store.write() as tx:
            file = put_blob(tx, b"secret", "q")

        with pytest.raises(BlobMissing):
            save(store, files=[file])

    def test_two_paths_may_hold_the_same_bytes(self, store: MetadataStore) -> None:
        with store.write() as tx:
            file = put_blob(tx, b"same")
            version = add(tx, "p", SPEC, [file, replace(file, path="copy")], None)

        assert [file.path for file in version.files] == ["copy", "value"]

    def test_tags_are_replaced_and_metadata_merged(self, store: MetadataStore) -> None:
        version = save(store, replace(SPEC, tags=("old",), metadata={"keep": "1", "drop": "2", "change": "3"}))
        with store.write() as tx:
            changed = tx.artifacts.update("p", version.id, tags=["z", "a"], metadata={"drop": "", "change": "4"})

        assert changed == get(store, id=version.id)
        assert changed.tags == ("a", "z")
        assert changed.metadata == {"keep": "1", "change": "4"}
        assert changed.etag != version.etag

    def test_what_is_not_given_stays(self, store: MetadataStore) -> None:
        version = save(store, replace(SPEC, tags=("t",), metadata={"a": "1"}))
        with store.write() as tx:
            assert tx.artifacts.update("p", version.id, metadata={"b": "2"}).tags == ("t",)
            assert tx.artifacts.update("p", version.id, tags=[]).metadata == {"a": "1", "b": "2"}

    def test_a_description_is_replaced_and_gone_with_the_value(self, store: MetadataStore) -> None:
        version = save(store, replace(SPEC, description="before"))
        with store.write() as tx:
            changed = tx.artifacts.update("p", version.id, description="after")
            untouched = tx.artifacts.update("p", version.id, tags=["b"])
            buried = tx.artifacts.delete("p", version.id)
        assert [version.description, changed.description, untouched.description] == ["before", "after", "after"]
        assert buried.description == ""

    def test_a_stale_etag_is_refused(self, store: MetadataStore) -> None:
        version = save(store)
        with store.write() as tx:
            tx.artifacts.update("p", version.id, tags=["first"], etag=version.etag)

        with pytest.raises(EtagMismatch, match=version.etag), store.write() as tx:
            tx.artifacts.update("p", version.id, tags=["second"], etag=version.etag)
        assert get(store, id=version.id).tags == ("first",)

    def test_a_deleted_version_is_found_by_id_only(self, store: MetadataStore) -> None:
        with store.write() as tx:
            file = put_blob(tx, b"x")
        spec = replace(SPEC, tags=("t",), aliases=("prod",), metadata={"a": "1"})
        kept, gone = save(store), save(store, spec, [file])
        with store.write() as tx:
            tombstone = tx.artifacts.delete("p", gone.id)

        assert tombstone == get(store, id=gone.id)
        assert tombstone.deleted
        assert (tombstone.version, tombstone.ordinal) == ("2", 2)
        assert (tombstone.files, tombstone.tags, tombstone.aliases, tombstone.metadata) == ((), (), (), {})
        assert get(store).id == kept.id
        for how in ({"version": "2"}, {"alias": "prod"}):
            with pytest.raises(ArtifactNotFound):
                get(store, **how)

    def test_labels_and_numbers_of_deleted_versions_stay_taken(self, store: MetadataStore) -> None:
        version = save(store)
        with store.write() as tx:
            tx.artifacts.delete("p", version.id)

        with pytest.raises(VersionExists):
            save_named(store, "weights", "1")
        again = save(store)
        assert (again.version, again.ordinal) == ("2", 2)

    def test_a_deleted_version_cannot_change_any_more(self, store: MetadataStore) -> None:
        version = save(store)
        with store.write() as tx:
            tx.artifacts.delete("p", version.id)

        with store.write() as tx:
            with pytest.raises(ArtifactNotFound, match="was deleted"):
                tx.artifacts.get_live("p", version.id)
            with pytest.raises(ArtifactNotFound, match="was deleted"):
                tx.artifacts.update("p", version.id, tags=["t"])
            with pytest.raises(ArtifactNotFound, match="was deleted"):
                tx.artifacts.set_alias("p", "prod", version)
            with pytest.raises(ArtifactNotFound, match="was deleted"):
                tx.artifacts.delete("p", version.id)

    def test_another_project_can_neither_see_nor_change_a_version(self, store: MetadataStore) -> None:
        version = save(store, replace(SPEC, aliases=("prod",)))

        for how in ({"id": version.id}, {"alias": "prod"}, {"version": "1"}, {}):
            with pytest.raises(ArtifactNotFound):
                get(store, project="q", **how)
        with store.write() as tx:
            with pytest.raises(ArtifactNotFound):
                tx.artifacts.get_many("q", [version.id])
            with pytest.raises(ArtifactNotFound):
                tx.artifacts.update("q", version.id, tags=["t"])
            with pytest.raises(ArtifactNotFound):
                tx.artifacts.set_alias("q", "prod", version)
            with pytest.raises(ArtifactNotFound):
                tx.artifacts.delete_alias("q", "weights", "prod")
            with pytest.raises(ArtifactNotFound):
                tx.artifacts.delete("q", version.id)
            assert not tx.artifacts.is_used("q", version.id)
        assert get(store, id=version.id) == version
