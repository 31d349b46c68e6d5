"""A watch through dying servers, cut connections and long pauses: each event once, in order."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

import argosy
from argosy import ArtifactEvent, Client
from argosy.transport.rpc import retry
from argosy.v1.pipeline_pb2 import RunState
from tests.backends.postgres import drop_database, new_database
from tests.faults.listener import listening
from tests.faults.stand import Stand, on_each_database
from tests.waiting import PATIENCE, wait_until

pytestmark = on_each_database


def save(stand: Stand, count: int, begin: int = 0) -> None:
    """Save so many versions past the proxy."""
    direct = Client(f"grpc://{stand.server.address}")
    for number in range(begin, begin + count):
        direct.save_artifact(number, "weights")


def versions_of(events: list[ArtifactEvent]) -> list[str]:
    return [event.version for event in events]


def counted(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]


def test_a_watch_goes_on_after_the_server_died(stand: Stand) -> None:
    with listening(stand.client().watch_artifacts("weights")) as listener:
        save(stand, 5)
        listener.wait_for(5)
        for round_number in range(1, 4):
            stand.kill()
            stand.start()
            save(stand, 5)
            listener.wait_for(5 * (round_number + 1))
    assert versions_of(listener.heard) == counted(20)


def test_events_while_nobody_could_listen_come_afterwards(stand: Stand) -> None:
    with listening(stand.client().watch_artifacts("weights")) as listener:
        save(stand, 1)
        listener.wait_for(1)
        stand.proxy.refuse()
        stand.proxy.cut()
        save(stand, 300)
        stand.proxy.accept()
        listener.wait_for(301)
    assert versions_of(listener.heard) == counted(301)


def test_a_watch_that_is_cut_again_and_again_misses_and_repeats_nothing(stand: Stand) -> None:
    with listening(stand.client().watch_artifacts("weights")) as listener:
        saver = threading.Thread(target=save, args=(stand, 200))
        saver.start()
        while saver.is_alive():
            stand.proxy.cut()
            time.sleep(0.05)
        saver.join()
        listener.wait_for(200)
    assert versions_of(listener.heard) == counted(200)


def test_a_stopped_server_is_waited_for(stand: Stand) -> None:
    with listening(stand.client().watch_artifacts("weights")) as listener:
        save(stand, 2)
        listener.wait_for(2)
        stand.stop()
        stand.start()
        save(stand, 2)
        listener.wait_for(4)
    assert versions_of(listener.heard) == counted(4)


def test_closing_ends_a_watch_that_waits_for_a_server_that_is_gone(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 4 * PATIENCE)
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 4 * PATIENCE)
    caplog.set_level(logging.DEBUG, "argosy.transport")
    with listening(stand.client().watch_artifacts()) as listener:
        stand.kill()
        wait_until(lambda: "; again in" in caplog.text, "it waits for its next attempt")
        listener.close()  # which takes longer than the patience of who listens if the pause is waited for
    assert (listener.heard, listener.error) == ([], None)


def test_a_watch_of_a_server_that_is_not_there_does_not_begin(stand: Stand) -> None:
    client = stand.client()
    client.save_artifact(1, "weights")
    stand.kill()
    with pytest.raises(argosy.UnavailableError, match="cannot be reached"):
        client.watch_artifacts()


def test_a_cursor_whose_events_were_forgotten_is_told(stand: Stand) -> None:
    client = stand.client()
    with client.watch_artifacts() as events:
        old = events.cursor
        client.save_artifact(1, "weights")
        new = next(events).cursor
    stand.rows("UPDATE events SET created_at = 0")
    swept = stand.run("gc", "--execute")
    assert swept.returncode == 0, swept.stderr
    with pytest.raises(argosy.CursorExpiredError, match="watch anew without a cursor"):
        client.watch_artifacts(cursor=old)
    with client.watch_artifacts(cursor=new) as events:
        client.save_artifact(2, "weights")
        assert next(events).version == "2"


def back_up(stand: Stand, folder: Path) -> str:
    """Copy a store whose server is stopped; return the URL of the copy of a database that is elsewhere."""
    shutil.copytree(stand.data, folder)
    return new_database(like=stand.database) if stand.database else ""


def restore(stand: Stand, folder: Path, database: str) -> None:
    """Put a copy in the place of the store, whose server is stopped."""
    shutil.rmtree(stand.data)
    shutil.move(folder, stand.data)
    if stand.database:
        drop_database(stand.database)
        stand.database = database


def test_a_cursor_from_before_a_backup_was_restored_is_told(stand: Stand, tmp_path: Path) -> None:
    client = stand.client()
    client.save_artifact(1, "weights")
    stand.stop()
    backup = back_up(stand, tmp_path / "backup")
    stand.start()
    with client.watch_artifacts() as events:
        client.save_artifact(2, "weights")
        cursor = next(events).cursor
    stand.stop()
    restore(stand, tmp_path / "backup", backup)
    stand.start()
    with pytest.raises(argosy.CursorExpiredError, match="restored"):
        client.watch_artifacts(cursor=cursor)


def test_connections_that_stand_still_harm_no_other_and_go_on(stand: Stand) -> None:
    filler = {"text": "x" * 200_000}
    with ExitStack() as watches:
        held = [watches.enter_context(listening(stand.client().watch_artifacts("weights"))) for _ in range(5)]
        direct = Client(f"grpc://{stand.server.address}")
        free = watches.enter_context(listening(direct.watch_artifacts("weights")))
        stand.proxy.down.hold_at(stand.proxy.down.passed + 1)
        for number in range(40):
            direct.save_artifact(number, "weights", metadata=filler)
        assert versions_of(free.wait_for(40)) == counted(40)
        stand.proxy.go_on()
        for listener in held:
            assert versions_of(listener.wait_for(40)) == counted(40)


def test_a_watch_that_comes_back_too_late_is_told(stand: Stand) -> None:
    with listening(stand.client().watch_artifacts("weights")) as listener:
        save(stand, 1)
        listener.wait_for(1)
        stand.proxy.refuse()
        stand.proxy.cut()
        save(stand, 1)
        stand.rows("UPDATE events SET created_at = 0")
        assert stand.run("gc", "--execute").returncode == 0
        stand.proxy.accept()
        wait_until(lambda: listener.error, "it is told")
    assert isinstance(listener.error, argosy.CursorExpiredError)


def test_a_run_is_watched_across_a_dying_server(stand: Stand) -> None:
    client = stand.client()
    pipelines = Client(f"grpc://{stand.server.address}").connection.pipelines
    created = pipelines.create_run("training")
    pictures = client.watch_run(created.run.id)
    seen = [next(pictures).status]
    stand.kill()
    stand.start()
    client.cancel_run(created.run.id)
    for picture in pictures:
        seen.append(picture.status)
        if picture.status == "running" and len(seen) == 2:
            state = RunState.RUN_STATE_CANCELLED
            client.connection.pipelines.finish_run(created.run.id, state, driver_token=created.driver_token)
    assert (seen[0], seen[-1]) == ("running", "cancelled")
