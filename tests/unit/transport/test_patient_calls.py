"""Calls that outlast a store which is away for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from argosy.errors import ConflictError, UnavailableError
from argosy.transport.rpc.patient_calls import PatientCalls


class Refused(grpc.RpcError):
    """A status, with the methods of the errors of a channel."""

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__(code.name)
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._code.name

    def trailing_metadata(self) -> tuple[Any, ...]:
        return ()


def calls(patience: float) -> PatientCalls:
    return PatientCalls(
        project="p", address="grpc://host:1", unary_deadline=1, idle_timeout=1, patience=lambda: patience
    )


def answering(*codes: grpc.StatusCode) -> tuple[Callable[..., Any], list[object]]:
    """Return a method that fails so often, then answers; and the requests it got."""
    left, seen = list(codes), list[object]()

    def method(request: object, **_: object) -> str:
        seen.append(request)
        if left:
            raise Refused(left.pop(0))
        return "done"

    return method, seen


def test_the_same_message_is_sent_until_the_store_is_back() -> None:
    method, seen = answering(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    request = object()
    assert calls(30).unary(method, request) == "done"  # type: ignore[arg-type] # a function will do
    assert seen == [request] * 3


def test_what_the_store_refuses_is_not_asked_again() -> None:
    method, seen = answering(grpc.StatusCode.ABORTED)
    with pytest.raises(ConflictError):
        calls(30).unary(method, object())  # type: ignore[arg-type] # a function will do
    assert len(seen) == 1


def test_without_time_left_the_first_failure_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waited"))
    method, seen = answering(grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(UnavailableError, match="grpc://host:1"):
        calls(0).unary(method, object())  # type: ignore[arg-type] # a function will do
    assert len(seen) == 1
