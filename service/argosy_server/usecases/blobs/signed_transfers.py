"""Bytes that move between clients and the object store, past the server, by URLs it signs.

A URL lets whoever has it do one thing for a short time: read one object, or store one part of one upload, with the
length and SHA-256 that were told before. That proves nothing about the whole: a client could name the digest of other
bytes. So what was sent becomes a blob only when this server has read it back and found digest, size and checksums to
be what was declared. From the moment the parts are put together no URL changes the object any more.

The epoch fences as it does for streams: who begins an upload by URLs takes it over, at a location of its own, and the
parts of whoever was before are swept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from argosy_server.domain.blob import (
    PIECE_BYTES,
    SIGNED_WRITER,
    BlobHasher,
    Upload,
    UploadState,
    check_received,
)
from argosy_server.domain.errors import (
    BlobCorrupt,
    DigestMismatch,
    IllegalTransition,
    InvalidField,
    LimitExceeded,
    SignedTransfersRefused,
    StorageUnavailable,
)
from argosy_server.domain.identifiers import Digest, new_id
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.read_blob import find_blobs
from argosy_server.usecases.blobs.upload_blob import CHECK_SECONDS, current_upload, open_upload, superseded
from argosy_server.usecases.ports import BlobStorage, MetadataStore

SHA256_BYTES = 32
MIN_PART_BYTES = 5 << 20
"""What object stores ask of every part but the last."""
MAX_PART_BYTES = 5 << 30
MAX_PARTS = 10_000


@dataclass(frozen=True)
class Part:
    """A part a client is about to send: its number from 1 on, its length, its SHA-256."""

    number: int
    size: int
    sha256: bytes


@dataclass(frozen=True)
class KeptPart:
    """A part the store has; ``tag`` and ``checksum`` are what the store calls it by."""

    number: int
    size: int
    tag: str
    checksum: str


@dataclass(frozen=True)
class SignedPut:
    """How a part is sent. The URL is a secret, so it is not shown."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class SigningStorage(Protocol):
    """An object store that takes parts and lets URLs be signed. Locations are those of its :class:`BlobStorage`."""

    def begin_parts(self, location: str) -> None:
        """Let parts of a new location be sent.

        Raises:
            StorageUnavailable: the store cannot be reached, or refuses.
        """
        ...

    def sign_parts(self, location: str, parts: Sequence[Part], lifetime: timedelta) -> list[SignedPut] | None:
        """Return how to send each part; nothing of another length or checksum is taken.

        Returns:
            ``None`` when no parts of the location can be sent: they were not begun, or were put together or removed.

        Raises:
            StorageUnavailable: as for :meth:`begin_parts`.
        """
        ...

    def kept_parts(self, location: str) -> list[KeptPart] | None:
        """Return the parts that were sent, by their numbers; ``None`` as for :meth:`sign_parts`.

        Raises:
            StorageUnavailable: as for :meth:`begin_parts`.
        """
        ...

    def join_parts(self, location: str, parts: Sequence[KeptPart]) -> None:
        """Make the object of the parts; from then on nothing changes it. When it was made before, nothing happens.

        Raises:
            StorageUnavailable: as for :meth:`begin_parts`, or one of them has changed since it was listed.
        """
        ...

    def sign_read(self, location: str, lifetime: timedelta) -> str:
        """Return the URL an object is read by.

        Raises:
            StorageUnavailable: as for :meth:`begin_parts`.
        """
        ...


@dataclass(frozen=True)
class SignedTransfers:
    """The store whose URLs are signed, and what is told about it.

    Attributes:
        storage: where the objects are.
        offered: whether URLs are signed; what was sent by those another replica signed is taken anyway.
        min_bytes: clients stream what is smaller.
        part_bytes: what parts should have.
        lifetime: how long a URL is good for.
    """

    storage: SigningStorage
    offered: bool = True
    min_bytes: int = 64 << 20
    part_bytes: int = 4 * PIECE_BYTES
    lifetime: timedelta = timedelta(minutes=15)


