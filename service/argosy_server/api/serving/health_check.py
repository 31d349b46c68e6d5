"""Asking a server whether it is there and takes calls, as a container's probe does."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_ANSWERS = health_pb2.HealthCheckResponse


class NotServing(Exception):
    """The server takes no calls; the message says why."""


def check_health(address: str, timeout: float) -> None:
    """Return when the server at an address takes calls.

    Args:
        address: ``HOST:PORT``.
        timeout: seconds it may take to answer.

    Raises:
        NotServing: nobody answers there in time, or it is shutting down, or it is no server with health checks.
    """
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=timeout)
        except grpc.RpcError as error:
            reasons = {
                grpc.StatusCode.UNAVAILABLE: "nobody listens there",
                grpc.StatusCode.DEADLINE_EXCEEDED: f"no answer within {timeout:g} s",
                grpc.StatusCode.UNIMPLEMENTED: "what listens there has no health checks, so it is no argosy-server",
            }
            code = error.code()
            raise NotServing(f"{address}: {reasons.get(code, code.name)}") from None
    if answer.status != _ANSWERS.SERVING:
        raise NotServing(f"{address}: {_ANSWERS.ServingStatus.Name(answer.status)}: the server is shutting down")
