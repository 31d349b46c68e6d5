"""What ``grpc.aio`` says of a stream of requests that broke while it was written."""

from __future__ import annotations

import grpc

_FROM_GRPC = "Internal error from Core"


def as_broken(error: grpc.RpcError) -> grpc.RpcError:
    """Return the error of a call, UNAVAILABLE where gRPC itself made up INTERNAL.

    It does so when a message cannot be sent any more, whatever the reason is: a server that died, or one that refuses.
    The next attempt hears which it was.
    """
    if error.code() is not grpc.StatusCode.INTERNAL or error.details() != _FROM_GRPC:
        return error
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, nothing, nothing, "the stream broke while it was written")
