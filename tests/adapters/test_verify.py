"""The check of a whole store, on real files and a real database: what is damage, what is told, and what is neither."""

from __future__ import annotations

import os
import re
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from argosy_server.adapters.blobs.local_storage import LocalStorage
from argosy_server.bootstrap import Application, build
from argosy_server.config import StoreConfig
from argosy_server.domain.artifact import ArtifactFile
from argosy_server.domain.blob import Blob, upload_location
from argosy_server.domain.errors import InvalidField, StorageUnavailable
from argosy_server.domain.identifiers import new_id
from argosy_server.usecases.ports.survey import BlobUser
from argosy_server.usecases.upkeep import verify_store as verifying
from argosy_server.usecases.upkeep.blob_subset import Subset, chooser, parse_subset
from argosy_server.usecases.upkeep.verify_store import Damage, DamageKind, VerifyReport, verify_store
from tests.backends.damage import flip_a_bit
from tests.backends.postgres import connect
from tests.contracts.metadata_facts import HOUR, PAST, SPEC, blob_of, put_blob, save

MIB = 1 << 20
LARGE = bytes(range(256)) * 4096 * 9
"""Two pieces of 4 MiB and one of 1 MiB."""


@pytest.fixture
def application(tmp_path: Path, url: str) -> Iterator[Application]:
    application = build(StoreConfig(tmp_path, database=url, durability="process"))
    yield application
    application.close()


def put_file(application: Application, content: bytes = LARGE, project: str = "p") -> Blob:
    """A blob with a file of its own, and no version yet."""
    location = f"ab/{new_id()}.writer"
    writer = application.storage.open_writer(location)
    writer.write(content)
    writer.finish()
    with application.metadata.write() as tx:
        return tx.blobs.insert(blob_of(content, project, location), None, PAST)


def put_row(application: Application, content: bytes) -> Blob:
    """A blob in the database, and no version yet."""
    with application.metadata.write() as tx:
        put_blob(tx, content)
        return tx.blobs.find("p", [blob_of(content).digest])[blob_of(content).digest]


def put_a_hundred_rows(application: Application) -> None:
    """As many blobs in the database, all of one transaction."""
    with application.metadata.write() as tx:
        for number in range(100):
            put_blob(tx, str(number).encode())


def use(application: Application, blob: Blob, name: str = "weights") -> None:
    file = ArtifactFile("value", blob.digest, blob.size)
    save(application.metadata, replace(SPEC, name=name), [file], blob.project)


def path_of(application: Application, blob: Blob) -> Path:
    assert isinstance(application.storage, LocalStorage)
    return application.storage.root / blob.location


def verify(
    application: Application, subset: Subset | None = None, storage: LocalStorage | None = None
) -> tuple[list[Damage], VerifyReport]:
    report = VerifyReport()
    found = verify_store(application.metadata, storage or application.storage, report, subset)
    return list(found), report


def only_damage(application: Application) -> Damage:
    [damage], report = verify(application)
    assert report.damage == {damage.flaw.kind: 1}
    return damage


def change_database(url: str, *statements: str) -> None:
    """Damage the database behind the store's back; bytes are written as SQLite does."""
    if not url.startswith("sqlite"):
        with connect(url) as connection:
            # The damage is such as no foreign key would let happen.
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(re.sub(r"x('[0-9a-f]*')", r"decode(\1, 'hex')", statement))
        return
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def test_a_sound_store_is_clean_and_all_of_it_was_read(application: Application) -> None:
    use(application, put_file(application))
    use(application, put_file(application, project="q"))
    use(application, put_row(application, b"small"))
    put_row(application, b"")
    advanced: list[int] = []
    report = VerifyReport()
    assert list(verify_store(application.metadata, application.storage, report, None, advanced.append)) == []
    size = 2 * len(LARGE) + 5
    assert report == VerifyReport(total=4, total_bytes=size, blobs=4, bytes=size)
    assert sum(advanced) == size


def test_an_empty_store_is_clean(application: Application) -> None:
    assert verify(application) == ([], VerifyReport())


@pytest.mark.parametrize(
    ("positions", "ranges", "told"),
    [
        ([0], [(0, 4 * MIB)], "bytes 0 to 4194304 do not match their checksum"),
        ([4 * MIB, 9 * MIB - 1], [(4 * MIB, 9 * MIB)], "bytes 4194304 to 9437184 do not match their checksum"),
        (
            [1, 9 * MIB - 1],
            [(0, 4 * MIB), (8 * MIB, 9 * MIB)],
            "bytes 0 to 4194304 and 1 more ranges do not match their checksum",
        ),
    ],
)
def test_flipped_bits_are_corruption_of_the_pieces_they_are_in(
    application: Application, positions: list[int], ranges: list[tuple[int, int]], told: str
) -> None:
    blob = put_file(application)
    for position in positions:
        flip_a_bit(path_of(application, blob), position)
    flaw = only_damage(application).flaw
    assert (flaw.kind, flaw.problem) == (DamageKind.CORRUPT, told)
    assert [(part.start, part.stop) for part in flaw.ranges] == ranges


