"""Refusals as gRPC statuses, in one table.

Every status carries exactly one ``google.rpc.ErrorInfo`` (domain ``argosy``), and BadRequest, ResourceInfo,
PreconditionFailure or RetryInfo where they fit. gRPC replaces trailers over 8 KiB at random, so the parts are cut:
the message below 1 KiB as it is sent (percent-encoded), all details together below 4 KiB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from argosy.v1.errors_pb2 import ItemStatus
from argosy_server.api.messages.refusals import Draining, MessageTooLarge, TooManyWatchers
from argosy_server.domain import errors

DOMAIN = "argosy"
DETAILS_KEY = "grpc-status-details-bin"
MAX_MESSAGE = 1000
MAX_DETAILS = 4000
MAX_METADATA = 1800
MAX_PART = 400
MAX_ITEMS = 20
RETRY_SECONDS = 1

CODES: dict[type[errors.DomainError], grpc.StatusCode] = {
    errors.InvalidField: grpc.StatusCode.INVALID_ARGUMENT,
    errors.InvalidStream: grpc.StatusCode.INVALID_ARGUMENT,
    errors.DigestMismatch: grpc.StatusCode.INVALID_ARGUMENT,
    errors.RequestIdReused: grpc.StatusCode.INVALID_ARGUMENT,
    errors.LimitExceeded: grpc.StatusCode.INVALID_ARGUMENT,
    errors.BlobCorrupt: grpc.StatusCode.DATA_LOSS,
    errors.WritePastEnd: grpc.StatusCode.OUT_OF_RANGE,
    errors.ReadPastEnd: grpc.StatusCode.OUT_OF_RANGE,
    errors.CursorExpired: grpc.StatusCode.OUT_OF_RANGE,
    errors.VersionExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.RunExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.ArtifactNotFound: grpc.StatusCode.NOT_FOUND,
    errors.BlobNotFound: grpc.StatusCode.NOT_FOUND,
    errors.UploadNotFound: grpc.StatusCode.NOT_FOUND,
    errors.RunNotFound: grpc.StatusCode.NOT_FOUND,
    errors.BlobMissing: grpc.StatusCode.FAILED_PRECONDITION,
    errors.VersionInUse: grpc.StatusCode.FAILED_PRECONDITION,
    errors.IllegalTransition: grpc.StatusCode.FAILED_PRECONDITION,
    errors.EtagMismatch: grpc.StatusCode.ABORTED,
    errors.Superseded: grpc.StatusCode.ABORTED,
    errors.LeaseExpired: grpc.StatusCode.ABORTED,
    errors.WatchStalled: grpc.StatusCode.ABORTED,
    errors.StorageFull: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.StorageUnavailable: grpc.StatusCode.UNAVAILABLE,
    errors.DirectAccessRefused: grpc.StatusCode.PERMISSION_DENIED,
    errors.SignedTransfersRefused: grpc.StatusCode.PERMISSION_DENIED,
}
"""The code of each refusal; its reason is the class's own."""


