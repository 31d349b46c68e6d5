"""Bytes that arrived and wait for the transaction that makes them visible.

A small file stays in memory and becomes a row. A large one gets an upload row with a lease first (transaction 1), is
written and hashed at the location that row names, and is made durable; the transaction that publishes it (2) finds
the upload again, which proves that no sweep has taken the location in between. What never gets published is taken by
the sweep when the lease ends, and at once when the server is still there to discard it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, pairwise

from argosy_server.domain.blob import Blob, BlobHasher, UploadState, check_received
from argosy_server.domain.errors import DomainError, InvalidField, LimitExceeded
from argosy_server.domain.identifiers import Digest, new_id
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.upload_sink import UploadSink
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction

NO_LEASE = timedelta()
"""Of what a version refers to as soon as the transaction commits."""
FILE_BYTES = 100
"""Most bytes a file takes in an answer beside its path: digest, size and what stands around them."""


@dataclass(frozen=True)
class NewFile:
    """One file of a version to be created: ``digest`` of bytes the project has, or the ``content`` itself.

    Attributes:
        path: path inside the version.
        digest: digest of bytes the project has.
        content: the bytes.
        declared: the digest ``content`` must have, if the client gave it.
    """

    path: str
    digest: Digest | None
    content: bytes | None
    declared: Digest | None = None


@dataclass(frozen=True)
class StagedFile:
    """A file whose bytes are here, or are promised to be by the caller.

    Attributes:
        path: path inside the version.
        digest: digest of its bytes.
        blob: what to insert; ``None`` when the caller says that the project has the bytes already.
        content: the bytes when they will live in the database.
        upload_id: the upload that leases the location; ``""`` when there is none.
    """

    path: str
    digest: Digest
    blob: Blob | None = None
    content: bytes | None = None
    upload_id: str = ""

    @property
    def received_size(self) -> int:
        """Number of bytes that arrived; 0 when the project is said to have them."""
        return self.blob.size if self.blob is not None else 0


def stage_files(
    metadata: MetadataStore, storage: BlobStorage, limits: Limits, project: str, files: Sequence[NewFile]
) -> list[StagedFile]:
    """Hash inline files and write those that are too large for a row.

    Raises:
        DigestMismatch: inline bytes are not those that were declared.
        InvalidField: two files have the same path.
        LimitExceeded: too many files or inline bytes, or too long paths.
        StorageFull, StorageUnavailable: nothing is left behind.
    """
    _check_files(limits, files)
    staged: list[StagedFile] = []
    try:
        for file in files:
            if file.digest is not None:
                staged.append(StagedFile(file.path, file.digest))
            else:
                content = file.content or b""
                staged.append(receive_file(metadata, storage, limits, project, file.path, [content]))
                if file.declared is not None:
                    check_received(staged[-1].digest, len(content), file.declared, len(content))
    except BaseException:
        discard_staged(metadata, storage, project, staged)
        raise
    return staged


def check_sizes(limits: Limits, files: Sequence[NewFile]) -> None:
    """Hold the limits of all files of one request together.

    Raises:
        LimitExceeded: too many inline bytes, or a list of files that no answer could carry.
    """
    inline = sum(len(file.content or b"") for file in files)
    if inline > limits.max_inline_bytes:
        cure = "upload larger files with CreateUpload, WriteUpload and CommitUpload and name their digests"
        raise LimitExceeded(
            f"{inline} inline bytes in one request; at most {limits.max_inline_bytes} fit; {cure}",
            limit=limits.max_inline_bytes,
        )
    listed = sum(len(file.path.encode()) + FILE_BYTES for file in files)
    if listed > limits.max_file_list_bytes:
        raise LimitExceeded(
            f"the list of {len(files)} files has {listed} bytes ({FILE_BYTES} for each beside its path); at most "
            f"{limits.max_file_list_bytes} fit in one answer; choose shorter paths, or save several artifacts",
            limit=limits.max_file_list_bytes,
        )


def receive_file(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    project: str,
    path: str,
    chunks: Iterable[bytes | memoryview],
) -> StagedFile:
    """Take the bytes of one file, hashing while they are written; whatever fails, nothing is left behind.

    Raises:
        StorageFull, StorageUnavailable: from the storage.
        Exception: whatever ``chunks`` raises.
    """
    head: list[bytes | memoryview] = []
    size = 0
    rest = iter(chunks)
    for chunk in rest:
        head.append(chunk)
        size += len(chunk)
        if size > limits.max_blob_row_bytes:
            return _receive_large(metadata, storage, limits, project, path, chain(head, rest))
    content = b"".join(head)
    blob = row_blob(project, content)
    return StagedFile(path, blob.digest, blob, content)


def row_blob(project: str, content: bytes) -> Blob:
    """Return the blob of bytes that will live in the database."""
    hasher = BlobHasher()
    hasher.update(content)
    return Blob(project, hasher.digest(), hasher.size, "", hasher.pieces())


def publish_rows(tx: Transaction, files: Iterable[StagedFile], lease: timedelta = NO_LEASE) -> None:
    """Insert the blobs of all files that will live in the database at once; :func:`published` says so of a file."""
    rows = {file.digest: (file.blob, file.content) for file in files if file.blob and file.content is not None}
    if rows:
        tx.blobs.insert_contents([(blob, content) for blob, content in rows.values()], lease)


def published(file: StagedFile) -> StagedFile:
    """Return a file as it is after :func:`publish_rows`."""
    return replace(file, content=None)


def publish_staged(
    tx: Transaction, limits: Limits, project: str, file: StagedFile, lease: timedelta = NO_LEASE
) -> Blob | None:
    """Insert the blob of a staged file unless it is there, leased until a version refers to it, and return it.

    ``None`` when the caller says that the project has the bytes.

    Raises:
        UploadNotFound: the lease of its location expired; send the bytes again.
    """
    if file.blob is None or (file.content is None and not file.upload_id):
        return file.blob
    if file.upload_id:
        upload = tx.uploads.get(project, file.upload_id)
        tx.uploads.put(replace(upload, state=UploadState.COMMITTED), limits.upload_lease)
    return tx.blobs.insert(file.blob, file.content, lease)


def discard_staged(metadata: MetadataStore, storage: BlobStorage, project: str, files: Iterable[StagedFile]) -> None:
    """Give up bytes whose transaction failed. Expects that the transaction did not commit."""
    uploads = [file for file in files if file.upload_id]
    if not uploads:
        return
    with metadata.write() as tx:
        for file in uploads:
            _abort(tx, project, file.upload_id)
    for file in uploads:
        if file.blob is not None:
            storage.delete(file.blob.location)


def _receive_large(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    project: str,
    path: str,
    chunks: Iterable[bytes | memoryview],
) -> StagedFile:
    with metadata.write() as tx:
        upload = replace(tx.uploads.add(project, limits.upload_lease), writer=new_id())
        tx.uploads.put(upload, limits.upload_lease)
    hasher = BlobHasher()
    try:
        sink = UploadSink(storage.open_writer(upload.location), hasher, limits.mark_bytes)
        try:
            for chunk in chunks:
                sink.write(chunk)
            sink.finish()
        except BaseException:
            sink.discard()
            raise
    except BaseException:
        # On a full disk the row may have to stay until the sweep; the error that matters is the first one.
        with contextlib.suppress(DomainError), metadata.write() as tx:
            _abort(tx, project, upload.id)
        raise
    blob = Blob(project, hasher.digest(), hasher.size, upload.location, hasher.pieces())
    return StagedFile(path, blob.digest, blob, None, upload.id)


def _abort(tx: Transaction, project: str, upload_id: str) -> None:
    tx.uploads.put(replace(tx.uploads.get(project, upload_id), state=UploadState.ABORTED), timedelta())


def _check_files(limits: Limits, files: Sequence[NewFile]) -> None:
    if len(files) > limits.max_files:
        raise LimitExceeded(f"{len(files)} files; a version has at most {limits.max_files}", limit=limits.max_files)
    check_sizes(limits, files)
    paths: set[str] = set()
    for file in files:
        if file.path in paths:
            raise InvalidField("files.path", f"{file.path!r} stands twice; each path names one file")
        paths.add(file.path)
    _check_no_file_is_a_folder(paths)


def _check_no_file_is_a_folder(paths: set[str]) -> None:
    # In this order a file comes right before what lies in a folder of its name.
    for path, following in pairwise(sorted(paths, key=lambda path: path.replace("/", "\0"))):
        if following.startswith(f"{path}/"):
            raise InvalidField("files.path", f"{path!r} is a file and a folder of {following!r}; choose one")
