"""A green state machine proves nothing unless it turns red: each of these bugs is one it must find."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from argosy_server.adapters.metadata.runs.attempt_repository import SqlAttemptRepository
from argosy_server.adapters.metadata.runs.cache_repository import SqlCacheRepository
from argosy_server.adapters.metadata.runs.reservation_repository import SqlReservationRepository
from argosy_server.usecases.runs import start_step, track_runs
from tests.stateful.run_machine import RunMachine

SEARCH = settings(
    # Ends with the first failure; rare bugs need luck, so leave room for it: 150 were too few once.
    max_examples=1500,
    stateful_step_count=40,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

Bug = Callable[[pytest.MonkeyPatch], None]


def a_replaced_runner_goes_on(patch: pytest.MonkeyPatch) -> None:
    driven = track_runs.driven
    for module in (track_runs, start_step):
        patch.setattr(module, "driven", lambda run, _: driven(run, ""))


def a_resumed_run_lets_zombies_complete(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SqlAttemptRepository, "_abandon_steps", lambda *_: None)


def nobody_waits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SqlReservationRepository, "holder", lambda *_: None)


def a_run_completes_although_a_step_failed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(track_runs, "FAILED_STEPS", frozenset())


def what_is_evicted_is_taken_all_the_same(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SqlCacheRepository, "evict", lambda self, project, entries: 0)


BUGS: list[Bug] = [
    a_replaced_runner_goes_on,
    a_resumed_run_lets_zombies_complete,
    nobody_waits,
    a_run_completes_although_a_step_failed,
    what_is_evicted_is_taken_all_the_same,
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: str(bug.__name__))
def test_the_state_machine_finds_the_bug(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    # What is flaky may be a test that was stopped for its time: that is a failure too, and no finding.
    with pytest.raises((AssertionError, grpc.RpcError)):
        run_state_machine_as_test(RunMachine, settings=SEARCH)
