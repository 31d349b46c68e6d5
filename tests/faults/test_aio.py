"""asyncio tasks that are cancelled, and many at once, on a way that may be broken."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

import argosy.aio
from argosy.aio.loop import endpoint
from argosy.aio.loop.endpoint import TRANSFERS, WORKERS
from argosy.errors import EventLoopError
from argosy.transport.upload import upload_session
from argosy.transport.upload.upload_files import UPLOADS_AT_ONCE
from tests.faults.stand import MEBIBYTE, Stand, array_of, assert_clean, rows
from tests.waiting import PATIENCE, wait_until

VALUE = array_of(24 * MEBIBYTE, seed=4)


@pytest.fixture(autouse=True)
def _endless_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cancelled ends because of that: no test may take as long as these."""
    monkeypatch.setenv("ARGOSY_UNARY_DEADLINE", "600")
    monkeypatch.setenv("ARGOSY_IDLE_TIMEOUT", "600")


def test_a_save_cancelled_while_its_way_stands_still_ends_at_once_and_leaves_nothing(stand: Stand) -> None:
    stand.proxy.up.hold_at(20 * MEBIBYTE)

    async def serve() -> None:
        async with argosy.aio.Client(stand.proxy.address) as client:
            saving = asyncio.create_task(client.save_artifact(VALUE, "weights"))
            await asyncio.to_thread(stand.proxy.up.wait_for, 20 * MEBIBYTE)
            saving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await saving
            stand.proxy.go_on()
            assert [item async for item in client.list_artifacts()] == []
            assert (await client.save_artifact(VALUE, "weights")).version == "1"

    asyncio.run(serve())
    assert rows(stand.data, "SELECT label FROM versions") == [("1",)]
    assert_clean(stand.data)


def test_a_save_cancelled_on_a_sound_way_gives_its_upload_up(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    # A server that does not hear of it in time ends the upload by its lease.
    monkeypatch.setattr(upload_session, "_PATIENCE_SECONDS", PATIENCE)
    monkeypatch.setattr(endpoint, "_TRANSFER_PATIENCE_SECONDS", PATIENCE)
    stand.proxy.up.pause_between_parts = 0.01

    async def serve() -> None:
        async with argosy.aio.Client(stand.proxy.address) as client:
            saving = asyncio.create_task(client.save_artifact(VALUE, "weights"))
            await asyncio.to_thread(stand.proxy.up.wait_for, 4 * MEBIBYTE)
            saving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await saving

    asyncio.run(serve())
    wait_until(lambda: rows(stand.data, "SELECT count(*) FROM uploads WHERE state = 'open'") == [(0,)], "given up")
    assert rows(stand.data, "SELECT count(*) FROM versions") == [(0,)]
    assert_clean(stand.data)


def test_a_load_cancelled_while_its_way_stands_still_ends_at_once(stand: Stand) -> None:
    async def serve() -> None:
        async with argosy.aio.Client(stand.proxy.address) as client:
            await client.save_artifact(VALUE, "weights")
            place = stand.proxy.down.passed + 20 * MEBIBYTE
            stand.proxy.down.hold_at(place)
            loading = asyncio.create_task(client.load_artifact("weights"))
            await asyncio.to_thread(stand.proxy.down.wait_for, place)
            loading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await loading
            stand.proxy.go_on()
            np.testing.assert_array_equal(await client.load_artifact("weights"), VALUE)

    asyncio.run(serve())


def test_calls_of_a_server_that_does_not_answer_can_be_timed_out(stand: Stand) -> None:
    async def serve() -> None:
        async with argosy.aio.Client(stand.proxy.address) as client:
            saved = await client.save_artifact(1, "value")
            stand.pause()
            for call in (client.get_artifact_version("value"), client.load_artifact("value"), saved.add_tags("t")):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(call, 0.2)
            stand.resume()
            assert await client.load_artifact("value") == 1

    asyncio.run(serve())


def test_files_of_the_store_are_used_where_they_can_be_reached(stand: Stand) -> None:
    stand.restart_with("--durability=process", "--direct-access")

    async def serve() -> None:
        async with argosy.aio.Client(stand.proxy.address) as client:
            await client.save_artifact(VALUE, "weights")
            np.testing.assert_array_equal(await client.load_artifact("weights"), VALUE)

    asyncio.run(serve())
    assert stand.proxy.up.passed + stand.proxy.down.passed < MEBIBYTE
    assert_clean(stand.data)


def test_what_waits_for_a_thread_when_the_last_client_closes_is_told(stand: Stand) -> None:
    async def serve() -> None:
        client = argosy.aio.Client(stand.proxy.address)
        await client.save_artifact(VALUE, "weights")
        may_go_on = threading.Event()

        def hold(_: object) -> None:
            assert may_go_on.wait(PATIENCE)

        loads = [asyncio.create_task(client.load_artifact("weights", on_progress=hold)) for _ in range(2 * TRANSFERS)]
        while sum(thread.name.startswith("argosy-aio-transfer") for thread in threading.enumerate()) < TRANSFERS:
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0.1, may_go_on.set)
        await client.close()
        ends = await asyncio.gather(*loads, return_exceptions=True)
        assert {type(end) for end in ends} == {EventLoopError}

    asyncio.run(serve())


