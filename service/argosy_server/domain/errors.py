"""Why the service refuses something. Each class is one reason of the contract.

    DomainError
    ├── InvalidField, InvalidStream, DigestMismatch, RequestIdReused, LimitExceeded
    ├── BlobCorrupt
    ├── WritePastEnd, ReadPastEnd, CursorExpired
    ├── VersionExists, RunExists
    ├── ArtifactNotFound, BlobNotFound, UploadNotFound, RunNotFound
    ├── BlobMissing, VersionInUse, IllegalTransition
    ├── EtagMismatch, Superseded, LeaseExpired, WatchStalled
    ├── StorageFull, StorageUnavailable
    └── DirectAccessRefused, SignedTransfersRefused

``argosy_server.api.messages.error_status`` turns them into statuses, in one table.
"""

from __future__ import annotations

from typing import ClassVar


class DomainError(Exception):
    """Base of every refusal. The message is for people; ``metadata`` is for programs.

    Attributes:
        reason: name of the reason in ``argosy.v1.ErrorReason``, without its prefix.
        metadata: what programs may need to react (``{"size": "1024"}``).
        resource: what the refusal is about (``artifact "weights"``), or ``""``.
    """

    reason: ClassVar[str]

    def __init__(self, message: str, *, resource: str = "", **metadata: object) -> None:
        """Keep the parts."""
        super().__init__(message)
        self.resource = resource
        self.metadata = {key: str(value) for key, value in metadata.items()}


class InvalidField(DomainError):
    """A field of a request is malformed."""

    reason = "INVALID_FIELD"

    def __init__(self, field: str, rule: str) -> None:
        """Name the field and the rule it breaks."""
        super().__init__(f"{field}: {rule}", field=field)
        self.field = field
        self.rule = rule


class InvalidStream(DomainError):
    """The messages of a stream came in an order the RPC does not allow."""

    reason = "INVALID_STREAM"


class DigestMismatch(DomainError):
    """The bytes received are not those that were declared."""

    reason = "DIGEST_MISMATCH"


class RequestIdReused(DomainError):
    """The request_id stands for another request."""

    reason = "REQUEST_ID_REUSED"


class LimitExceeded(DomainError):
    """More items or bytes than the capabilities allow."""

    reason = "LIMIT_EXCEEDED"


class BlobCorrupt(DomainError):
    """Stored bytes do not match their checksum."""

    reason = "BLOB_CORRUPT"


class WritePastEnd(DomainError):
    """A write starts beyond what is stored."""

    reason = "WRITE_PAST_END"


class ReadPastEnd(DomainError):
    """A read starts beyond the end."""

    reason = "READ_PAST_END"


class CursorExpired(DomainError):
    """A page token, cursor or position is not of this list, store or log, or too old."""

    reason = "CURSOR_EXPIRED"


class VersionExists(DomainError):
    """The label is taken."""

    reason = "VERSION_EXISTS"


class RunExists(DomainError):
    """A run of this name exists."""

    reason = "RUN_EXISTS"


class ArtifactNotFound(DomainError):
    """No artifact, version or alias matches."""

    reason = "ARTIFACT_NOT_FOUND"


class BlobNotFound(DomainError):
    """The project has no such blob."""

    reason = "BLOB_NOT_FOUND"


class UploadNotFound(DomainError):
    """No such upload, or it expired."""

    reason = "UPLOAD_NOT_FOUND"


class RunNotFound(DomainError):
    """No such run or step run."""

    reason = "RUN_NOT_FOUND"


class BlobMissing(DomainError):
    """A file refers to a blob the project does not have."""

    reason = "BLOB_MISSING"


class VersionInUse(DomainError):
    """A run made or used the version, or an alias points at it."""

    reason = "VERSION_IN_USE"


class IllegalTransition(DomainError):
    """The state does not allow this."""

    reason = "ILLEGAL_TRANSITION"


class EtagMismatch(DomainError):
    """The etag is not the current one."""

    reason = "ETAG_MISMATCH"


class Superseded(DomainError):
    """Another stream or attempt took over."""

    reason = "SUPERSEDED"


class LeaseExpired(DomainError):
    """The run's lease expired."""

    reason = "LEASE_EXPIRED"


class WatchStalled(DomainError):
    """Whoever watches takes nothing."""

    reason = "WATCH_STALLED"


class StorageFull(DomainError):
    """The disk or a quota is full."""

    reason = "STORAGE_FULL"


class DirectAccessRefused(DomainError):
    """The client may not read or write files of the store itself."""

    reason = "DIRECT_ACCESS_REFUSED"


class SignedTransfersRefused(DomainError):
    """The server signs no URLs of its object store."""

    reason = "SIGNED_TRANSFERS_REFUSED"


class StorageUnavailable(DomainError):
    """Database or storage cannot be reached or written now."""

    reason = "STORAGE_UNAVAILABLE"
