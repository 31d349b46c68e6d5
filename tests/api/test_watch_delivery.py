"""How a server brings events to many: who takes nothing harms nobody, and goes on where it was."""

from __future__ import annotations

import json
import logging
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from argosy.v1 import pipeline_service_pb2
from argosy.v1.watch_pb2 import WatchArtifactsRequest, WatchRunRequest
from argosy_server.api.watching import recent_events
from argosy_server.api.watching.settings import WatchSettings
from argosy_server.embedded import open_channel
from tests.api.calls import Refusal, create, expect_refusal, new_request_id, start_run
from tests.api.conftest import Service, service_on
from tests.api.past_the_service import alter
from tests.api.served import Served, served
from tests.api.server_process import ServerProcess
from tests.api.watching import Patient, Watch
from tests.waiting import wait_until

LARGE = {"filler": json.dumps("x" * 60_000)}
SMALL_WINDOW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 64 << 10))
"""A client with these holds little that it did not ask for."""


def create_large(stubs: Service, count: int) -> None:
    for _ in range(count):
        create(stubs, "p", "large", metadata=LARGE)


def stall(server: Served, count: int) -> list[Patient]:
    """Open watches that take their first message and nothing else."""
    stalled = [
        Patient(server.connect(SMALL_WINDOW).artifacts.WatchArtifacts(WatchArtifactsRequest(project="p")))
        for _ in range(count)
    ]
    for watch in stalled:
        next(watch.call)
    return stalled


FORGET_ON_SQLITE = "UPDATE store SET events_removed_seq = 1000"
FORGET_ON_POSTGRESQL = "UPDATE store SET events_removed_xid = CAST(CAST(pg_current_xact_id() AS text) AS bigint)"


def end(watches: list[Patient]) -> None:
    for watch in watches:
        watch.__exit__(None, None, None)


def test_more_who_take_nothing_than_senders_keep_nobody_waiting(tmp_path: Path, database: str) -> None:
    # Far longer than any watch of these tests waits for its next event.
    with served(tmp_path / "data", WatchSettings(senders=4, stall_seconds=600), database) as server:
        stubs = server.connect()
        stalled = stall(server, 12)
        with Watch(stubs, "p") as first, Watch(stubs, "p", name="news") as second:
            create_large(stubs, 10)
            assert len(first.take(10)) == 10
            for round_number in range(1, 6):
                create(stubs, "p", "news")
                assert (first.next().version, second.next().version) == (str(round_number), str(round_number))
        end(stalled)


def test_who_takes_nothing_is_told_so_and_goes_on_from_its_cursor(
    tmp_path: Path, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "argosy_server.calls")
    with served(tmp_path / "data", WatchSettings(stall_seconds=3), database) as server:
        stubs = server.connect()
        [stalled] = stall(server, 1)
        create_large(stubs, 20)
        wait_until(lambda: _ended_stalled(caplog), "its watch was ended")
        seen, cursor = [], ""
        with expect_refusal(grpc.StatusCode.ABORTED, "WATCH_STALLED") as refused:
            for message in stalled.call:
                seen.append(message.event.version)
                cursor = message.cursor
        assert refused.refusal.message.endswith("seconds; go on with the last cursor")
        assert 0 < len(seen) < 20
        with Watch(stubs, "p", cursor=cursor) as watch:
            seen += [event.version for event in watch.take(20 - len(seen))]
        assert seen == [str(number) for number in range(1, 21)]
        end([stalled])


def test_who_takes_nothing_for_good_is_cut(tmp_path: Path, database: str) -> None:
    with served(tmp_path / "data", WatchSettings(stall_seconds=0.2), database) as server:
        stalled = stall(server, 3)
        create_large(server.connect(), 20)
        wait_until(lambda: server.application.watches.count == 0, "all three were cut")
        end(stalled)


def test_who_watches_a_run_and_takes_nothing_is_told_so(
    tmp_path: Path, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "argosy_server.calls")
    with served(tmp_path / "data", WatchSettings(stall_seconds=3, quiet_seconds=0.1), database) as server:
        create_run = pipeline_service_pb2.CreateRunRequest(
            project="p",
            request_id=new_request_id(),
            pipeline_name="training",
            parameters={"text": json.dumps("x" * 200_000)},
        )
        run = server.connect().pipelines.CreateRun(create_run).run
        # A run that does not change is told again now and then, which soon fills a small window.
        with Patient(
            server.connect(SMALL_WINDOW).pipelines.WatchRun(WatchRunRequest(project="p", run=run.id))
        ) as stream:
            next(stream)
            wait_until(lambda: _ended_stalled(caplog), "its watch was ended")
            with expect_refusal(grpc.StatusCode.ABORTED, "WATCH_STALLED"):
                list(stream)


def _ended_stalled(caplog: pytest.LogCaptureFixture) -> bool:
    return any(getattr(record, "reason", "") == "WATCH_STALLED" for record in caplog.records)


def test_a_slow_reader_is_left_alone(tmp_path: Path, database: str) -> None:
    with served(tmp_path / "data", WatchSettings(stall_seconds=2), database) as server:
        stubs = server.connect()
        with Watch(server.connect(SMALL_WINDOW), "p") as watch:
            create_large(stubs, 40)
            versions = []
            for _ in range(40):
                versions.append(watch.next().version)
                # Much longer than the patience in all, but never without taking something.
                time.sleep(0.1)
        assert versions == [str(number) for number in range(1, 41)]


