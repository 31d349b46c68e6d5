"""Going on after a break, without keeping the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from argosy.errors import ArgosyError
from argosy.transport.rpc.retry import Backoff, worth_repeating

R = TypeVar("R")


async def retrying(what: str, call: Callable[[], Awaitable[R]], attempts: int) -> R:
    """Do what :func:`argosy.transport.rpc.retry.retrying` does, and sleep on the event loop meanwhile.

    Raises:
        ArgosyError: another attempt would not help, or there were enough.
    """
    backoff = Backoff(what, attempts)
    while True:
        try:
            return await call()
        except ArgosyError as error:
            if not worth_repeating(error, attempts):
                raise
            await asyncio.sleep(backoff.next_pause(error))
