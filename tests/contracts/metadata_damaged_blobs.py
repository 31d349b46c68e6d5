"""What every store must keep about damaged blobs: still read, missing to whoever saves, repaired by the same bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from argosy_server.domain.artifact import ArtifactFile
from argosy_server.domain.blob import Blob
from argosy_server.domain.errors import BlobMissing
from argosy_server.usecases.ports import MetadataStore
from argosy_server.usecases.ports.survey import Reference
from tests.contracts.metadata_facts import HOUR, PAST, SPEC, add, blob_of, put_blob, save

ROW = blob_of(b"content")
AWAY = replace(ROW, location="ab/first", pieces=b"wrong678")


def put_damaged(store: MetadataStore, blob: Blob, lease: timedelta = HOUR, content: bytes = b"damaged") -> ArtifactFile:
    with store.write() as tx:
        tx.blobs.insert(blob, None if blob.location else content, lease)
        tx.blobs.mark_damaged(blob)
    return ArtifactFile("value", blob.digest, blob.size)


class DamagedBlobContract:
    def test_a_damaged_blob_is_still_found_with_its_bytes(self, store: MetadataStore) -> None:
        put_damaged(store, ROW)
        with store.read() as tx:
            assert tx.blobs.find("p", [ROW.digest]) == {ROW.digest: ROW}
            assert tx.blobs.content(ROW) == b"damaged"

    def test_a_damaged_blob_is_missing_to_whoever_saves(self, store: MetadataStore) -> None:
        file = put_damaged(store, AWAY)
        with store.write() as tx:
            assert tx.blobs.find_live("p", [AWAY.digest]) == {}
            assert tx.blobs.lease("p", [AWAY.digest], HOUR) == set()
            assert tx.blobs.known_sizes("p", [AWAY.size]) == set()
        with pytest.raises(BlobMissing):
            save(store, files=[file])

    def test_only_the_live_ones_of_many_are_live(self, store: MetadataStore) -> None:
        put_damaged(store, ROW)
        with store.write() as tx:
            live = put_blob(tx, b"live").digest
            assert set(tx.blobs.find_live("p", [ROW.digest, live])) == {live}
            assert tx.blobs.find_live("q", [live]) == {}

    @pytest.mark.parametrize("before", ["", "ab/before"])
    @pytest.mark.parametrize("after", ["", "ab/after"])
    def test_the_same_bytes_repair_a_damaged_blob_and_every_version_that_uses_it(
        self, store: MetadataStore, before: str, after: str
    ) -> None:
        old, new = replace(ROW, location=before, pieces=b"wrong678"), replace(ROW, location=after)
        with store.write() as tx:
            tx.blobs.insert(old, None if before else b"damaged", HOUR)
            add(tx, "p", SPEC, [ArtifactFile("value", old.digest, old.size)], None)
            tx.blobs.mark_damaged(old)
        with store.write() as tx:
            assert tx.blobs.insert(new, None if after else b"content", HOUR) == new
        with store.write() as tx:
            assert tx.blobs.find_live("p", [ROW.digest]) == {ROW.digest: new}
            assert tx.blobs.lease("p", [ROW.digest], HOUR) == {ROW.digest}
            assert tx.blobs.known_locations(["ab/before", "ab/after"]) == {after} - {""}
            if not after:
                assert tx.blobs.content(new) == b"content"

    def test_many_rows_are_repaired_at_once(self, store: MetadataStore) -> None:
        put_damaged(store, ROW)
        with store.write() as tx:
            tx.blobs.insert_contents([(ROW, b"content")], HOUR)
            assert tx.blobs.find_live("p", [ROW.digest]) == {ROW.digest: ROW}
            assert tx.blobs.contents("p", [ROW.digest]) == {ROW.digest: b"content"}

    def test_bytes_that_came_meanwhile_are_not_marked_for_the_damage_of_those_before(
        self, store: MetadataStore
    ) -> None:
        put_damaged(store, AWAY)
        repaired = replace(AWAY, location="ab/second")
        with store.write() as tx:
            tx.blobs.insert(repaired, None, HOUR)
            tx.blobs.mark_damaged(AWAY)
            tx.blobs.mark_damaged(replace(repaired, project="q"))
            assert tx.blobs.find_live("p", [AWAY.digest]) == {AWAY.digest: repaired}

    def test_a_blob_being_deleted_is_not_brought_back_by_its_damage(self, store: MetadataStore) -> None:
        with store.write() as tx:
            tx.blobs.insert(AWAY, None, PAST)
            tx.blobs.mark_deleting([AWAY])
            tx.blobs.mark_damaged(AWAY)
            assert tx.blobs.find("p", [AWAY.digest]) == {}

    def test_a_damaged_blob_that_is_right_after_all_is_live_again(self, store: MetadataStore) -> None:
        put_damaged(store, AWAY)
        with store.write() as tx:
            assert tx.survey.damaged() == [AWAY]
            assert tx.blobs.mark_live(AWAY)
            assert not tx.blobs.mark_live(AWAY)
            assert tx.survey.damaged() == []
            assert tx.blobs.find_live("p", [AWAY.digest]) == {AWAY.digest: AWAY}

    def test_only_the_bytes_that_were_read_are_live_again(self, store: MetadataStore) -> None:
        put_damaged(store, AWAY)
        with store.write() as tx:
            assert not tx.blobs.mark_live(replace(AWAY, location="ab/second"))
            assert not tx.blobs.mark_live(replace(AWAY, project="q"))
            assert tx.survey.damaged() == [AWAY]

    def test_a_blob_being_deleted_is_not_brought_back_by_bytes_that_are_right(self, store: MetadataStore) -> None:
        put_damaged(store, AWAY, PAST)
        with store.write() as tx:
            tx.blobs.mark_deleting([AWAY])
            assert not tx.blobs.mark_live(AWAY)
            assert tx.blobs.find("p", [AWAY.digest]) == {}

    def test_a_damaged_blob_is_kept_while_it_is_referred_to_or_leased(self, store: MetadataStore) -> None:
        put_damaged(store, AWAY)
        used = put_blob_in_use(store)
        with store.write() as tx:
            assert tx.blobs.unreachable(None, 10) == []
            assert tx.blobs.mark_deleting([AWAY, used]) == []
            assert tx.blobs.known_locations([AWAY.location]) == {AWAY.location}

    def test_a_damaged_blob_nothing_keeps_is_swept(self, store: MetadataStore) -> None:
        put_damaged(store, AWAY, PAST)
        with store.write() as tx:
            assert tx.blobs.unreachable(None, 10) == [AWAY]
            assert tx.blobs.mark_deleting([AWAY]) == [AWAY]
            tx.blobs.remove([AWAY])
            assert tx.blobs.known_locations([AWAY.location]) == set()

    def test_a_survey_sees_damaged_blobs(self, store: MetadataStore) -> None:
        used = put_blob_in_use(store)
        with store.read() as tx:
            assert tx.survey.totals() == (1, used.size)
            assert tx.survey.blobs(None, 10) == [used]
            assert tx.survey.references(None, 10) == [Reference("p", used.digest, used.size, True)]


def put_blob_in_use(store: MetadataStore) -> Blob:
    """Let a version use a blob that is damaged, and whose lease is over."""
    blob = blob_of(b"used")
    with store.write() as tx:
        add(tx, "p", SPEC, [put_blob(tx, b"used", lease=PAST)], None)
        tx.blobs.mark_damaged(blob)
    return blob