def test_a_quiet_watch_hears_how_far_it_is(tmp_path: Path, database: str) -> None:
    with served(tmp_path / "data", WatchSettings(quiet_seconds=0.1), database) as server:
        stubs = server.connect()
        with Patient(stubs.artifacts.WatchArtifacts(WatchArtifactsRequest(project="p", name="rare"))) as stream:
            first = next(stream)
            create(stubs, "p", "frequent")
            moved = next(message for message in stream if message.cursor != first.cursor)
            assert not moved.HasField("event")
        with Watch(stubs, "p", cursor=moved.cursor) as watch:
            create(stubs, "p", "next")
            assert watch.next().name == "next", "what was passed over does not come again"


def test_many_watch_with_a_few_threads(tmp_path: Path, database: str) -> None:
    settings = WatchSettings(senders=6)
    with served(tmp_path / "data", settings, database) as server:
        stubs = server.connect()
        watches = [Watch(stubs, "p") for _ in range(300)]
        create(stubs, "p", "weights")
        assert [watch.next().name for watch in watches] == ["weights"] * 300
        assert server.application.watches.count == 300
        ours = [thread.name for thread in threading.enumerate() if thread.name.startswith("watch-")]
        assert len(ours) <= settings.senders + 2
        for watch in watches:
            watch.__exit__(None, None, None)
        wait_until(lambda: server.application.watches.count == 0, "nobody watches any more")
        with Watch(stubs, "p") as watch:
            create(stubs, "p", "again")
            assert watch.next().name == "again"


def test_no_more_can_watch_than_there_is_room_for(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--max-watchers=2") as server, server.channel() as channel:
        stubs = service_on("server", server.data, channel)
        run = start_run(stubs, "p")
        of_run = stubs.pipelines.WatchRun(WatchRunRequest(project="p", run=run.id))
        with Watch(stubs, "p") as watch, Patient(of_run):
            next(of_run)
            calls: list[Any] = [
                stubs.artifacts.WatchArtifacts(WatchArtifactsRequest(project="p")),
                stubs.pipelines.WatchRun(WatchRunRequest(project="p", run=run.id)),
            ]
            for call in calls:
                with expect_refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MUCH") as refused:
                    next(call)
                assert refused.refusal.metadata == {"limit": "2"}
            create(stubs, "p", "weights")
            assert watch.next().name == "weights"
        wait_until(lambda: _can_watch(stubs), "those who went make room")


def _can_watch(stubs: Service) -> bool:
    try:
        with Watch(stubs, "p"):
            return True
    except grpc.RpcError as error:
        refusal = Refusal(error)
    assert refusal.reason == "TOO_MUCH"
    return False


def test_a_server_that_stops_tells_those_who_watch(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--grace=600") as server, server.channel() as channel:
        stubs = service_on("server", server.data, channel)
        run = start_run(stubs, "p")
        streams: list[Any] = [
            stubs.artifacts.WatchArtifacts(WatchArtifactsRequest(project="p")),
            stubs.pipelines.WatchRun(WatchRunRequest(project="p", run=run.id)),
        ]
        for stream in streams:
            next(stream)
        server.terminate()
        for stream in streams:
            with expect_refusal(grpc.StatusCode.UNAVAILABLE, "DRAINING"):
                list(stream)
        assert server.wait() == 0  # long before the grace is over


def test_what_another_process_writes_is_heard(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server, server.channel() as channel:
        stubs = service_on("server", server.data, channel)
        with Watch(stubs, "p") as watch, open_channel(server.data) as beside:
            create(service_on("embedded", server.data, beside), "p", "weights")
            assert watch.next().name == "weights"


def test_who_falls_behind_what_is_kept_in_memory_misses_nothing(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_events, "MAX_ENTRIES", 8)
    with served(tmp_path / "data", WatchSettings(), database) as server:
        stubs = server.connect()
        with Watch(server.connect(SMALL_WINDOW), "p") as slow, Watch(stubs, "p") as quick:
            create_large(stubs, 40)
            counted = [str(number) for number in range(1, 41)]
            assert [event.version for event in quick.take(40)] == counted
            assert [event.version for event in slow.take(40)] == counted


def test_a_server_that_slept_while_events_were_forgotten_lets_its_watchers_come_again_and_tells_them(
    tmp_path: Path,
    database: str,
) -> None:
    with served(tmp_path / "data", WatchSettings(poll_seconds=0.05), database) as server:
        stubs = server.connect()
        with Watch(stubs, "p") as watch:
            # As if it had been asleep: what others wrote is gone before it looked.
            alter(stubs, FORGET_ON_POSTGRESQL if database else FORGET_ON_SQLITE)
            with expect_refusal(grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE"):
                watch.next()
            with expect_refusal(grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"):
                Watch(stubs, "p", cursor=watch.cursor)
        with Watch(stubs, "p") as watch:
            if not database:
                alter(stubs, "INSERT INTO sqlite_sequence (name, seq) VALUES ('events', 1000)")
            create(stubs, "p", "after")
            assert watch.next().name == "after", "who watches anew is served"
