"""The thread that keeps a run alive, and what it lets the run know."""

from __future__ import annotations

import threading
import time

import pytest

from argosy.errors import ConflictError, RunCancelledError, UnavailableError
from argosy.execution.running.lease import Lease
from argosy.v1.pipeline_pb2 import Run
from tests.waiting import PATIENCE, wait_until


def raises(lease: Lease) -> bool:
    try:
        lease.check()
    except Exception:
        return True
    return False


def renews() -> bool:
    """Tell whether the thread of a lease is there."""
    return any(thread.name == "argosy-run-lease" for thread in threading.enumerate())


def test_it_renews_again_and_again_until_it_is_left() -> None:
    renewed = threading.Semaphore(0)

    def renew() -> Run:
        renewed.release()
        return Run()

    with Lease(renew, 0.03) as lease:
        assert all(renewed.acquire(timeout=PATIENCE) for _ in range(3))
        lease.check()
    wait_until(lambda: not renews(), "its thread ends")


def test_a_request_to_stop_is_passed_on() -> None:
    with Lease(lambda: Run(cancel_requested=True), 0.03) as lease:
        wait_until(lambda: raises(lease), "the run shall stop")
        with pytest.raises(RunCancelledError, match="asked to stop"):
            lease.check()


def test_a_lost_lease_is_passed_on_and_not_asked_for_again() -> None:
    asked: list[int] = []

    def renew() -> Run:
        asked.append(1)
        raise ConflictError("too late", reason="LEASE_EXPIRED")

    with Lease(renew, 0.03) as lease:
        wait_until(lambda: raises(lease), "the run shall stop")
        with pytest.raises(ConflictError, match="too late"):
            lease.check()
        wait_until(lambda: not renews(), "its thread ends")
    assert asked == [1]


def test_a_service_that_is_away_for_a_moment_is_asked_again() -> None:
    asked: list[int] = []

    def renew() -> Run:
        asked.append(1)
        if len(asked) < 3:
            raise UnavailableError("away")
        return Run()

    with Lease(renew, 0.03) as lease:
        wait_until(lambda: len(asked) > 3, "it is asked once more")
        lease.check()


def test_whoever_wants_to_know_is_told_once_that_the_run_shall_stop() -> None:
    told: list[bool] = []
    with Lease(lambda: Run(cancel_requested=True), 0.03, lambda: told.append(raises(lease))) as lease:
        wait_until(lambda: told, "it is told")
        time.sleep(0.05)
    assert told == [True]


def test_a_renewal_is_good_for_another_period() -> None:
    left_when_asked: list[float] = []

    def renew() -> Run:
        left_when_asked.append(lease.remaining())
        return Run()

    lease = Lease(renew, 3)
    with lease:
        # A third of the period is over then, and comes back.
        wait_until(lambda: left_when_asked and lease.remaining() > left_when_asked[0], "more time is left")
        assert lease.remaining() <= 3