def test_hundreds_of_operations_share_one_connection_and_few_threads(stand: Stand) -> None:
    async def serve() -> int:
        most = 0
        async with argosy.aio.Client(stand.proxy.address) as client:
            await client.save_artifact(VALUE[: 4 * MEBIBYTE], "weights")
            operations = [
                *(asyncio.create_task(client.save_artifact(number, f"value{number}")) for number in range(150)),
                *(asyncio.create_task(client.load_artifact("weights")) for _ in range(60)),
                *(asyncio.create_task(client.get_artifact_version("weights")) for _ in range(150)),
            ]
            while not all(operation.done() for operation in operations):
                most = max(most, threading.active_count())
                await asyncio.sleep(0.01)
            await asyncio.gather(*operations)
            async with argosy.aio.Client(stand.proxy.address, project="other") as other:
                await other.save_artifact(1, "value")
        return most

    before = threading.active_count()
    # A transfer has at most as many threads beside its own, and gRPC and the clock of transfers have a few.
    assert asyncio.run(serve()) - before <= WORKERS + TRANSFERS * (1 + UPLOADS_AT_ONCE) + 4
    assert stand.proxy.accepted == 1
    assert rows(stand.data, "SELECT count(*) FROM versions") == [(152,)]


def test_watchers_take_no_threads_and_hear_everything(stand: Stand) -> None:
    async def serve() -> None:
        async with argosy.aio.Client(stand.proxy.address) as client:
            watches = [client.watch_artifacts("model", alias="prod") for _ in range(100)]
            for watch in watches:
                await watch.__aenter__()
            before = threading.active_count()
            hearing = [asyncio.create_task(heard(watch, 20)) for watch in watches]
            for number in range(20):
                if number == 10:
                    stand.proxy.cut()
                await client.save_artifact(number, "model", alias="prod")
            assert threading.active_count() - before <= WORKERS
            expected = [str(number) for number in range(1, 21)]
            assert [versions for versions in await asyncio.gather(*hearing) if versions != expected] == []

    asyncio.run(serve())


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_a_task_that_watches_ends_when_it_is_cancelled_also_while_events_come(
    stand: Stand, timeout: float | None
) -> None:
    async def serve() -> tuple[list[str], int]:
        versions: list[str] = []
        cursors: list[str] = []
        cancelled = 0
        async with argosy.aio.Client(stand.proxy.address) as client:
            events = client.watch_artifacts("model", kinds="version_created", timeout=timeout)

            async def follow() -> None:
                while True:
                    event = await anext(events)
                    versions.append(event.version)
                    cursors.append(event.cursor)

            async def save_some() -> None:
                for number in range(50):
                    while saved[0] > len(versions) + 5:  # else few tasks could hear everything at once
                        await asyncio.sleep(0.001)
                    saved[0] += 1
                    await client.save_artifact(number, "model")

            saved = [0]
            async with events:
                saving = [asyncio.create_task(save_some()) for _ in range(4)]
                while len(versions) < 200:
                    following, before = asyncio.create_task(follow()), len(versions)
                    while len(versions) == before:
                        await asyncio.sleep(0)
                    for _ in range(cancelled % 40):
                        await asyncio.sleep(0)
                    following.cancel()
                    await asyncio.wait([following], timeout=PATIENCE)
                    assert following.cancelled()
                    assert events.cursor == cursors[-1], "it stands for what was told, not for what was read"
                    cancelled += 1
                await asyncio.gather(*saving)
        return versions, cancelled

    versions, cancelled = asyncio.run(serve())
    assert versions == [str(number) for number in range(1, 201)]
    assert cancelled > 10


def test_a_closed_watch_is_not_begun_again(stand: Stand) -> None:
    async def serve() -> None:
        async with argosy.aio.Client(stand.proxy.address) as client:
            events = client.watch_artifacts("model")
            await events.close()
            with pytest.raises(EventLoopError, match="was closed; call watch_artifacts again"):
                await events.__aenter__()

    asyncio.run(serve())


async def heard(watch: argosy.aio.ArtifactEvents, count: int) -> list[str]:
    async with watch:
        return [(await anext(watch)).version for _ in range(count)]
