"""What copying a store would do, and what would stop it. Nothing is written, and no blob is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from argosy_server.domain.errors import DomainError
from argosy_server.usecases.ports import BlobStorage
from argosy_server.usecases.ports.row_copy import RowCopy
from argosy_server.usecases.upkeep.copy_store import (
    SourceStore,
    TargetStorage,
    check_target,
    place_of,
    refuse_small_room,
)
from argosy_server.usecases.upkeep.every_blob import stored_blobs

MAX_LOST = 20


@dataclass
class CopyPlan:
    """What would be copied.

    Attributes:
        rows: how many rows of each table.
        blobs: blobs, those in the database included.
        blob_bytes: their bytes.
        stored: blobs with a file or object of their own.
        stored_bytes: their bytes.
        present: those of them that the target has in the right size, from an earlier attempt.
        present_bytes: their bytes.
        uploads: uploads under way, which are not copied.
        was_done: whether the source has moved to this very target.
        refusals: what would stop it.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    blobs: int = 0
    blob_bytes: int = 0
    stored: int = 0
    stored_bytes: int = 0
    present: int = 0
    present_bytes: int = 0
    uploads: int = 0
    was_done: bool = False
    refusals: list[str] = field(default_factory=list)


def plan_copy(source: SourceStore, rows: RowCopy, target: TargetStorage, *, keep_source: bool = False) -> CopyPlan:
    """Count what would be copied and find what would stop it.

    Raises:
        StorageUnavailable: the source cannot be read.
    """
    plan = CopyPlan(rows=rows.counts())
    with source.metadata.read() as tx:
        plan.blobs, plan.blob_bytes = tx.survey.totals()
        plan.uploads = tx.survey.uploads_under_way()
    plan.was_done = rows.moved_to() == place_of(rows, target)
    if plan.was_done:
        return plan
    is_resumed = False

    def check() -> None:
        nonlocal is_resumed
        is_resumed = check_target(source, rows, target, keep_source=keep_source)
        refuse_small_room(source, rows, target, is_resumed=is_resumed)

    _note(plan, check)
    _note(plan, lambda: _look_at_blobs(plan, source, target.find() if is_resumed else None))
    return plan


def _note(plan: CopyPlan, check: Callable[[], None]) -> None:
    try:
        check()
    except DomainError as refusal:
        plan.refusals.append(str(refusal))


def _look_at_blobs(plan: CopyPlan, source: SourceStore, begun: BlobStorage | None) -> None:
    lost = 0
    for blob in stored_blobs(source.metadata):
        plan.stored += 1
        plan.stored_bytes += blob.size
        if begun is not None and begun.size(blob.location) == blob.size:
            plan.present += 1
            plan.present_bytes += blob.size
        size = source.storage.size(blob.location)
        if size == blob.size:
            continue
        lost += 1
        if lost <= MAX_LOST:
            found = "its bytes are gone" if size is None else f"{size} of {blob.size} bytes are stored"
            plan.refusals.append(f"blob {blob.digest} of project {blob.project!r} is damaged: {found}")
    if lost > MAX_LOST:
        plan.refusals.append(f"{lost - MAX_LOST} more blobs are damaged; argosy-server verify names all")
