"""What every store must keep about blobs and uploads: leases, references, and when they may go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argosy_server.domain.blob import Blob, UploadState
from argosy_server.domain.errors import BlobMissing, BlobNotFound, UploadNotFound
from argosy_server.domain.identifiers import new_id
from argosy_server.usecases.ports import MetadataStore, Transaction
from tests.contracts.metadata_facts import HOUR, NONE, PAST, SPEC, add, blob_of, digest, put_blob, save

BLOB = blob_of(b"content")
AWAY = replace(blob_of(b"large"), location="ab/abc.writer")


def mark(tx: Transaction, limit: int = 10) -> list[Blob]:
    return tx.blobs.mark_deleting(tx.blobs.unreachable(None, limit))


class BlobContract:
    def test_an_inserted_blob_is_found_with_its_bytes(self, store: MetadataStore) -> None:
        with store.write() as tx:
            assert tx.blobs.insert(BLOB, b"content", HOUR) == BLOB

        with store.read() as tx:
            assert tx.blobs.find("p", [BLOB.digest, digest(1)]) == {BLOB.digest: BLOB}
            assert tx.blobs.content(BLOB) == b"content"

    def test_an_empty_blob_is_a_blob(self, store: MetadataStore) -> None:
        empty = blob_of(b"")
        with store.write() as tx:
            tx.blobs.insert(empty, b"", HOUR)
            assert tx.blobs.content(empty) == b""

    def test_the_same_bytes_again_keep_the_blob_that_is_there(self, store: MetadataStore) -> None:
        first = replace(BLOB, location="ab/first")
        with store.write() as tx:
            tx.blobs.insert(first, None, HOUR)
            assert tx.blobs.insert(replace(BLOB, location="ab/second"), None, HOUR) == first
            assert tx.blobs.insert(BLOB, b"content", HOUR) == first
            assert tx.blobs.known_locations(["ab/first", "ab/second"]) == {"ab/first"}
            with pytest.raises(BlobNotFound):
                tx.blobs.content(first)

    def test_blobs_of_another_project_do_not_exist(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.blobs.insert(BLOB, b"content", HOUR)
            assert tx.blobs.find("q", [BLOB.digest]) == {}
            assert tx.blobs.lease("q", [BLOB.digest], HOUR) == set()
            with pytest.raises(BlobNotFound):
                tx.blobs.content(replace(BLOB, project="q"))

    def test_many_digests_are_found_at_once(self, store: MetadataStore) -> None:
        with store.write() as tx:
            files = [put_blob(tx, str(number).encode()) for number in range(50)]
            wanted = [file.digest for file in files] + [digest(number) for number in range(12_000)]
            assert set(tx.blobs.find("p", wanted)) == {file.digest for file in files}
            assert tx.blobs.lease("p", wanted, HOUR) == {file.digest for file in files}

    def test_an_unreferenced_blob_goes_in_three_steps_once_its_lease_is_over(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.blobs.insert(AWAY, None, PAST)
            assert mark(tx) == [AWAY]

        with store.write() as tx:
            assert tx.blobs.find("p", [AWAY.digest]) == {}
            assert tx.blobs.lease("p", [AWAY.digest], HOUR) == set()
            assert tx.blobs.known_locations([AWAY.location]) == {AWAY.location}
            assert mark(tx) == [AWAY]
            tx.blobs.remove([AWAY])
            assert tx.blobs.known_locations([AWAY.location]) == set()
            assert mark(tx) == []
            tx.blobs.remove([AWAY])

    def test_a_removed_blob_takes_its_bytes_along_and_can_come_back(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.blobs.insert(BLOB, b"content", PAST)
            mark(tx)
            tx.blobs.remove([BLOB])
            with pytest.raises(BlobNotFound):
                tx.blobs.content(BLOB)
            tx.blobs.insert(BLOB, b"content", HOUR)
            assert tx.blobs.content(BLOB) == b"content"

    def test_a_leased_blob_is_never_marked(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.blobs.insert(BLOB, b"content", HOUR)
            assert mark(tx) == []

    def test_a_lease_is_extended_but_never_shortened(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.blobs.insert(BLOB, b"content", PAST)
            assert tx.blobs.lease("p", [BLOB.digest], HOUR) == {BLOB.digest}
            tx.blobs.lease("p", [BLOB.digest], PAST)
            tx.blobs.insert(BLOB, b"content", PAST)
            assert mark(tx) == []

    def test_inserting_again_leases_the_blob_that_is_there(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.blobs.insert(BLOB, b"content", PAST)
            tx.blobs.insert(BLOB, b"content", HOUR)
            assert mark(tx) == []

    def test_a_referenced_blob_is_never_marked_until_its_last_version_is_deleted(self, store: MetadataStore) -> None:
        with store.write() as tx:
            file = put_blob(tx, b"content", lease=PAST)
        first, second = save(store, files=[file]), save(store, files=[file])

        with store.write() as tx:
            tx.artifacts.delete("p", first.id)
            assert mark(tx) == []
            tx.artifacts.delete("p", second.id)
            assert mark(tx) == [BLOB]

    def test_a_reference_in_one_project_does_not_keep_the_bytes_of_another(self, store: MetadataStore) -> None:
        with store.write() as tx:
            file = put_blob(tx, b"content", lease=PAST)
            put_blob(tx, b"content", "q", lease=PAST)
            add(tx, "p", SPEC, [file], None)
            assert [blob.project for blob in mark(tx)] == ["q"]

    def test_only_so_many_are_marked_at_once(self, store: MetadataStore) -> None:
        with store.write() as tx:
            for number in range(5):
                put_blob(tx, str(number).encode(), lease=PAST)
            marked = mark(tx, 3)
            assert len(marked) == 3
            tx.blobs.remove(marked)
            assert len(mark(tx, 3)) == 2

    def test_what_may_go_is_found_batch_by_batch_also_what_a_dead_sweep_marked(self, store: MetadataStore) -> None:
        with store.write() as tx:
            for project in ("p", "q"):
                for number in range(3):
                    put_blob(tx, str(number).encode(), project, lease=PAST)
            put_blob(tx, b"leased")
            mark(tx, 1)
        with store.read() as tx:
            first = tx.blobs.unreachable(None, 4)
            second = tx.blobs.unreachable(first[-1], 4)
            assert tx.blobs.unreachable(second[-1], 4) == []
        found = [(blob.project, blob.digest.text) for blob in [*first, *second]]
        assert (found, len(first), len(set(found))) == (sorted(found), 4, 6)

    def test_what_was_leased_or_referred_to_since_it_was_found_is_not_marked(self, store: MetadataStore) -> None:
        with store.write() as tx:
            leased, used, left = (put_blob(tx, content, lease=PAST) for content in (b"leased", b"used", b"left"))
            found = tx.blobs.unreachable(None, 10)
            tx.blobs.lease("p", [leased.digest], HOUR)
            add(tx, "p", SPEC, [used], None)
            assert [blob.digest for blob in tx.blobs.mark_deleting(found)] == [left.digest]
            assert set(tx.blobs.find("p", [leased.digest, used.digest])) == {leased.digest, used.digest}

    def test_a_blob_being_deleted_cannot_be_referred_to(self, store: MetadataStore) -> None:
        with store.write() as tx:
            file = put_blob(tx, b"content", lease=PAST)
            mark(tx)

        with pytest.raises(BlobMissing):
            save(store, files=[file])

    @pytest.mark.parametrize("before", ["", "ab/before"])
    @pytest.mark.parametrize("after", ["", "ab/after"])
    def test_the_same_bytes_may_come_back_while_the_sweep_that_marked_them_is_still_at_it_or_died(
        self, store: MetadataStore, before: str, after: str
    ) -> None:
        old, new = replace(BLOB, location=before), replace(BLOB, location=after)
        with store.write() as tx:
            tx.blobs.insert(old, None if before else b"content", PAST)
            assert mark(tx) == [old]
        with store.write() as tx:
            assert tx.blobs.insert(new, None if after else b"content", PAST) == new

        # The sweep goes on; then the new bytes are swept in their turn.
        with store.write() as tx:
            tx.blobs.remove([old])
            assert tx.blobs.find("p", [BLOB.digest]) == {BLOB.digest: new}
            if not after:
                assert tx.blobs.content(new) == b"content"
            assert mark(tx) == [new]
            tx.blobs.remove([new])
            assert mark(tx) == []

    def test_a_live_blob_is_not_removed(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.blobs.insert(BLOB, b"content", HOUR)
            tx.blobs.remove([BLOB])
            assert tx.blobs.find("p", [BLOB.digest]) == {BLOB.digest: BLOB}
            assert tx.blobs.content(BLOB) == b"content"


class BlobBatchContract:
    def test_many_small_blobs_are_inserted_and_read_at_once(self, store: MetadataStore) -> None:
        others = [b"one", b"two", b"three"]
        contents = [(blob_of(content), content) for content in others]
        with store.write() as tx:
            tx.blobs.insert_contents(contents, HOUR)
            tx.blobs.insert_contents(contents[:1], HOUR)
            digests = [blob.digest for blob, _ in contents]
            assert tx.blobs.find("p", digests) == {blob.digest: blob for blob, _ in contents}
            assert tx.blobs.contents("p", [*digests, blob_of(b"four").digest]) == {
                blob.digest: content for blob, content in contents
            }
            assert tx.blobs.contents("q", digests) == {}
            assert tx.blobs.unreachable(None, 10) == []

    def test_a_size_is_known_when_a_live_blob_outside_of_the_database_has_it(self, store: MetadataStore) -> None:
        outside, row = replace(BLOB, location="a/b"), blob_of(b"in a row")
        with store.write() as tx:
            tx.blobs.insert(outside, None, HOUR)
            tx.blobs.insert_contents([(row, b"in a row")], HOUR)
            assert tx.blobs.known_sizes("p", [outside.size, row.size, 12345]) == {outside.size}
            assert tx.blobs.known_sizes("q", [outside.size]) == set()


class UploadContract:
    def test_an_upload_is_open_and_empty_at_first(self, store: MetadataStore) -> None:
        with store.write() as tx:
            upload = tx.uploads.add("p", HOUR)
            assert tx.uploads.get("p", upload.id) == upload
            assert upload.expires_at > tx.now()
        assert (upload.state, upload.writer, upload.epoch) == (UploadState.OPEN, "", 0)
        assert (upload.size, upload.digest, upload.pieces) == (0, None, b"")

    def test_an_upload_is_as_it_was_put(self, store: MetadataStore) -> None:
        with store.write() as tx:
            upload = tx.uploads.add("p", HOUR)
            received = replace(upload, size=7, digest=BLOB.digest, pieces=BLOB.pieces)
            changed = tx.uploads.put(replace(received, writer="first", epoch=3), HOUR)
            assert tx.uploads.get("p", upload.id) == changed
            assert (changed.writer, changed.epoch, changed.size, changed.digest) == ("first", 3, 7, BLOB.digest)

    def test_an_upload_that_expired_is_of_another_project_or_unknown_is_not_found(self, store: MetadataStore) -> None:
        with store.write() as tx:
            upload, expired = tx.uploads.add("p", HOUR), tx.uploads.add("p", PAST)
            for project, upload_id in (("p", expired.id), ("q", upload.id), ("p", new_id())):
                with pytest.raises(UploadNotFound):
                    tx.uploads.get(project, upload_id)

    def test_a_change_renews_the_lease(self, store: MetadataStore) -> None:
        with store.write() as tx:
            upload = tx.uploads.add("p", PAST)
            tx.uploads.put(upload, HOUR)
            assert tx.uploads.get("p", upload.id).expires_at > tx.now()

    def test_expired_aborted_and_committed_uploads_are_removed(self, store: MetadataStore) -> None:
        with store.write() as tx:
            kept = tx.uploads.add("p", HOUR)
            tx.uploads.add("p", PAST)
            for state in (UploadState.ABORTED, UploadState.COMMITTED):
                tx.uploads.put(replace(tx.uploads.add("p", HOUR), state=state), HOUR)
            assert tx.uploads.remove_expired() == 3
            assert tx.uploads.remove_expired() == 0
            assert tx.uploads.get("p", kept.id) == kept

    def test_a_change_of_an_upload_that_was_removed_is_refused(self, store: MetadataStore) -> None:
        with store.write() as tx:
            upload = tx.uploads.add("p", PAST)
            tx.uploads.remove_expired()
            with pytest.raises(UploadNotFound):
                tx.uploads.put(upload, HOUR)

    def test_only_the_location_of_the_current_writer_of_an_open_upload_is_known(self, store: MetadataStore) -> None:
        with store.write() as tx:
            first = tx.uploads.put(replace(tx.uploads.add("p", HOUR), writer="one"), HOUR)
            second = tx.uploads.put(replace(first, writer="two"), HOUR)
            expired = tx.uploads.put(replace(tx.uploads.add("p", HOUR), writer="three"), PAST)
            given_up = replace(tx.uploads.add("p", HOUR), writer="four", state=UploadState.ABORTED)
            aborted = tx.uploads.put(given_up, HOUR)
            asked = [first.location, second.location, expired.location, aborted.location, "odd name", ""]
            assert tx.blobs.known_locations(asked) == {second.location}

    def test_a_zero_lease_is_over_at_once(self, store: MetadataStore) -> None:
        with store.write() as tx:
            upload = tx.uploads.add("p", NONE)
            while tx.now() == upload.expires_at:
                continue
            with pytest.raises(UploadNotFound):
                tx.uploads.get("p", upload.id)
