"""Bytes are counted for the step that moves them, and only when somebody wants to know."""

from __future__ import annotations

import threading

from argosy.execution.context import StepContext, entered_step
from argosy.execution.step_traffic import executing, is_executing, receiving, sending, traffic_of
from argosy.transport.progress import UNSEEN


def test_what_is_moved_while_a_step_is_executed_is_its_own() -> None:
    one, other = traffic_of("one"), traffic_of("other")
    with executing("one"):
        receiving(UNSEEN).advance(10)
        sending(UNSEEN).advance(3)
        sending(UNSEEN).advance(-1)
    with executing("other"):
        sending(UNSEEN).advance(7)
    assert [(item.received, item.sent) for item in (one, other)] == [(10, 2), (0, 7)]


def test_threads_of_a_step_count_for_it() -> None:
    counted = traffic_of("fit-id")
    context = StepContext("run", "fit-id", "training", "fit", "fit")
    with entered_step(context):
        threads = [threading.Thread(target=lambda: receiving(UNSEEN).advance(5)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counted.received == 20


def test_nothing_is_counted_unless_somebody_looks() -> None:
    with executing("nobody looks"):
        assert is_executing()
        assert sending(UNSEEN) is UNSEEN
    assert not is_executing()
    assert traffic_of("nobody looks").sent == 0
