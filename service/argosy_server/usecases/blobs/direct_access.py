"""Clients on the same file system: they read the files of blobs, and write those of uploads, themselves.

Who may is decided by what one can read: the token for reading lies in a file everybody on this machine can read, that
for writing in one that only the user the server runs as can read. Such a client is trusted with the digest of what it
wrote, for it could change any file of the store anyway; whoever reads verifies.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from argosy_server.domain.blob import DIRECT_WRITER, PIECE_BYTES, UploadState, check_received
from argosy_server.domain.errors import DirectAccessRefused, IllegalTransition, InvalidField
from argosy_server.domain.identifiers import Digest, new_id
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.read_blob import find_blobs
from argosy_server.usecases.blobs.upload_blob import open_upload
from argosy_server.usecases.ports import MetadataStore


class DirectStorage(Protocol):
    """A storage whose locations are files."""

    def local_path(self, location: str) -> Path:
        """Return the file of a location, whose folder is there.

        Raises:
            StorageFull, StorageUnavailable: the folder cannot be made.
        """
        ...

    def adopt(self, location: str) -> int | None:
        """Take over a file that a client wrote, as durable as a finished writer makes one; return its size.

        Returns:
            ``None`` when there is no such file.

        Raises:
            StorageUnavailable: it is no plain file, or cannot be synced.
        """
        ...


@dataclass(frozen=True)
class DirectAccess:
    """What clients need to use the files themselves.

    Attributes:
        storage: where the files are.
        read_token_file: who can read this file may read blobs.
        read_token: what it says.
        write_token_file: who can read this file may write uploads too.
        write_token: what it says.
        sync: whether files must be durable before they are committed.
    """

    storage: DirectStorage
    read_token_file: Path
    read_token: str
    write_token_file: Path
    write_token: str
    sync: bool


@dataclass(frozen=True)
class Grants:
    """Files a client may use: one for each blob (``None`` when it is kept elsewhere), and one to write."""

    read_paths: Sequence[Path | None]
    write_path: Path | None


def grant(
    metadata: MetadataStore,
    limits: Limits,
    direct: DirectAccess | None,
    project: str,
    token: str,
    digests: Sequence[Digest],
    upload_id: str,
) -> Grants:
    """Name the files of blobs, and let the client write that of an upload instead of any stream.

    Raises:
        DirectAccessRefused: direct access is off, or the token does not allow it.
        BlobNotFound: the project does not have one of the blobs.
        UploadNotFound, IllegalTransition: the upload does not take bytes.
    """
    direct = _check_token(direct, token, writes=bool(upload_id))
    paths: list[Path | None] = []
    if digests:
        with metadata.read() as tx:
            blobs = find_blobs(tx, project, digests)
        paths = [direct.storage.local_path(blob.location) if blob.location else None for blob in blobs]
    if not upload_id:
        return Grants(paths, None)
    with metadata.write() as tx:
        upload = open_upload(tx, project, upload_id)
        writer = f"{DIRECT_WRITER}{new_id()}"
        upload = replace(upload, epoch=upload.epoch + 1, writer=writer, size=0, digest=None, pieces=b"")
        tx.uploads.put(upload, limits.upload_lease)
    return Grants(paths, direct.storage.local_path(upload.location))


def take_written_file(
    metadata: MetadataStore,
    limits: Limits,
    direct: DirectAccess | None,
    project: str,
    upload_id: str,
    digest: Digest,
    size: int,
    pieces: bytes,
) -> None:
    """Record what the client wrote as what the upload received; nothing to do when that has happened before.

    Raises:
        DigestMismatch: the file has another size.
        IllegalTransition: no file was granted, or none was written.
        InvalidField: there are not as many checksums as pieces.
        UploadNotFound: no such upload, or it expired.
    """
    if len(pieces) != 8 * -(-size // PIECE_BYTES):
        raise InvalidField(
            "piece_checksums", f"has {len(pieces)} bytes; {size} bytes have {-(-size // PIECE_BYTES)} pieces of 8 each"
        )
    with metadata.read() as tx:
        upload = tx.uploads.get(project, upload_id)
    if upload.state is UploadState.COMMITTED or upload.digest is not None:
        return
    written = direct.storage.adopt(upload.location) if direct is not None and upload.is_direct else None
    if written is None:
        raise IllegalTransition(
            f"upload {upload_id} was not written as a file; leave piece_checksums out", resource=f"upload {upload_id}"
        )
    check_received(digest, written, digest, size)
    with metadata.write() as tx:
        current = open_upload(tx, project, upload_id)
        if current.epoch == upload.epoch:
            tx.uploads.put(replace(current, size=size, digest=digest, pieces=pieces), limits.upload_lease)


def _check_token(direct: DirectAccess | None, token: str, *, writes: bool) -> DirectAccess:
    if direct is None:
        raise DirectAccessRefused(
            "this server lets nobody use its files; use ReadBlob and WriteUpload, or start it with --direct-access"
        )
    if hmac.compare_digest(token.encode(), direct.write_token.encode()):
        return direct
    if not hmac.compare_digest(token.encode(), direct.read_token.encode()):
        raise DirectAccessRefused("the token is not that of this store; read it again, or use ReadBlob and WriteUpload")
    if writes:
        raise DirectAccessRefused(
            "this token allows to read only; send the bytes with WriteUpload, or run as the user of the server"
        )
    return direct