@dataclass(frozen=True)
class UploadGrant:
    """What a client needs to send parts: its epoch, how to send those it named, or the numbers of those there are."""

    epoch: int
    puts: Sequence[SignedPut]
    kept: Sequence[int]


def sign_reads(
    metadata: MetadataStore, signed: SignedTransfers | None, project: str, digests: Sequence[Digest]
) -> list[str]:
    """Return a URL for each blob, ``""`` for one that is kept elsewhere.

    Raises:
        SignedTransfersRefused: this server signs none.
        BlobNotFound: the project does not have one of the blobs.
        StorageUnavailable: nothing can be signed now.
    """
    signed = _offered(signed)
    with metadata.read() as tx:
        blobs = find_blobs(tx, project, digests)
    return [signed.storage.sign_read(blob.location, signed.lifetime) if blob.location else "" for blob in blobs]


def sign_writes(
    metadata: MetadataStore,
    limits: Limits,
    signed: SignedTransfers | None,
    project: str,
    upload_id: str,
    epoch: int,
    parts: Sequence[Part],
) -> UploadGrant:
    """Let a client send parts of an upload; with ``epoch`` 0 it takes the upload over, else it goes on.

    Raises:
        SignedTransfersRefused: this server signs none.
        UploadNotFound: no such upload, or it expired.
        IllegalTransition: it is committed or aborted, or its parts were put together.
        Superseded: another writer took over since ``epoch``.
        InvalidField, LimitExceeded: a part is none.
        StorageUnavailable: the store cannot be reached.
    """
    signed = _offered(signed)
    numbers: set[int] = set()
    for index, part in enumerate(parts):
        _check_part(f"write_parts[{index}]", part)
        if part.number in numbers:
            # Two contents for one part: whichever were sent last would count.
            raise InvalidField(
                f"write_parts[{index}].number", f"{part.number} is that of a part before it; name each part once"
            )
        numbers.add(part.number)
    with metadata.write() as tx:
        upload = open_upload(tx, project, upload_id)
        if not epoch:
            writer = f"{SIGNED_WRITER}{new_id()}"
            upload = replace(upload, epoch=upload.epoch + 1, writer=writer, size=0, digest=None, pieces=b"")
        elif upload.epoch != epoch or not upload.is_signed:
            raise superseded(upload)
        tx.uploads.put(upload, limits.upload_lease)
    if not epoch:
        # The row first: what nothing names is swept.
        signed.storage.begin_parts(upload.location)
    puts = signed.storage.sign_parts(upload.location, parts, signed.lifetime) if parts else []
    kept = signed.storage.kept_parts(upload.location) if epoch and not parts else []
    if puts is None or kept is None:
        raise IllegalTransition(
            f"upload {upload_id} takes no parts any more: commit it if it has all of them, or begin again with "
            "write_epoch 0",
            resource=f"upload {upload_id}",
        )
    return UploadGrant(upload.epoch, puts, [part.number for part in kept])


def take_sent_parts(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    signed: SignedTransfers | None,
    project: str,
    upload_id: str,
    digest: Digest,
    size: int,
    pieces: bytes,
) -> bool:
    """Put together what a client sent to the store, read it, and record it as what the upload received.

    Memory stays at a few chunks. Whatever fails can be repeated.

    Returns:
        whether the upload was written like this; nothing is done with another one.

    Raises:
        DigestMismatch: other bytes are there; the caller discards them.
        IllegalTransition: there are too few parts, or none; or it was aborted meanwhile.
        Superseded: another writer took over meanwhile.
        UploadNotFound: no such upload, or it expired.
        StorageUnavailable: the store cannot be reached.
    """
    if signed is None:
        return False
    with metadata.read() as tx:
        upload = tx.uploads.get(project, upload_id)
    if not upload.is_signed:
        return False
    if upload.state is not UploadState.OPEN or upload.digest is not None:
        return True
    _join(storage, signed, upload, size)
    try:
        hasher = _hashed(metadata, storage, limits, upload, size)
        if hasher.size == size and hasher.digest() != digest:
            # What is wrong twice is what was sent; what is wrong once may be what was read.
            hasher = _hashed(metadata, storage, limits, upload, size)
    except (FileNotFoundError, BlobCorrupt) as error:
        # Aborted or taken over: then that is what to tell.
        _renew(metadata, limits, upload)
        raise StorageUnavailable(f"what was sent of upload {upload_id} is gone; send it again") from error
    with metadata.write() as tx:
        # First of all: what is wrong with bytes that count no more must not discard those of the next writer.
        current_upload(tx, upload)
        if hasher.digest() == digest and hasher.size == size and pieces in (b"", hasher.pieces()):
            received = replace(upload, size=size, digest=digest, pieces=hasher.pieces())
            tx.uploads.put(received, limits.upload_lease)
            return True
    check_received(hasher.digest(), hasher.size, digest, size)
    raise DigestMismatch(
        f"piece_checksums are not those of the {size} bytes that were sent; send them again, or leave them out",
        expected=digest,
        actual=digest,
        expected_size=size,
        actual_size=size,
    )


