"""How long a transfer waits after a break, and when it gives up."""

from __future__ import annotations

import logging
import random
import time

import pytest

from argosy.errors import ArgosyError, DeadlineError, InvalidRequestError, NotFoundError, UnavailableError
from argosy.transport.rpc.retry import ATTEMPTS, Backoff, retrying

LONGEST = [0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses there would have been, each as long as it may be."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setattr(random, "uniform", lambda least, most: most)
    return pauses


def gone() -> UnavailableError:
    return UnavailableError("gone")


def test_pauses_grow_to_a_limit_and_the_last_failure_is_raised_as_it_is(slept: list[float]) -> None:
    backoff = Backoff("upload")
    for _ in range(ATTEMPTS - 1):
        backoff.pause(gone())
    last = gone()
    with pytest.raises(UnavailableError) as caught:
        backoff.pause(last)
    assert caught.value is last
    assert slept == LONGEST


def test_progress_starts_the_count_and_the_pauses_again(slept: list[float]) -> None:
    backoff = Backoff("upload")
    for _ in range(3 * ATTEMPTS):
        backoff.progressed()
        backoff.pause(gone())
    assert slept == [0.4] * 3 * ATTEMPTS


def test_pauses_are_of_random_length_so_that_clients_do_not_all_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    for _ in range(50):
        Backoff("upload").pause(gone())
    assert all(0.2 <= pause <= 0.4 for pause in pauses)  # never so short that all are over at once
    assert len(set(pauses)) > 40


@pytest.mark.parametrize("error", [InvalidRequestError("no"), NotFoundError("no"), ArgosyError("no")])
def test_what_would_not_go_well_the_next_time_is_raised_at_once(slept: list[float], error: ArgosyError) -> None:
    with pytest.raises(type(error)) as caught:
        Backoff("upload").pause(error)
    assert caught.value is error
    assert slept == []


def test_a_caller_who_knows_better_may_wait_for_any_error_but_not_for_ever(slept: list[float]) -> None:
    backoff = Backoff("upload")
    for _ in range(ATTEMPTS - 1):
        backoff.pause_anyhow(NotFoundError("no"))
    with pytest.raises(NotFoundError):
        backoff.pause_anyhow(NotFoundError("no"))
    assert slept == LONGEST


def test_a_call_is_made_again_until_it_goes_well(slept: list[float]) -> None:
    failures = [gone(), DeadlineError("late")]

    def call() -> str:
        if failures:
            raise failures.pop(0)
        return "answer"

    assert retrying("question", call) == "answer"
    assert slept == LONGEST[:2]


def test_the_log_tells_each_attempt_and_the_end(slept: list[float], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "argosy.transport")
    backoff = Backoff("upload of 'x'", attempts=2)
    backoff.pause(gone())
    with pytest.raises(UnavailableError):
        backoff.pause(gone())
    assert caplog.messages == [
        "upload of 'x': attempt 1 failed (gone); again in 0.40 s",
        "upload of 'x': gave up after 2 attempts without progress: gone",
    ]
