"""What every store must tell about all of itself, and what a grace keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from argosy_server.usecases.ports import MetadataStore, Transaction
from argosy_server.usecases.ports.repositories import KeptReply
from argosy_server.usecases.ports.survey import BlobUser, Reference
from tests.contracts.metadata_facts import HOUR, NONE, PAST, SPEC, blob_of, put_blob, save, save_named

AWAY = replace(blob_of(b"large"), location="ab/abc.writer")
MINUTES_AGO = timedelta(minutes=-10)
SHORT, LONG = timedelta(minutes=5), timedelta(minutes=15)


def delete(tx: Transaction, blob_count: int) -> None:
    marked = tx.blobs.mark_deleting(tx.blobs.unreachable(None, blob_count))
    assert len(marked) == blob_count


class SurveyContract:
    def test_an_empty_store_has_nothing(self, store: MetadataStore) -> None:
        with store.read() as tx:
            assert tx.survey.totals() == (0, 0)
            assert tx.survey.blobs(None, 10) == []
            assert tx.survey.references(None, 10) == []
            assert tx.survey.uploads_under_way() == 0
            assert tx.survey.removable_uploads("", 10, NONE) == []

    def test_live_blobs_of_all_projects_come_page_by_page(self, store: MetadataStore) -> None:
        contents = [str(number).encode() * 3 for number in range(3)]
        with store.write() as tx:
            for project in ("p", "q"):
                for content in contents:
                    put_blob(tx, content, project)
            put_blob(tx, b"going", lease=PAST)
            delete(tx, 1)
        with store.read() as tx:
            first = tx.survey.blobs(None, 4)
            second = tx.survey.blobs(first[-1], 4)
            assert tx.survey.blobs(second[-1], 4) == []
            assert tx.survey.totals() == (6, 18)
        expected = sorted((p, blob_of(c).digest.text) for p in ("p", "q") for c in contents)
        assert [(blob.project, blob.digest.text) for blob in [*first, *second]] == expected
        assert len(first) == 4

    def test_each_digest_files_name_comes_once_and_says_whether_its_blob_is_live(self, store: MetadataStore) -> None:
        with store.write() as tx:
            one, two = put_blob(tx, b"one"), put_blob(tx, b"two!")
            other = put_blob(tx, b"one", "q")
        save(store, files=[one, replace(two, path="second")])
        save(store, files=[one])
        save(store, files=[other], project="q")
        with store.read() as tx:
            first = tx.survey.references(None, 2)
            second = tx.survey.references(first[-1], 2)
            assert tx.survey.references(second[-1], 2) == []
        both = sorted(
            [Reference("p", one.digest, 3, True), Reference("p", two.digest, 4, True)], key=lambda it: it.digest.text
        )
        assert [*first, *second] == [*both, Reference("q", one.digest, 3, True)]

    def test_the_versions_that_use_a_blob_are_told_once_each_oldest_first(self, store: MetadataStore) -> None:
        with store.write() as tx:
            file = put_blob(tx, b"used")
            put_blob(tx, b"used", "q")
        save(store, replace(SPEC, version="first"), files=[file, replace(file, path="again")])
        save(store, replace(SPEC, name="a"), files=[file])
        gone = save(store, files=[file])
        save(store, files=[file], project="q")
        save_named(store, "uninvolved")
        with store.write() as tx:
            tx.artifacts.delete("p", gone.id)
            assert tx.survey.users("p", file.digest, 5) == [BlobUser("weights", "first"), BlobUser("a", "1")]
            assert tx.survey.users("p", file.digest, 1) == [BlobUser("weights", "first")]

    def test_uploads_are_under_way_until_their_lease_ends(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.uploads.add("p", HOUR)
            tx.uploads.add("q", HOUR)
            tx.uploads.add("p", PAST)
            assert tx.survey.uploads_under_way() == 2

    def test_what_is_removable_is_what_is_removed(self, store: MetadataStore) -> None:
        with store.write() as tx:
            kept = tx.uploads.add("p", HOUR)
            expired = [tx.uploads.add(project, PAST) for project in ("p", "q", "p")]
            first = tx.survey.removable_uploads("", 2, NONE)
            second = tx.survey.removable_uploads(first[-1].id, 2, NONE)
            found = [(row.id, row.project) for row in [*first, *second]]
            assert (found, len(first)) == (sorted((upload.id, upload.project) for upload in expired), 2)
            assert tx.uploads.remove_expired() == 3
            assert tx.survey.removable_uploads("", 2, NONE) == []
            assert tx.uploads.get("p", kept.id) == kept

    def test_old_replies_and_events_are_counted(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.replies.store("p", {"id": KeptReply(b"fingerprint", b"reply")})
            tx.events.append("p", "kind", {})
            counts = [(tx.survey.replies_older_than(age), tx.survey.events_older_than(age)) for age in (PAST, HOUR)]
        assert counts == [(1, 1), (0, 0)]


class GraceContract:
    def test_a_blob_whose_lease_just_expired_stays_for_the_grace(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.blobs.insert(AWAY, None, MINUTES_AGO)
            assert tx.blobs.unreachable(None, 10, LONG) == []
            found = tx.blobs.unreachable(None, 10, SHORT)
            assert found == [AWAY]
            assert tx.blobs.mark_deleting(found, LONG) == []
            assert tx.blobs.mark_deleting(found, SHORT) == [AWAY]

    def test_an_upload_that_just_expired_stays_for_the_grace(self, store: MetadataStore) -> None:
        with store.write() as tx:
            upload = tx.uploads.add("p", MINUTES_AGO)
            assert tx.survey.removable_uploads("", 10, LONG) == []
            assert [row.id for row in tx.survey.removable_uploads("", 10, SHORT)] == [upload.id]
            assert tx.blobs.known_locations([upload.location], LONG) == {upload.location}
            assert tx.blobs.known_locations([upload.location], SHORT) == set()
            assert tx.uploads.remove_expired(LONG) == 0
            assert tx.uploads.remove_expired(SHORT) == 1