def _offered(signed: SignedTransfers | None) -> SignedTransfers:
    if signed is None or not signed.offered:
        raise SignedTransfersRefused("this server signs no URLs of its store; use ReadBlob and WriteUpload")
    return signed


def _check_part(field_name: str, part: Part) -> None:
    if not 1 <= part.number <= MAX_PARTS:
        raise LimitExceeded(f"{field_name}.number: {part.number} is not from 1 to {MAX_PARTS}", limit=MAX_PARTS)
    if not 1 <= part.size <= MAX_PART_BYTES:
        raise InvalidField(
            f"{field_name}.size_bytes", f"{part.size} is not from 1 to {MAX_PART_BYTES}; cut the content into parts"
        )
    if len(part.sha256) != SHA256_BYTES:
        raise InvalidField(f"{field_name}.sha256", f"has {len(part.sha256)} bytes; SHA-256 has {SHA256_BYTES}")


def _join(storage: BlobStorage, signed: SignedTransfers, upload: Upload, size: int) -> None:
    """Make the object of the parts, unless that has happened before."""
    parts = signed.storage.kept_parts(upload.location)
    if parts is None:
        if storage.size(upload.location) is None:
            raise IllegalTransition(
                f"nothing of upload {upload.id} is in the store; begin again with write_epoch 0",
                resource=f"upload {upload.id}",
            )
        return
    sent = sum(part.size for part in parts)
    if sent < size or [part.number for part in parts] != list(range(1, len(parts) + 1)):
        raise IllegalTransition(
            f"upload {upload.id} has {len(parts)} parts with {sent} of {size} bytes; ask CreateTransferGrants which "
            "are there, and send the others",
            resource=f"upload {upload.id}",
        )
    if small := [part for part in parts[:-1] if part.size < MIN_PART_BYTES]:
        raise IllegalTransition(
            f"part {small[0].number} of upload {upload.id} has {small[0].size} bytes; all but the last have at least "
            f"{MIN_PART_BYTES}: begin again with write_epoch 0",
            resource=f"upload {upload.id}",
        )
    if parts:
        signed.storage.join_parts(upload.location, parts)


def _hashed(metadata: MetadataStore, storage: BlobStorage, limits: Limits, upload: Upload, declared: int) -> BlobHasher:
    """Return the digest of what the store holds, read as the next reader will read it."""
    hasher = BlobHasher()
    size = storage.size(upload.location)
    if size is None:
        raise FileNotFoundError(upload.location)
    checked = time.monotonic()
    # Of what is longer one byte more is enough to show it.
    for data in storage.read(upload.location, 0, min(size, declared + 1)):
        hasher.update(data)
        if time.monotonic() - checked >= CHECK_SECONDS:
            _renew(metadata, limits, upload)
            checked = time.monotonic()
    return hasher


def _renew(metadata: MetadataStore, limits: Limits, upload: Upload) -> None:
    """Keep the upload alive while it is read, and stop when that is in vain."""
    with metadata.write() as tx:
        current_upload(tx, upload)
        tx.uploads.put(upload, limits.upload_lease)
