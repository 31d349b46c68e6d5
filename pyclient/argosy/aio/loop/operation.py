"""What one task has under way in threads, and how all of it ends when the task is cancelled."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from argosy.execution.views.transfer_progress import OnProgress, TransferProgress, shown
from argosy.transport.progress import Progress

T = TypeVar("T")
_LOOK_SECONDS = 1.0
"""How often a thread that waits for the event loop looks whether there still is one."""


class OperationEndedError(BaseException):
    """What a thread does is not wanted any more; no error of the store, so nobody tries again."""


class Operation:
    """The work of threads for one task. Threads make their calls on the event loop through it.

    Attributes:
        ended: whether the work is not wanted any more.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; calls are made on ``loop``."""
        self.ended = False
        self._loop = loop
        self._tasks: set[asyncio.Task[Any]] = set()

    def end(self) -> None:
        """Cancel the calls under way, and refuse others; only from the event loop."""
        self.ended = True
        for task in list(self._tasks):
            task.cancel()

    def check(self) -> None:
        """Let work go on that is still wanted.

        Raises:
            OperationEndedError: it is not.
        """
        if self.ended:
            raise OperationEndedError

    def on_loop(self, make: Callable[[], Coroutine[Any, Any, T]], *, also_ended: bool = False) -> T:
        """Do something on the event loop, from a thread, and wait for it.

        Args:
            make: makes the coroutine, on the event loop.
            also_ended: do it also when the work is not wanted any more: it cleans up.

        Raises:
            OperationEndedError: the work is not wanted any more, or the event loop is gone.
            Exception: what the coroutine raised.
        """
        if not also_ended:
            self.check()
        coroutine = self._tracked(make, also_ended)
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # the loop is closed
            coroutine.close()
            raise OperationEndedError from None
        while True:
            try:
                return future.result(_LOOK_SECONDS)
            except concurrent.futures.CancelledError:
                raise OperationEndedError from None
            except concurrent.futures.TimeoutError:
                if future.done():
                    return future.result()
                if self._loop.is_closed():
                    raise OperationEndedError from None

    def soon_on_loop(self, work: Callable[[], object]) -> None:
        """Do something on the event loop, from any thread, without waiting for it."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and with it what ``work`` would end
            self._loop.call_soon_threadsafe(work)

    @contextlib.contextmanager
    def show(self, name: str, on_progress: OnProgress | None) -> Iterator[Progress]:
        """Let a transfer be seen by ``on_progress`` alone; it is also where a transfer notices that it is not wanted.

        Raises:
            ParameterError: ``on_progress`` cannot be called.
        """
        with shown(name, _unseen if on_progress is None else on_progress) as progress:
            yield _WantedProgress(progress, self)

    async def _tracked(self, make: Callable[[], Coroutine[Any, Any, T]], also_ended: bool) -> T:
        if also_ended:
            return await make()
        if self.ended:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            return await make()
        finally:
            self._tasks.discard(task)


class _WantedProgress(Progress):
    """Progress of work that ends when nobody wants it."""

    def __init__(self, progress: Progress, operation: Operation) -> None:
        self._progress = progress
        self._operation = operation

    def expect(self, total_bytes: int) -> None:
        """Tell it on."""
        self._operation.check()
        self._progress.expect(total_bytes)

    def advance(self, count: int) -> None:
        """Tell it on."""
        self._operation.check()
        self._progress.advance(count)


def _unseen(_: TransferProgress) -> None:
    """Show no bar: a terminal has room for one, and a service has many transfers at once."""
