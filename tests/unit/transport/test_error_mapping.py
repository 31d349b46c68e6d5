"""Every status and every reason becomes an exception of ours, with what the service said."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from argosy import errors
from argosy.config import ClientConfig
from argosy.transport.connection import connect
from argosy.transport.rpc.error_mapping import BY_STATUS, DETAILS_TRAILER, DOMAIN, raise_item, to_exception
from argosy.v1.artifact_pb2 import VersionSelector
from argosy.v1.artifact_service_pb2 import GetArtifactVersionRequest, GetArtifactVersionResponse
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceServicer
from argosy.v1.errors_pb2 import ErrorReason, ItemStatus

CODE = grpc.StatusCode

BY_REASON = {
    "INVALID_FIELD": (CODE.INVALID_ARGUMENT, errors.InvalidRequestError),
    "INVALID_STREAM": (CODE.INVALID_ARGUMENT, errors.InvalidRequestError),
    "DIGEST_MISMATCH": (CODE.INVALID_ARGUMENT, errors.CorruptDataError),
    "REQUEST_ID_REUSED": (CODE.INVALID_ARGUMENT, errors.InvalidRequestError),
    "LIMIT_EXCEEDED": (CODE.INVALID_ARGUMENT, errors.InvalidRequestError),
    "BLOB_CORRUPT": (CODE.DATA_LOSS, errors.CorruptDataError),
    "WRITE_PAST_END": (CODE.OUT_OF_RANGE, errors.OutOfRangeError),
    "READ_PAST_END": (CODE.OUT_OF_RANGE, errors.OutOfRangeError),
    "VERSION_EXISTS": (CODE.ALREADY_EXISTS, errors.AlreadyExistsError),
    "RUN_EXISTS": (CODE.ALREADY_EXISTS, errors.AlreadyExistsError),
    "ARTIFACT_NOT_FOUND": (CODE.NOT_FOUND, errors.NotFoundError),
    "BLOB_NOT_FOUND": (CODE.NOT_FOUND, errors.NotFoundError),
    "UPLOAD_NOT_FOUND": (CODE.NOT_FOUND, errors.NotFoundError),
    "RUN_NOT_FOUND": (CODE.NOT_FOUND, errors.NotFoundError),
    "BLOB_MISSING": (CODE.FAILED_PRECONDITION, errors.PreconditionError),
    "VERSION_IN_USE": (CODE.FAILED_PRECONDITION, errors.PreconditionError),
    "ILLEGAL_TRANSITION": (CODE.FAILED_PRECONDITION, errors.PreconditionError),
    "ETAG_MISMATCH": (CODE.ABORTED, errors.ConflictError),
    "SUPERSEDED": (CODE.ABORTED, errors.ConflictError),
    "LEASE_EXPIRED": (CODE.ABORTED, errors.ConflictError),
    "CURSOR_EXPIRED": (CODE.OUT_OF_RANGE, errors.CursorExpiredError),
    "WATCH_STALLED": (CODE.ABORTED, errors.ConflictError),
    "STORAGE_FULL": (CODE.RESOURCE_EXHAUSTED, errors.ResourceExhaustedError),
    "TOO_MUCH": (CODE.RESOURCE_EXHAUSTED, errors.ResourceExhaustedError),
    "STORAGE_UNAVAILABLE": (CODE.UNAVAILABLE, errors.UnavailableError),
    "DRAINING": (CODE.UNAVAILABLE, errors.UnavailableError),
    "DIRECT_ACCESS_REFUSED": (CODE.PERMISSION_DENIED, errors.PermissionDeniedError),
    "SIGNED_TRANSFERS_REFUSED": (CODE.PERMISSION_DENIED, errors.PermissionDeniedError),
    "INTERNAL": (CODE.INTERNAL, errors.InternalServiceError),
}


class Refusal(grpc.RpcError):
    """What gRPC raises for a status."""

    def __init__(self, code: grpc.StatusCode, message: str, *details: Message, domain: str = DOMAIN) -> None:
        packed = []
        for detail in details:
            packed.append(Any())
            packed[-1].Pack(detail)
        self._code, self._message = code, message
        self._trailers = ((DETAILS_TRAILER, Status(details=packed).SerializeToString()),) if details else ()

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._message

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:  # type: ignore[override]  # the stubs name a class
        return self._trailers


def test_every_reason_of_the_contract_is_listed_here() -> None:
    named = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 - an enum wrapper
    assert named == set(BY_REASON)


@pytest.mark.parametrize("reason", BY_REASON)
def test_a_reason_becomes_its_exception(reason: str) -> None:
    code, expected = BY_REASON[reason]
    error = to_exception(Refusal(code, "words", ErrorInfo(domain=DOMAIN, reason=reason)), "grpc://x:1")
    assert (expected, "words") == (type(error), str(error))


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_status_becomes_an_exception_that_names_the_address(code: grpc.StatusCode) -> None:
    error = to_exception(Refusal(code, "words"), "grpc://x:1")
    assert type(error) is BY_STATUS[code, ""]
    assert "words" in str(error)
    assert "grpc://x:1" in str(error)


def test_an_unknown_reason_falls_back_to_its_code() -> None:
    error = to_exception(Refusal(CODE.NOT_FOUND, "words", ErrorInfo(domain=DOMAIN, reason="LATER")), "grpc://x:1")
    assert isinstance(error, errors.NotFoundError)
    assert error.reason == "LATER"


def test_a_foreign_reason_is_not_taken_for_ours() -> None:
    info = ErrorInfo(domain="example.com", reason="DIGEST_MISMATCH")
    error = to_exception(Refusal(CODE.INVALID_ARGUMENT, "words", info), "grpc://x:1")
    assert isinstance(error, errors.InvalidRequestError)
    assert error.reason == ""


def test_a_mangled_trailer_leaves_code_and_text() -> None:
    refusal = Refusal(CODE.NOT_FOUND, "words")
    refusal._trailers = ((DETAILS_TRAILER, b"\xff\xff\xff"),)
    assert isinstance(to_exception(refusal, "grpc://x:1"), errors.NotFoundError)


def test_field_violations_and_similar_names_are_told_once() -> None:
    info = ErrorInfo(domain=DOMAIN, reason="ARTIFACT_NOT_FOUND", metadata={"near": "weights"})
    violations = BadRequest(field_violations=[BadRequest.FieldViolation(field="name", description="is empty")])
    error = to_exception(Refusal(CODE.NOT_FOUND, "no 'wieghts'", info, violations), "grpc://x:1")
    assert str(error) == "no 'wieghts'; name: is empty; similar names: weights"
    repeated = Refusal(CODE.NOT_FOUND, "name: is empty; did you mean weights?", info, violations)
    assert str(to_exception(repeated, "grpc://x:1")) == "name: is empty; did you mean weights?"


def test_an_item_of_a_batch_that_ended_well_raises_nothing() -> None:
    raise_item(ItemStatus(), "file 'x'")


@pytest.mark.parametrize("reason", BY_REASON)
def test_a_reason_of_an_item_becomes_its_exception_and_names_the_item(reason: str) -> None:
    code, expected = BY_REASON[reason]
    number: int = code.value[0]
    with pytest.raises(expected, match=r"^file 'x': words$") as caught:
        raise_item(ItemStatus(code=number, reason=reason, message="words"), "file 'x'")
    assert type(caught.value) is expected
    assert getattr(caught.value, "reason", reason) == reason


@pytest.mark.parametrize("number", [99, -1])
def test_an_item_with_a_code_nobody_knows_is_an_error_too(number: int) -> None:
    with pytest.raises(errors.InternalServiceError, match="file 'x': words"):
        raise_item(ItemStatus(code=number, message="words"), "file 'x'")


class Aborting(ArtifactServiceServicer):
    """Refuses with the status the name asks for."""

    def GetArtifactVersion(
        self, request: GetArtifactVersionRequest, context: grpc.ServicerContext
    ) -> GetArtifactVersionResponse:
        info = Any()
        info.Pack(ErrorInfo(domain=DOMAIN, reason="OF_TEST", metadata={"key": "value"}))
        context.set_trailing_metadata(((DETAILS_TRAILER, Status(details=[info]).SerializeToString()),))
        context.abort(grpc.StatusCode[request.selector.name], "refused")
        raise AssertionError("abort raises")


@pytest.fixture
def config(serve: object) -> ClientConfig:
    assert callable(serve)
    made: ClientConfig = serve(Aborting())  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    return made


def test_statuses_of_a_real_server_arrive_as_exceptions(config: ClientConfig) -> None:
    artifacts = connect(config).artifacts
    seen: dict[str, type[BaseException]] = {}
    for code in set(grpc.StatusCode) - {CODE.OK, CODE.UNAVAILABLE}:
        with pytest.raises(errors.ArgosyError, match="refused") as caught:
            artifacts.get_artifact_version(VersionSelector(name=code.name))
        seen[code.name] = caught.type
    assert seen == {code.name: BY_STATUS[code, ""] for code in set(grpc.StatusCode) - {CODE.OK, CODE.UNAVAILABLE}}


def test_reason_and_metadata_are_there_for_programs(config: ClientConfig) -> None:
    with pytest.raises(errors.ConflictError) as caught:
        connect(config).artifacts.get_artifact_version(VersionSelector(name="ABORTED"))
    assert (caught.value.reason, caught.value.metadata) == ("OF_TEST", {"key": "value"})
