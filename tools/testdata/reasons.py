"""``errors.json``: every reason of a refusal as a status on the wire, and what a client makes of it."""

from __future__ import annotations

import base64
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from argosy.transport.rpc.error_mapping import BY_STATUS
from argosy.v1.errors_pb2 import ErrorReason
from argosy_server.api.messages.error_status import CODES

ABOUT = (
    "details_base64 is the trailer `grpc-status-details-bin`. `retry` tells what may help: `no`; `call`: the same call "
    "after a pause; `upload`: GetUpload, then what the loop of docs/transfer.md says; `new_upload`: CreateUpload, from "
    "byte 0; `watch`: a new watch from the last cursor. Statuses with an empty reason are told apart by their code."
)
UPLOADS_GO_ON = {"WRITE_PAST_END", "SUPERSEDED", "TOO_MUCH", "ILLEGAL_TRANSITION"}
UPLOADS_BEGIN_AGAIN = {"UPLOAD_NOT_FOUND", "DIGEST_MISMATCH"}
# Told where no domain error is: by the servicers themselves.
OTHER_CODES = {
    "TOO_MUCH": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "DRAINING": grpc.StatusCode.UNAVAILABLE,
    "INTERNAL": grpc.StatusCode.INTERNAL,
}
METADATA = {"WRITE_PAST_END": {"committed_size": "1048576"}, "READ_PAST_END": {"size": "3"}, "TOO_MUCH": {"limit": "8"}}
WITHOUT_REASON = {
    "UNAVAILABLE": "call",
    "DEADLINE_EXCEEDED": "call",
    # The caller's own cancellation is not repeated; one that comes from elsewhere, of a transfer, is.
    "CANCELLED": "upload",
    "INTERNAL": "upload",
    "UNKNOWN": "upload",
    "UNAUTHENTICATED": "no",
    "PERMISSION_DENIED": "no",
    "UNIMPLEMENTED": "no",
    "NOT_FOUND": "no",
    # A server with too many calls, as gRPC tells it: of a transfer, no message of which is too long.
    "RESOURCE_EXHAUSTED": "upload",
}


def make() -> dict[str, Any]:
    """Return the file."""
    codes = {error.reason: code for error, code in CODES.items()} | OTHER_CODES
    names = [name.removeprefix("ERROR_REASON_") for name, number in ErrorReason.items() if number]
    assert sorted(names) == sorted(codes)
    vectors = [_reason(name, codes[name]) for name in names]
    vectors += [_bare(code, retry) for code, retry in WITHOUT_REASON.items()]
    return {"about": ABOUT, "vectors": [*vectors, *_odd()]}


def _reason(reason: str, code: grpc.StatusCode) -> dict[str, Any]:
    metadata = METADATA.get(reason, {"of": "a vector"})
    details: list[Message] = [ErrorInfo(domain="argosy", reason=reason, metadata=metadata)]
    if reason == "INVALID_FIELD":
        details.append(BadRequest(field_violations=[{"field": "name", "description": "is empty", "reason": reason}]))
    kind = BY_STATUS.get((code, reason)) or BY_STATUS[code, ""]
    return {
        "name": reason,
        "number": ErrorReason.Value(f"ERROR_REASON_{reason}"),
        "code": code.name,
        "message": f"refused: {reason}",
        "details_base64": trailer(code.name, f"refused: {reason}", *details),
        "reason": reason,
        "metadata": metadata,
        "retry": _retry(reason, code),
        "python": kind.__name__,
    }


def _retry(reason: str, code: grpc.StatusCode) -> str:
    if code is grpc.StatusCode.UNAVAILABLE:
        return "call"
    if reason == "WATCH_STALLED":
        return "watch"
    if reason in UPLOADS_BEGIN_AGAIN:
        return "new_upload"
    return "upload" if reason in UPLOADS_GO_ON else "no"


def _bare(code: str, retry: str) -> dict[str, Any]:
    kind = BY_STATUS[grpc.StatusCode[code], ""]
    return {
        "name": f"{code} without details",
        "code": code,
        "message": "said by gRPC",
        "details_base64": "",
        "reason": "",
        "metadata": {},
        "retry": retry,
        "python": kind.__name__,
    }


def _odd() -> list[dict[str, Any]]:
    """Return trailers that are not the service's, or not what they were."""
    foreign = ErrorInfo(domain="proxy.example.com", reason="VERSION_EXISTS", metadata={"of": "a proxy"})
    newer = ErrorInfo(domain="argosy", reason="NOT_KNOWN_YET", metadata={"of": "a newer server"})
    ours = ErrorInfo(domain="argosy", reason="VERSION_EXISTS", metadata={"of": "a vector"})
    trailers = {
        "a reason of another domain": (trailer("ALREADY_EXISTS", "no", foreign), "", {}),
        "a reason that is not known yet": (
            trailer("ALREADY_EXISTS", "no", newer),
            "NOT_KNOWN_YET",
            dict(newer.metadata),
        ),
        "ours behind another domain's": (
            trailer("ALREADY_EXISTS", "no", foreign, ours),
            "VERSION_EXISTS",
            {"of": "a vector"},
        ),
        "details that were mangled": (base64.b64encode(b"\xff\xff\xff").decode(), "", {}),
    }
    return [
        {
            "name": name,
            "code": "ALREADY_EXISTS",
            "message": "no",
            "details_base64": details,
            "reason": reason,
            "metadata": metadata,
            "retry": "no",
            "python": "AlreadyExistsError",
        }
        for name, (details, reason, metadata) in trailers.items()
    ]


def trailer(code: str, message: str, *details: Message) -> str:
    """Return the trailer of a status, in base64."""
    status = Status(code=Code.Value(code), message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return base64.b64encode(status.SerializeToString(deterministic=True)).decode()
