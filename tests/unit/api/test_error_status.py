from __future__ import annotations

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from argosy.v1.errors_pb2 import ErrorReason
from argosy_server.api.messages import error_status
from argosy_server.api.messages.error_status import CODES, ErrorStatus, draining_status, status_of
from argosy_server.api.messages.refusals import MessageTooLarge
from argosy_server.domain import errors

ALL_REASONS = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118 - no mapping
REFUSALS = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.DomainError) and value is not errors.DomainError
]


def refusal(kind: type[errors.DomainError], message: str = "why", **more: object) -> errors.DomainError:
    return errors.InvalidField("field", message) if kind is errors.InvalidField else kind(message, **more)  # type: ignore[arg-type]  # any refusal but this one takes these


def found(status: ErrorStatus, kind: type[Message]) -> list[Message]:
    """Unpack the details of one kind as a client sees them."""
    unpacked = []
    for detail in status.to_rpc_status().details:
        message = kind()
        if detail.Unpack(message):
            unpacked.append(message)
    return unpacked


def info_of(status: ErrorStatus) -> error_details_pb2.ErrorInfo:
    [info] = found(status, error_details_pb2.ErrorInfo)
    return info


def test_the_table_has_every_refusal_of_the_domain_and_no_other() -> None:
    assert set(CODES) == set(REFUSALS)


def test_the_reasons_are_exactly_those_of_the_contract() -> None:
    of_the_wire = {"UNSPECIFIED", "TOO_MUCH", "DRAINING", "INTERNAL"}
    assert {kind.reason for kind in REFUSALS} | of_the_wire == ALL_REASONS


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_every_refusal_carries_one_error_info_with_its_reason(kind: type[errors.DomainError]) -> None:
    status = status_of(refusal(kind), "hint")
    info = info_of(status)
    assert (status.code, info.domain, info.reason) == (CODES[kind], "argosy", kind.reason)


def test_a_bad_field_is_named_with_the_rule() -> None:
    status = status_of(errors.InvalidField("spec.name", "is empty"), "hint")
    [bad] = found(status, error_details_pb2.BadRequest)
    assert isinstance(bad, error_details_pb2.BadRequest)
    assert [(violation.field, violation.description) for violation in bad.field_violations] == [
        ("spec.name", "is empty")
    ]
    assert status.message == "spec.name: is empty"


@pytest.mark.parametrize(
    ("resource", "parts"),
    [
        ("run 1234", ("run", "1234")),
        ("artifact version 1234", ("artifact version", "1234")),
        ('artifact "my weights"', ("artifact", "my weights")),
        ("1234", ("resource", "1234")),
    ],
)
def test_what_is_not_there_is_named_by_kind_and_name(resource: str, parts: tuple[str, str]) -> None:
    [named] = found(status_of(errors.RunNotFound("no", resource=resource), "hint"), error_details_pb2.ResourceInfo)
    assert isinstance(named, error_details_pb2.ResourceInfo)
    assert (named.resource_type, named.resource_name) == parts


def test_an_unmet_precondition_is_told_with_its_subject() -> None:
    status = status_of(errors.VersionInUse("set force", resource="artifact version 1"), "hint")
    [failure] = found(status, error_details_pb2.PreconditionFailure)
    assert isinstance(failure, error_details_pb2.PreconditionFailure)
    assert [(part.type, part.subject, part.description) for part in failure.violations] == [
        ("VERSION_IN_USE", "artifact version 1", "set force")
    ]


@pytest.mark.parametrize("status", [status_of(errors.StorageUnavailable("away"), ""), draining_status()])
def test_what_may_succeed_later_says_when_to_try_again(status: ErrorStatus) -> None:
    [retry] = found(status, error_details_pb2.RetryInfo)
    assert isinstance(retry, error_details_pb2.RetryInfo)
    assert (status.code, retry.retry_delay.seconds) == (grpc.StatusCode.UNAVAILABLE, 1)


def test_metadata_reaches_programs() -> None:
    assert dict(info_of(status_of(errors.ReadPastEnd("beyond", size=7), "")).metadata) == {"size": "7"}


def test_a_defect_tells_nothing_but_where_to_look() -> None:
    status = status_of(RuntimeError("password=hunter2 at /srv/secret"), "the log has it under request id 17")
    assert (status.code, info_of(status).reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert status.message == "internal error, a defect of the service; the log has it under request id 17"
    assert b"hunter2" not in status.to_rpc_status().SerializeToString()


def test_a_message_that_is_too_large_is_resource_exhausted() -> None:
    status = status_of(MessageTooLarge(5 << 20), "")
    assert (status.code, info_of(status).reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MUCH")


@pytest.mark.parametrize("letter", ["x", "é", "漢", "🙂", "\n", "%"])
@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_a_status_stays_below_what_trailers_hold(kind: type[errors.DomainError], letter: str) -> None:
    long = letter * 10_000
    more = {} if kind is errors.InvalidField else {"resource": f"run {long}", **{f"key{n}": long for n in range(40)}}
    status = status_of(refusal(kind, long, **more), "hint")
    assert len(status.to_rpc_status().SerializeToString()) < 4096
    sent = sum(1 if " " <= char <= "~" and char != "%" else 3 * len(char.encode()) for char in status.message)
    assert 500 < sent <= error_status.MAX_MESSAGE
    assert info_of(status).reason == kind.reason


def test_a_long_list_is_cut_to_twenty_and_a_count() -> None:
    near = ",".join(f"name{number}" for number in range(30))
    metadata = info_of(status_of(errors.ArtifactNotFound("no", near=near), "")).metadata
    assert metadata["near"] == ",".join(f"name{number}" for number in range(20))
    assert metadata["near_count"] == "30"


def test_a_short_list_is_kept_whole_without_a_count() -> None:
    metadata = info_of(status_of(errors.ArtifactNotFound("no", near="a,b"), "")).metadata
    assert dict(metadata) == {"near": "a,b"}


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_a_path_that_is_no_text_can_be_told(kind: type[errors.DomainError]) -> None:
    odd = "odd\udcff"
    status = status_of(kind(odd, odd) if kind is errors.InvalidField else kind(odd, resource=odd, near=odd), "")
    assert "odd?" in status.message
    assert b"odd?" in status.to_rpc_status().SerializeToString()
