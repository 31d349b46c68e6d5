"""A store moves to another database and another storage, any to any.

Bytes go first, while the source is in use: each blob is compared with its digest on the way and read back, and keeps
its location, so that whoever is interrupted goes on where it stopped. Then nobody may write to the source: what came
meanwhile follows, and all rows in one transaction of the target. From here on a crash at any point is finished by doing
the same again:

1. the target has everything, but cannot be opened yet; the source is in use;
2. the source is marked as moved: it refuses every write, also of processes that have it open;
3. the target can be opened.

At no time can both be written, so nothing that was acknowledged is lost. Uploads under way are not copied, their
clients begin them anew. A run under way reads as abandoned in the target and may be resumed there. Leases of blobs stay
as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from argosy_server.domain.errors import BlobCorrupt, StorageFull, StorageUnavailable
from argosy_server.usecases.ports import BlobStorage, MetadataStore
from argosy_server.usecases.ports.row_copy import RowCopy, TargetState
from argosy_server.usecases.upkeep.copy_blobs import BlobCopier, BlobTally
from argosy_server.usecases.upkeep.every_blob import stored_blobs

PASSES = 5
FEW_BLOBS = 100
"""A pass that copied no more is followed by the one that keeps writers waiting."""
MAX_NAMED = 20
SPARE = 1.05
"""Room to ask for, as a multiple of what is known to come: files take whole blocks."""


@dataclass(frozen=True)
class SourceStore:
    """The store that moves.

    Attributes:
        metadata: its database.
        storage: its bytes.
        blobs_name: what messages call the latter.
    """

    metadata: MetadataStore
    storage: BlobStorage
    blobs_name: str


@dataclass(frozen=True)
class Room:
    """Room of a disk.

    Attributes:
        disk: tells disks apart.
        free: bytes.
    """

    disk: int
    free: int


@dataclass(frozen=True)
class TargetStorage:
    """Where the bytes go.

    Attributes:
        name: what messages call it.
        is_source: whether it is the storage of the source, so that the bytes stay where they are.
        find: return the storage, ``None`` when it is not there yet; makes nothing.
        create: return the storage, made where needed.
        room: return the room of a folder, which need not be there yet.
        folder: the folder of the bytes, ``""`` when it is no folder.
    """

    name: str
    is_source: bool
    find: Callable[[], BlobStorage | None]
    create: Callable[[], BlobStorage]
    room: Callable[[str], Room]
    folder: str


@dataclass(frozen=True)
class Progress:
    """Who is told how far it is.

    Attributes:
        blob_bytes: called with the number of bytes just read, by any thread.
        rows: called with the number of rows just written.
        phase: called with what begins.
    """

    blob_bytes: Callable[[int], None] = lambda _: None
    rows: Callable[[int], None] = lambda _: None
    phase: Callable[[str], None] = lambda _: None


@dataclass
class CopyReport:
    """What was copied.

    Attributes:
        blobs: what became of the blobs.
        rows: how many rows each table got.
        was_done: whether an earlier attempt had copied everything.
    """

    blobs: BlobTally = field(default_factory=BlobTally)
    rows: Mapping[str, int] = field(default_factory=dict)
    was_done: bool = False


def place_of(rows: RowCopy, storage: TargetStorage) -> str:
    """Return where the store goes, in the words the source keeps."""
    return f"{rows.target_name} and {storage.name}"


def copy_store(
    source: SourceStore,
    rows: RowCopy,
    target: TargetStorage,
    report: CopyReport,
    *,
    keep_source: bool = False,
    skip_damaged: bool = False,
    jobs: int = 8,
    progress: Progress | None = None,
) -> None:
    """Copy a store, verified, and let the copy take its place; do the same again to go on after an interruption.

    Args:
        source: the store.
        rows: its rows on their way to the other database.
        target: where its bytes go.
        report: filled on the way.
        keep_source: leave the source in use: from then on there are two stores of one id.
        skip_damaged: copy the store in spite of damaged blobs, whose rows are marked as damaged in the target.
        jobs: how many blobs at once.
        progress: who is told how far it is.

    Raises:
        BlobCorrupt: blobs are damaged, which ``report.blobs.damage`` lists; nothing of the source was changed.
        StorageUnavailable: something cannot be reached, is not what it should be, or moved elsewhere.
        StorageFull: there is no room.
    """
    progress = progress or Progress()
    if _is_finished(rows, target):
        rows.publish()
        report.was_done = True
        return
    is_resumed = check_target(source, rows, target, keep_source=keep_source)
    refuse_small_room(source, rows, target, is_resumed=is_resumed)
    with rows.exclusively():
        storage = None if target.is_source else _claimed(rows, target)
        rows.begin()
        copier = BlobCopier(
            source.metadata,
            source.storage,
            storage,
            is_resumed=is_resumed,
            jobs=jobs,
            advance=progress.blob_bytes,
        )
        report.blobs = copier.tally
        progress.phase("copy blobs")
        _copy_while_in_use(copier)
        _refuse_damage(copier.tally, skip_damaged)
        with rows.freeze() as frozen:
            progress.phase("copy rows")
            copier.copy_new()
            _refuse_damage(copier.tally, skip_damaged)
            report.rows = frozen.copy(copier.tally.damaged, progress.rows)
            if not keep_source:
                frozen.mark_moved(place_of(rows, target))
        rows.publish()


def check_target(source: SourceStore, rows: RowCopy, target: TargetStorage, *, keep_source: bool) -> bool:
    """Look at source and target, change nothing, and return whether an earlier attempt was interrupted.

    Raises:
        StorageUnavailable: the target is neither empty nor a copy of this store that was not finished.
    """
    if went := rows.moved_to():
        raise StorageUnavailable(
            f"{rows.source_name} has moved to {went}; migrate from there, or name that as the target to finish it"
        )
    state = rows.target_state()
    if state is TargetState.COMPLETE:
        raise StorageUnavailable(
            f"{rows.target_name} holds this very store (id {rows.store_id}): it is the source, or a copy that was "
            "finished; choose an empty database"
        )
    _refuse_unclaimed_source(source, rows)
    if target.is_source:
        if keep_source:
            raise StorageUnavailable(
                f"{target.name} holds the bytes of the source: two stores in use would remove each other's; choose "
                "another place for the bytes of the copy, or leave out --keep-source"
            )
        return True
    return _is_begun(rows, target) or state is TargetState.HALF_DONE


def refuse_small_room(source: SourceStore, rows: RowCopy, target: TargetStorage, *, is_resumed: bool) -> None:
    """Refuse to begin where the copy cannot fit, as far as that can be known.

    Raises:
        StorageFull: there is less room than needed.
    """
    asked: list[tuple[str, int]] = []
    folder, size = rows.room_needed()
    if folder:
        asked.append((folder, size))
    if target.folder and not target.is_source:
        asked.append((target.folder, _bytes_to_come(source, target, is_resumed=is_resumed)))
    needed: Counter[int] = Counter()
    for folder, size in asked:
        room = target.room(folder)
        needed[room.disk] += int(size * SPARE)
        if needed[room.disk] > room.free:
            raise StorageFull(
                f"{folder} has room for {room.free} bytes, and the copy takes about {needed[room.disk]}; free some "
                "space there, or choose another place"
            )


def _bytes_to_come(source: SourceStore, target: TargetStorage, *, is_resumed: bool) -> int:
    storage = target.find() if is_resumed else None
    coming = 0
    for blob in stored_blobs(source.metadata):
        there = storage.size(blob.location) if storage is not None else None
        coming += max(blob.size - (there or 0), 0)
    return coming


def _is_finished(rows: RowCopy, target: TargetStorage) -> bool:
    """Tell whether an earlier attempt got so far that only the target has to be opened, or not even that."""
    if rows.moved_to() != place_of(rows, target):
        return False
    return rows.target_state() is not TargetState.EMPTY


def _refuse_unclaimed_source(source: SourceStore, rows: RowCopy) -> None:
    """Refuse bytes that may be anybody's: all blobs would seem to be lost."""
    owner = source.storage.owner()
    if owner == rows.store_id:
        return
    if owner is None and next(stored_blobs(source.metadata), None) is None:
        return
    whose = f"belong to another store (id {owner})" if owner else "belong to no store"
    raise StorageUnavailable(
        f"the bytes in {source.blobs_name} {whose}, and {rows.source_name} is store {rows.store_id}; name the place "
        "of its bytes with --from-blobs"
    )


