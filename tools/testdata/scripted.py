"""What the vectors of ``resume.json`` share: a store that answers as one says, and takes nothing else."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo

from argosy.errors import CorruptDataError, ServiceError
from argosy.transport.rpc.error_mapping import to_exception
from tools.testdata.digests import content_of
from tools.testdata.reasons import trailer

MIB = 1 << 20
SIZE = 3 * MIB + 7
Step = dict[str, Any]


@cache
def content() -> memoryview:
    """Return the content of every vector."""
    return memoryview(content_of(SIZE))


def pause(failed: int) -> list[float]:
    """Return the shortest and the longest pause after so many failures in a row."""
    longest = min(5.0, 0.2 * 2**failed)
    return [longest / 2, longest]


def ending(error: Exception, result: str) -> str:
    """Return how an error of the SDK is called in a vector with this result."""
    if isinstance(error, CorruptDataError):  # whoever found the damage
        return result if result in ("CORRUPT", "BLOB_CORRUPT") else "CORRUPT"
    assert isinstance(error, ServiceError), error
    return error.reason or error.code


class Steps:
    """The calls of a vector, in order.

    Attributes:
        may_stop: whether the client may end before the last one.
    """

    def __init__(self, vector: dict[str, Any], *, hurries: bool = False) -> None:
        """Begin; a client that ``hurries`` need not wait."""
        self.may_stop = vector.get("may_stop", False)
        self._steps = list(vector["steps"])
        self._hurries = hurries
        self._waited = 0.0

    def wait(self, seconds: float) -> None:
        """Remember that the client waits."""
        self._waited = seconds

    def take(self, call: str, **facts: int) -> Step:
        """Return the step that this call has to be."""
        assert self._steps, f"{call} after the last step"
        step: Step = self._steps.pop(0)
        shortest, longest = step.get("pause", (0, 0))
        assert call == step["call"], f"{call} instead of {step}"
        assert facts.items() <= step.items(), f"{facts} instead of {step}"
        assert self._hurries or shortest <= self._waited <= longest, f"waited {self._waited} s before {step}"
        self._waited = 0.0
        return step

    def finish(self) -> None:
        """Say that no other call comes."""
        assert self.may_stop or self._steps == [], f"ended before {self._steps}"


class _Refusal(grpc.RpcError):
    """A status as a call of gRPC raises it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code)
        self._code, self._reason = code, reason

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode[self._code]

    def details(self) -> str:
        return self._reason or self._code

    def trailing_metadata(self) -> Any:
        info = [ErrorInfo(domain="argosy", reason=self._reason)] if self._reason else []
        return [("grpc-status-details-bin", base64.b64decode(trailer(self._code, self.details(), *info)))]


def refusal(code: str, reason: str) -> Exception:
    """Return what the SDK raises for a status."""
    return to_exception(_Refusal(code, reason), "nowhere")
