"""The kinds of client, called alike: what a method returns is handed to ``do``, which waits for it if need be."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Protocol

import pytest

import argosy
import argosy.aio
from argosy import TransferProgress
from tests.faults.stand import in_background
from tests.waiting import PATIENCE

OnProgress = Callable[[TransferProgress], None]


class Kind(Protocol):
    """Makes clients of one kind and calls them."""

    def client(self, address: str, **settings: Any) -> Any:
        """Return a client."""
        ...

    def do(self, call: Any) -> Any:
        """Return what a call of a method of such a client brings; lists as a list."""
        ...

    def start(self, call: Callable[[], Any]) -> Future[Any]:
        """Begin a call, and go on."""
        ...

    def give_up(self, share: float, call: Callable[[OnProgress], Any]) -> None:
        """Begin a transfer, and give it up when a share of its bytes has been moved; return when it has ended."""
        ...

    def begin(self, watch: Any) -> Any:
        """Return a watch once it has begun."""
        ...

    def taken(self, watch: Any, count: int) -> Any:
        """Begin to take the next events of a watch, fewer when it ends; a call as those of its methods."""
        ...

    def take(self, watch: Any, count: int) -> list[Any]:
        """Return the next events of a watch."""
        ...


class Blocking:
    """``argosy.Client``."""

    def client(self, address: str, **settings: Any) -> argosy.Client:
        return argosy.Client(address, **settings)

    def do(self, call: Any) -> Any:
        return list(call) if isinstance(call, Iterator) else call

    def start(self, call: Callable[[], Any]) -> Future[Any]:
        return in_background(call)

    def give_up(self, share: float, call: Callable[[OnProgress], Any]) -> None:
        def interrupt(progress: TransferProgress) -> None:
            if share * progress.total_bytes <= progress.done_bytes < progress.total_bytes:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            call(interrupt)

    def begin(self, watch: Any) -> Any:
        return watch

    def taken(self, watch: Any, count: int) -> Any:
        return list(itertools.islice(watch, count))

    def take(self, watch: Any, count: int) -> list[Any]:
        return list(self.taken(watch, count))


class Asyncio:
    """``argosy.aio.Client``, in an event loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="event loop")
        self._thread.start()
        self._clients: list[argosy.aio.Client] = []

    def client(self, address: str, **settings: Any) -> argosy.aio.Client:
        self._clients.append(argosy.aio.Client(address, **settings))
        return self._clients[-1]

    def do(self, call: Any) -> Any:
        return (
            self.start(lambda: call).result(PATIENCE) if inspect.isasyncgen(call) or inspect.isawaitable(call) else call
        )

    def start(self, call: Callable[[], Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(_waited_for(call()), self._loop)

    def give_up(self, share: float, call: Callable[[OnProgress], Any]) -> None:
        has_come, is_cancelled = threading.Event(), threading.Event()

        def wait(progress: TransferProgress) -> None:
            if share * progress.total_bytes <= progress.done_bytes < progress.total_bytes:
                has_come.set()
                assert is_cancelled.wait(PATIENCE)

        async def cancelled() -> bool:
            task = asyncio.ensure_future(call(wait))
            await asyncio.to_thread(has_come.wait, PATIENCE)
            task.cancel()
            self._loop.call_soon(is_cancelled.set)
            await asyncio.wait([task], timeout=PATIENCE)
            return bool(task.cancelled())

        assert self.do(cancelled()) is True

    def begin(self, watch: Any) -> Any:
        return self.do(watch.__aenter__())

    def taken(self, watch: Any, count: int) -> Any:
        return _taken(watch, count)

    def take(self, watch: Any, count: int) -> list[Any]:
        return list(self.do(self.taken(watch, count)))

    def close(self) -> None:
        """End the clients, then the event loop."""
        for client in self._clients:
            self.do(client.close())
        self.do(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _waited_for(call: Any) -> Any:
    if inspect.isasyncgen(call):
        return [item async for item in call]
    return await call


async def _taken(watch: Any, count: int) -> list[Any]:
    taken: list[Any] = []
    while len(taken) < count:
        try:
            taken.append(await anext(watch))
        except StopAsyncIteration:
            break
    return taken


@pytest.fixture(params=["blocking", "asyncio"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """Each kind of client in turn."""
    if request.param == "blocking":
        yield Blocking()
        return
    kind = Asyncio()
    yield kind
    kind.close()


__all__ = ["Kind", "kind"]
