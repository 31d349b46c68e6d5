"""Simple calls that outlast a server which is away for a while: the same message is sent until it comes back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import grpc

from argosy.errors import ArgosyError
from argosy.transport.calls import Calls
from argosy.transport.retry import Backoff, worth_retrying

Request = TypeVar("Request")
Response = TypeVar("Response")


@dataclass(frozen=True)
class PatientCalls(Calls):
    """Calls of somebody who has the time to wait; each keeps its request_id, so that it counts once.

    Attributes:
        patience: asked when a call fails: for how many seconds after its beginning it may be repeated.
    """

    patience: Callable[[], float]

    def unary(
        self,
        method: grpc.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        deadline: float | None = None,
        *,
        wait_for_ready: bool = False,
    ) -> Response:
        """Make a simple call, again and again while the store cannot be reached and there is time.

        Raises:
            ArgosyError: as :mod:`argosy.transport.error_mapping` says.
        """
        began = time.monotonic()
        backoff = Backoff("a call of a run", attempts=sys.maxsize)
        while True:
            try:
                return super().unary(method, request, deadline, wait_for_ready=wait_for_ready)
            except ArgosyError as error:
                if not worth_retrying(error) or time.monotonic() - began >= self.patience():
                    raise
                backoff.pause_anyhow(error)