def _is_begun(rows: RowCopy, target: TargetStorage) -> bool:
    storage = target.find()
    if storage is None:
        return False
    owner = storage.owner()
    if owner == rows.store_id:
        return True
    cure = "choose an empty folder, or another prefix"
    if owner is not None:
        raise StorageUnavailable(f"{target.name} holds the bytes of another store (id {owner}); {cure}")
    if (found := next(iter(storage.locations()), None)) is not None:
        raise StorageUnavailable(f"{target.name} is not empty: it holds {found}; {cure}")
    return False


def _claimed(rows: RowCopy, target: TargetStorage) -> BlobStorage:
    storage = target.create()
    owner = storage.claim(rows.store_id)
    if owner != rows.store_id:
        raise StorageUnavailable(f"{target.name} was just taken by another store (id {owner}); choose another place")
    return storage


def _copy_while_in_use(copier: BlobCopier) -> None:
    for _ in range(PASSES):
        if copier.copy_new() <= FEW_BLOBS:
            return


def _refuse_damage(tally: BlobTally, skip_damaged: bool) -> None:
    if skip_damaged or not tally.damage:
        return
    digests = [damage.digest.text for damage in tally.damage]
    more = f" and {len(digests) - MAX_NAMED} more" if len(digests) > MAX_NAMED else ""
    raise BlobCorrupt(
        f"blobs of the source are damaged: {', '.join(digests[:MAX_NAMED])}{more}; repair them by saving the same "
        "values again, or move the store without them with --skip-damaged",
        resource=f"blob {digests[0]}",
    )