def test_damage_names_the_blob_and_up_to_five_versions_that_use_it(application: Application) -> None:
    blob = put_file(application)
    for name in ("a", "a", "b", "c", "d", "e"):
        use(application, blob, name)
    flip_a_bit(path_of(application, blob), 7)
    damage = only_damage(application)
    assert (damage.project, damage.digest, damage.size) == ("p", blob.digest, len(LARGE))
    assert damage.location == blob.location
    users = (("a", "1"), ("a", "2"), ("b", "1"), ("c", "1"), ("d", "1"))
    assert damage.users == tuple(BlobUser(name, version) for name, version in users)


def test_a_file_that_was_cut_is_truncated(application: Application) -> None:
    blob = put_file(application)
    os.truncate(path_of(application, blob), 100)
    flaw = only_damage(application).flaw
    assert (flaw.kind, flaw.problem) == (DamageKind.TRUNCATED, "100 of 9437184 bytes are left")
    assert [(part.start, part.stop) for part in flaw.ranges] == [(100, len(LARGE))]


def test_a_file_that_grew_is_corrupt(application: Application) -> None:
    blob = put_file(application)
    with path_of(application, blob).open("ab") as file:
        file.write(b"more")
    flaw = only_damage(application).flaw
    assert (flaw.kind, flaw.problem) == (DamageKind.CORRUPT, "9437188 bytes are stored instead of 9437184")


def test_a_file_that_was_removed_is_missing(application: Application) -> None:
    path_of(application, put_file(application)).unlink()
    flaw = only_damage(application).flaw
    assert (flaw.kind, flaw.problem) == (DamageKind.MISSING, "its bytes are gone")


@pytest.mark.parametrize(
    ("statement", "kind", "problem"),
    [
        (
            f"UPDATE blob_contents SET content = x'{b'smell'.hex()}'",
            DamageKind.CORRUPT,
            "bytes 0 to 5 do not match their checksum",
        ),
        ("UPDATE blob_contents SET content = x'00'", DamageKind.TRUNCATED, "1 of 5 bytes are left"),
        ("DELETE FROM blob_contents", DamageKind.MISSING, "its bytes are gone from the database"),
        (
            "UPDATE blobs SET pieces = x'0000000000000000'",
            DamageKind.CORRUPT,
            "its bytes are right, but the checksums kept for their pieces are not",
        ),
        (
            "UPDATE blobs SET pieces = x''",
            DamageKind.CORRUPT,
            "its bytes are right, but the checksums kept for their pieces are not",
        ),
        ("UPDATE blobs SET location = '../etc'", DamageKind.MISSING, "'../etc' is no storage location"),
    ],
)
def test_damage_in_the_database_is_found(
    url: str, application: Application, statement: str, kind: DamageKind, problem: str
) -> None:
    use(application, put_row(application, b"small"))
    change_database(url, statement)
    damage = only_damage(application)
    assert (damage.flaw.kind, damage.flaw.problem[: len(problem)]) == (kind, problem)
    assert damage.users == (BlobUser("weights", "1"),)


def test_bytes_that_match_all_checksums_but_not_the_digest_are_corrupt(url: str, application: Application) -> None:
    blob, other = put_row(application, b"small"), blob_of(b"smell")
    change_database(
        url,
        f"UPDATE blob_contents SET content = x'{b'smell'.hex()}'",
        f"UPDATE blobs SET pieces = x'{other.pieces.hex()}'",
    )
    damage = only_damage(application)
    assert (damage.digest, damage.flaw.problem) == (blob.digest, "its bytes do not match its digest")


@pytest.mark.parametrize("statement", ["DELETE FROM blobs", "UPDATE blobs SET state = 'deleting'"])
def test_a_version_whose_blob_the_database_does_not_have_dangles(
    url: str, application: Application, statement: str
) -> None:
    blob = put_row(application, b"small")
    use(application, blob)
    change_database(url, statement)
    damage = only_damage(application)
    assert damage.flaw.kind is DamageKind.DANGLING
    assert (damage.project, damage.digest, damage.size) == ("p", blob.digest, 5)
    assert damage.users == (BlobUser("weights", "1"),)


