"""The one table that turns statuses of the wire into the exceptions of :mod:`argosy.errors`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from argosy.errors import (
    AlreadyExistsError,
    ArgosyError,
    ConflictError,
    CorruptDataError,
    CursorExpiredError,
    DeadlineError,
    InternalServiceError,
    InvalidRequestError,
    NotFoundError,
    OutOfRangeError,
    PermissionDeniedError,
    PreconditionError,
    ResourceExhaustedError,
    ServiceError,
    UnauthenticatedError,
    UnavailableError,
)
from argosy.v1.errors_pb2 import ItemStatus

DOMAIN = "argosy"
"""``domain`` of the ErrorInfo an Argosy service sends."""

DETAILS_TRAILER = "grpc-status-details-bin"
"""The trailer that carries ``google.rpc.Status``."""

_MAX_NAMED = 20
_CODES = {code.value[0]: code for code in grpc.StatusCode}

BY_STATUS: Mapping[tuple[grpc.StatusCode, str], type[ArgosyError]] = {
    (grpc.StatusCode.INVALID_ARGUMENT, ""): InvalidRequestError,
    # What arrived is not what was sent: the bytes are at fault, not the request.
    (grpc.StatusCode.INVALID_ARGUMENT, "DIGEST_MISMATCH"): CorruptDataError,
    (grpc.StatusCode.NOT_FOUND, ""): NotFoundError,
    (grpc.StatusCode.ALREADY_EXISTS, ""): AlreadyExistsError,
    (grpc.StatusCode.ABORTED, ""): ConflictError,
    (grpc.StatusCode.FAILED_PRECONDITION, ""): PreconditionError,
    (grpc.StatusCode.OUT_OF_RANGE, ""): OutOfRangeError,
    (grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"): CursorExpiredError,
    (grpc.StatusCode.RESOURCE_EXHAUSTED, ""): ResourceExhaustedError,
    (grpc.StatusCode.PERMISSION_DENIED, ""): PermissionDeniedError,
    (grpc.StatusCode.UNAUTHENTICATED, ""): UnauthenticatedError,
    (grpc.StatusCode.UNAVAILABLE, ""): UnavailableError,
    # Cut while the server stopped, or cancelled on this side: nobody knows what became of the call.
    (grpc.StatusCode.CANCELLED, ""): UnavailableError,
    (grpc.StatusCode.DEADLINE_EXCEEDED, ""): DeadlineError,
    (grpc.StatusCode.DATA_LOSS, ""): CorruptDataError,
    (grpc.StatusCode.UNIMPLEMENTED, ""): InternalServiceError,
    (grpc.StatusCode.INTERNAL, ""): InternalServiceError,
    (grpc.StatusCode.UNKNOWN, ""): InternalServiceError,
    # Never raised by gRPC; a broken peer that sends it as an error is a defect.
    (grpc.StatusCode.OK, ""): InternalServiceError,
}
"""Exception of each code; a reason is listed only where it means more than its code."""


def to_exception(error: grpc.RpcError, address: str) -> ArgosyError:
    """Translate what a call of gRPC raised.

    Args:
        error: the error of a call, made by gRPC or by the embedded channel.
        address: where the call went, for the messages about the way there.
    """
    code = error.code()
    info, violations = _details(error)
    reason = info.reason if info.domain == DOMAIN else ""
    metadata = dict(info.metadata)
    kind = BY_STATUS.get((code, reason)) or BY_STATUS[code, ""]
    message = _message(kind, code, error.details() or "", reason, address)
    message += _violations(message, violations)
    near = metadata.get("near", "")
    if near and near not in message:
        message += f"; similar names: {near}"
    if issubclass(kind, ServiceError):
        return kind(message, reason=reason, metadata=metadata, code=code.name)
    return kind(message)


def raise_item(status: ItemStatus, what: str) -> None:
    """Raise the exception of one item of a batch, unless it ended well; see :func:`item_error`."""
    error = item_error(status, what)
    if error is not None:
        raise error


def item_error(status: ItemStatus, what: str) -> ArgosyError | None:
    """Return the exception that stands for the end of one item of a batch, ``None`` when it ended well.

    Args:
        status: how it ended.
        what: names the item in front of the message.
    """
    if status.code == 0:
        return None
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    kind = BY_STATUS.get((code, status.reason)) or BY_STATUS[code, ""]
    message = f"{what}: {status.message}"
    return kind(message, reason=status.reason, code=code.name) if issubclass(kind, ServiceError) else kind(message)


def unreachable(address: str, why: str) -> UnavailableError:
    """Return the error of a server that cannot be reached."""
    return UnavailableError(
        f"the Argosy server at {address} cannot be reached ({why}); start it with `argosy-server serve`, or correct "
        "ARGOSY_SERVER"
    )


def _message(kind: type[ArgosyError], code: grpc.StatusCode, details: str, reason: str, address: str) -> str:
    if reason:  # the service's own words name the thing, the rule and the cure
        return details
    if kind is UnavailableError:
        return str(unreachable(address, details or code.name))
    if kind is DeadlineError:
        return (
            f"the Argosy server at {address} did not answer in time ({details or code.name}); "
            "try again, or raise ARGOSY_UNARY_DEADLINE"
        )
    return f"{details or code.name} ({code.name} from {address})"


def _violations(message: str, violations: BadRequest) -> str:
    found = [f"{item.field}: {item.description}" for item in violations.field_violations[:_MAX_NAMED]]
    new = [text for text in found if text not in message]
    return "; " + "; ".join(new) if new else ""


def _details(error: grpc.RpcError) -> tuple[ErrorInfo, BadRequest]:
    info, violations, status = ErrorInfo(), BadRequest(), Status()
    trailers: Sequence[tuple[str, str | bytes]] = error.trailing_metadata() or ()  # type: ignore[assignment]  # a pair
    trailer = next((value for key, value in trailers if key == DETAILS_TRAILER), b"")
    try:
        status.ParseFromString(trailer if isinstance(trailer, bytes) else trailer.encode())
        for detail in status.details:
            detail.Unpack(info)
            detail.Unpack(violations)
    except DecodeError:  # a proxy mangled it: the code and the text still stand
        return ErrorInfo(), BadRequest()
    return info, violations
