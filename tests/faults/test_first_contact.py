"""The first contact with a server that does not answer: made once for all that wait for it, who are told together."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

import argosy
import argosy.aio
from argosy.errors import UnavailableError

AT_ONCE = 12
FEW = AT_ONCE // 2
"""One contact, and some more where who comes late finds the first one over; one for each would be more than this."""


class SilentServer:
    """Something that takes connections and says nothing."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening

    def contacts(self) -> int:
        """Return how many connections were made since this was asked before."""
        made = 0
        while True:
            try:
                self._listening.accept()[0].close()
            except BlockingIOError:
                return made
            made += 1


@pytest.fixture(autouse=True)
def silent_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentServer]:
    with socket.create_server(("127.0.0.1", 0), backlog=4 * AT_ONCE) as listening:
        listening.setblocking(False)
        monkeypatch.setenv("ARGOSY_SERVER", f"grpc://127.0.0.1:{listening.getsockname()[1]}")
        monkeypatch.setenv("ARGOSY_CONNECT_TIMEOUT", "1")
        yield SilentServer(listening)


def test_tasks_fail_together(silent_server: SilentServer) -> None:
    async def serve() -> list[object]:
        async with argosy.aio.Client() as client:  # fails before its block is entered
            return [client]

    async def many() -> list[type]:
        loads = [argosy.aio.load_artifact("value") for _ in range(AT_ONCE)]
        saves = [argosy.aio.save_artifact(1, "value") for _ in range(AT_ONCE)]
        clients = [serve() for _ in range(AT_ONCE)]
        found = await asyncio.gather(*loads, *saves, *clients, return_exceptions=True)
        return [type(error) for error in found]

    assert asyncio.run(many()) == [UnavailableError] * 3 * AT_ONCE
    assert 1 <= silent_server.contacts() < FEW


def test_a_task_that_gives_up_does_not_end_the_attempt_of_others_and_the_last_one_does() -> None:
    async def many() -> list[type]:
        tasks = [asyncio.create_task(argosy.aio.load_artifact("value")) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)
        for task in tasks[1:]:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks[1:])
        alone = asyncio.create_task(argosy.aio.load_artifact("value"))
        await asyncio.sleep(0)
        alone.cancel()
        await asyncio.wait([alone])
        assert alone.cancelled()
        return [type(tasks[0].exception()), *(type(task) for task in asyncio.all_tasks() - {asyncio.current_task()})]

    assert asyncio.run(many()) == [UnavailableError]


def test_threads_fail_together(silent_server: SilentServer) -> None:
    errors: list[type] = []

    def load() -> None:
        try:
            argosy.load_artifact("value")
        except argosy.ArgosyError as error:
            errors.append(type(error))

    threads = [threading.Thread(target=load) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [UnavailableError] * AT_ONCE
    assert 1 <= silent_server.contacts() < FEW