def test_all_pages_are_read(application: Application, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(verifying, "PAGE", 3)
    for number in range(10):
        use(application, put_row(application, str(number).encode()))
    change_database(url, "UPDATE blob_contents SET content = x'ff'")
    found, report = verify(application)
    assert (len(found), report.blobs, report.damage) == (10, 10, {DamageKind.CORRUPT: 10})
    change_database(url, "DELETE FROM blobs")
    assert verify(application)[1].damage == {DamageKind.DANGLING: 10}


def test_left_overs_and_uploads_under_way_are_told_but_no_damage(application: Application) -> None:
    for _ in range(2):
        writer = application.storage.open_writer(upload_location(new_id(), new_id()))
        writer.write(b"bytes")
        writer.finish()
    with application.metadata.write() as tx:
        upload = replace(tx.uploads.add("p", HOUR), writer="stream")
        tx.uploads.put(upload, HOUR)
        tx.uploads.add("p", PAST)
    unfinished = application.storage.open_writer(upload.location)
    unfinished.write(b"half")
    found, report = verify(application)
    unfinished.discard()
    assert found == []
    assert (report.orphans, report.orphan_bytes, report.uploads) == (2, 10, 1)


class SweptMeanwhile(LocalStorage):
    """Does something just before a blob is read, as others may at any time."""

    def __init__(self, application: Application, before: Callable[[], object]) -> None:
        assert isinstance(application.storage, LocalStorage)
        super().__init__(application.storage.root, sync=False)
        self._before = before

    def size(self, location: str) -> int | None:
        self._before()
        return super().size(location)


def test_a_blob_that_is_swept_while_the_store_is_read_is_no_damage(application: Application) -> None:
    put_file(application)
    found, report = verify(application, storage=SweptMeanwhile(application, application.sweep))
    assert (found, report.total, report.orphans) == ([], 1, 0)


def test_a_blob_whose_bytes_came_back_elsewhere_is_no_damage(application: Application) -> None:
    put_file(application)

    def replace_it() -> None:
        application.sweep()
        put_file(application)

    found, _ = verify(application, storage=SweptMeanwhile(application, replace_it))
    assert found == []


class BadSectors(LocalStorage):
    """A disk some of whose files cannot be read; a real one would say so in the same words."""

    def __init__(self, application: Application, bad: set[str]) -> None:
        assert isinstance(application.storage, LocalStorage)
        super().__init__(application.storage.root, sync=False)
        self._bad = bad

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        if location in self._bad:
            raise StorageUnavailable("the device reports an error")
        return super().read(location, start, stop)


def test_a_blob_that_cannot_be_read_is_told_and_the_others_are_read(application: Application) -> None:
    blobs = [put_file(application, str(number).encode()) for number in range(3)]
    found, report = verify(application, storage=BadSectors(application, {blobs[1].location}))
    assert [(damage.digest, damage.flaw.kind) for damage in found] == [(blobs[1].digest, DamageKind.UNREADABLE)]
    assert (report.blobs, report.bytes) == (3, 2)


def test_a_storage_that_is_away_ends_the_check(application: Application) -> None:
    locations = {put_file(application, str(number).encode()).location for number in range(10)}
    with pytest.raises(StorageUnavailable, match="10 blobs in a row cannot be read; the last one: the device"):
        verify(application, storage=BadSectors(application, locations))


def test_memory_does_not_grow_with_a_blob(application: Application) -> None:
    put_file(application, bytes(64 * MIB))
    verify(application)
    tracemalloc.start()
    try:
        assert verify(application)[0] == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


def chosen(application: Application, text: str, seed: int = 0) -> set[str]:
    is_chosen = chooser(application.metadata, parse_subset(text, seed))
    with application.metadata.read() as tx:
        return {blob.digest.text for blob in tx.survey.blobs(None, 1000) if is_chosen(blob)}


@pytest.mark.parametrize(("text", "count"), [("5%", 5), ("0.1%", 1), ("4.5%", 5), ("100%", 100)])
def test_a_percentage_is_that_share_rounded_up_so_never_nothing(
    application: Application, text: str, count: int
) -> None:
    put_a_hundred_rows(application)
    _, report = verify(application, parse_subset(text, 7))
    assert (report.blobs, report.total) == (count, 100)
    assert len(chosen(application, text, 7)) == count


def test_the_same_seed_chooses_the_same_blobs_another_one_others(application: Application) -> None:
    put_a_hundred_rows(application)
    assert chosen(application, "20%", 1) == chosen(application, "20%", 1)
    assert chosen(application, "20%", 1) != chosen(application, "20%", 2)


def test_all_parts_together_are_all_blobs_each_once(application: Application) -> None:
    put_a_hundred_rows(application)
    parts = [chosen(application, f"{number}/3") for number in (1, 2, 3)]
    assert (sum(map(len, parts)), len(set.union(*parts))) == (100, 100)
    assert min(map(len, parts)) > 15


def test_a_share_of_nothing_is_nothing(application: Application) -> None:
    assert verify(application, parse_subset("5%", 0)) == ([], VerifyReport())


@pytest.mark.parametrize("text", ["", "5", "0%", "101%", "-1%", "%", "0/3", "4/3", "1/0", "1/", "all", "5 %"])
def test_what_is_no_share_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidField, match="such as 5%, or a part of all parts, such as 1/10"):
        parse_subset(text, 0)
