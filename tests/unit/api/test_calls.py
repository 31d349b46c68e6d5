from __future__ import annotations

import threading
import time

from argosy_server.api.serving.call_tracker import CallTracker


def test_calls_enter_until_the_server_drains() -> None:
    tracker = CallTracker()
    assert tracker.enter()
    tracker.leave()
    assert tracker.drain(0) == 0
    assert not tracker.enter()


def test_draining_waits_for_calls_under_way() -> None:
    tracker = CallTracker()
    tracker.enter()
    leaving = threading.Timer(0.05, tracker.leave)
    leaving.start()
    assert tracker.drain(10) == 0
    leaving.join()


def test_draining_gives_up_after_the_grace_and_tells_what_is_left() -> None:
    tracker = CallTracker()
    tracker.enter()
    tracker.enter()
    started = time.monotonic()
    assert tracker.drain(0.05) == 2
    assert time.monotonic() - started >= 0.05