@dataclass(frozen=True)
class ErrorStatus:
    """A status that is not OK, as gRPC wants it.

    Attributes:
        code: the gRPC code.
        reason: the reason of the contract.
        message: text for people.
        details: messages of ``google.rpc``, the first one an ErrorInfo.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    details: tuple[Message, ...] = field(default=())

    @property
    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """The trailer that carries the details."""
        return ((DETAILS_KEY, self.to_rpc_status().SerializeToString()),)

    def to_rpc_status(self) -> status_pb2.Status:
        """Return code, message and details as ``google.rpc.Status``, below 4 KiB."""
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            packed = AnyMessage()
            packed.Pack(detail)
            # The ErrorInfo comes first and always fits.
            if status.ByteSize() + packed.ByteSize() + 8 <= MAX_DETAILS:
                status.details.append(packed)
        return status


def status_of(error: BaseException, hint: str) -> ErrorStatus:
    """Return the status for whatever a call raised.

    Args:
        error: a refusal, or anything else, of which nothing is told but where to look.
        hint: where to look.
    """
    if isinstance(error, errors.DomainError):
        return _refusal(error)
    if isinstance(error, MessageTooLarge):
        return _status(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MUCH", str(error), {"size": str(error.size)})
    if isinstance(error, TooManyWatchers):
        return _status(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MUCH", str(error), {"limit": str(error.limit)})
    if isinstance(error, Draining):
        return draining_status()
    return _status(grpc.StatusCode.INTERNAL, "INTERNAL", f"internal error, a defect of the service; {hint}", {})


def item_status(error: errors.DomainError | None) -> ItemStatus:
    """Return how one item of a batch ended; ``None`` means well."""
    if error is None:
        return ItemStatus()
    status = _refusal(error)
    return ItemStatus(code=status.code.value[0], reason=status.reason, message=status.message)


def draining_status() -> ErrorStatus:
    """Return the answer of a server that is shutting down."""
    message = "this server is shutting down; try again, another one or this one later will answer"
    return _status(grpc.StatusCode.UNAVAILABLE, "DRAINING", message, {}, _retry())


def _refusal(error: errors.DomainError) -> ErrorStatus:
    code = CODES[type(error)]
    message = _cut_sent(_encodable(str(error)))
    details: list[Message] = []
    if isinstance(error, errors.InvalidField):
        bad = error_details_pb2.BadRequest()
        bad.field_violations.add(
            field=_cut(error.field, MAX_PART), description=_cut(error.rule, MAX_PART), reason=error.reason
        )
        details.append(bad)
    if code is grpc.StatusCode.UNAVAILABLE:
        details.append(_retry())
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        failure = error_details_pb2.PreconditionFailure()
        failure.violations.add(
            type=error.reason, subject=_cut(error.resource, MAX_PART), description=_cut(message, MAX_PART)
        )
        details.append(failure)
    elif error.resource:
        kind, name = _split_resource(error.resource)
        details.append(error_details_pb2.ResourceInfo(resource_type=kind, resource_name=_cut(name, MAX_PART)))
    return _status(code, error.reason, message, error.metadata, *details)


def _status(
    code: grpc.StatusCode, reason: str, message: str, metadata: dict[str, str], *details: Message
) -> ErrorStatus:
    info = error_details_pb2.ErrorInfo(domain=DOMAIN, reason=reason, metadata=_cut_metadata(metadata))
    return ErrorStatus(code, reason, _cut_sent(message), (info, *details))


def _retry() -> error_details_pb2.RetryInfo:
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.seconds = RETRY_SECONDS
    return retry


def _split_resource(resource: str) -> tuple[str, str]:
    """Take ``"artifact version 1234"`` apart: the name is the last word or whatever stands in quotes."""
    head, quote_mark, tail = resource.partition('"')
    if quote_mark:
        return head.strip(), tail.rstrip('"')
    kind, _, name = resource.rpartition(" ")
    return kind or "resource", name


def _cut_metadata(metadata: dict[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    room = MAX_METADATA
    for key, value in list(metadata.items())[:MAX_ITEMS]:
        text = _cut_list(_encodable(value), room - len(key))
        room -= len(key) + len(text.encode())
        if room > 0:
            kept[key] = text
            if text != value:
                kept[f"{key}_count"] = str(value.count(",") + 1)
    return kept


def _cut_list(text: str, room: int) -> str:
    """Cut a comma separated list behind its twentieth item, or before the first that does not fit."""
    items = text.split(",")
    kept = ",".join(items[:MAX_ITEMS])
    while len(kept.encode()) > room and "," in kept:
        kept = kept.rpartition(",")[0]
    return _cut(kept, max(room, 1))


def _encodable(text: str) -> str:
    """Return the text with ``?`` for what UTF-8 cannot say, such as odd bytes in the name of a folder."""
    return text.encode(errors="replace").decode()


def _cut_sent(message: str) -> str:
    """Cut a message so that it fits as gRPC sends it, where a letter beyond ASCII takes three bytes each of its own."""
    while len(quote(message, safe=" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~")) > MAX_MESSAGE:
        message = _cut(message, len(message.encode()) * 7 // 8)
    return message


def _cut(text: str, size: int) -> str:
    """Cut a text to at most ``size`` bytes."""
    raw = text.encode(errors="replace")
    if len(raw) <= size:
        return raw.decode()
    return raw[: max(size - 3, 0)].decode(errors="ignore") + "..."
