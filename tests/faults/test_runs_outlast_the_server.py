"""A run whose server dies and comes back goes on as if nothing had been: each call is made again, and counts once."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.transport.rpc.retry import ATTEMPTS
from tests.faults.stand import Stand, in_background
from tests.waiting import wait_until


@argosy.step(enable_cache=False)
def numbers(count: int) -> list[int]:
    return list(range(count))


@argosy.step(enable_cache=False)
def slow(values: list[int], name: str) -> list[int]:
    Path(f"runs-{name}").touch()
    wait_until(lambda: Path("go").exists(), "told to go on")
    return [2 * value for value in values]


@argosy.step(enable_cache=False)
def total(parts: list[list[int]]) -> int:
    return sum(map(sum, parts))


@pytest.mark.parametrize("runner", ["local", "processes"])
def test_a_server_that_is_killed_in_the_middle_costs_a_run_nothing(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, runner: Any
) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", stand.client().connection.config.server)

    @argosy.pipeline(runner=runner, max_parallel=2)
    def working() -> None:
        values = numbers(1000)
        total([slow(values, "a"), slow(values, "b")])

    running = in_background(working)
    wait_until(lambda: Path("runs-a").exists() and Path("runs-b").exists(), "both steps run")
    stand.kill()
    Path("go").touch()  # the steps end while nobody takes their outputs
    stand.start()
    run = running.result(timeout=90)
    assert (run.status, run.steps["total"].output.load()) == ("completed", 2 * 2 * sum(range(1000)))
    assert [step.status for step in run.steps.values()] == ["completed"] * 4


def saved(value: Any) -> int:
    return argosy.save_artifact(value, "saved").size_bytes


def loaded(name: str) -> int:
    return len(argosy.load_artifact(name))


def listed(name: str) -> int:
    return len(list(argosy.Client().list_artifact_versions(name)))


def saved_in_a_thread(value: Any) -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(saved, value).result()


USES = {
    "saves a little": lambda: saved([1]),
    "saves much": lambda: saved(bytes(range(256)) * 100_000),
    "loads a little": lambda: loaded("little"),
    "loads much": lambda: loaded("much"),
    "asks": lambda: listed("little"),
    "saves in a thread of its own": lambda: saved_in_a_thread([1]),
}


@pytest.mark.parametrize("what", USES)
def test_what_a_step_asks_of_a_server_that_is_away_waits_for_it(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", stand.client().connection.config.server)
    monkeypatch.setattr("argosy.transport.rpc.retry.FIRST_PAUSE", 0.02)
    monkeypatch.setattr("argosy.transport.rpc.retry.LONGEST_PAUSE", 0.1)
    argosy.save_artifact([1], "little")
    argosy.save_artifact(bytes(range(256)) * 100_000, "much")
    caplog.set_level(logging.DEBUG, "argosy.transport")

    def comes_back_later() -> None:
        wait_until(lambda: caplog.text.count("again in") > ATTEMPTS, "others would have given up")
        stand.start()

    @argosy.step(enable_cache=False)
    def using() -> int:
        stand.kill()
        back = in_background(comes_back_later)
        try:
            return USES[what]()
        finally:
            back.result(timeout=60)

    @argosy.pipeline
    def working() -> None:
        using()

    assert working().status == "completed"


def test_steps_that_end_while_the_server_is_away_wait_for_it(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", stand.client().connection.config.server)

    @argosy.step(enable_cache=False)
    def killing(values: list[int]) -> int:
        stand.kill()
        in_background(comes_back_later)
        return len(values)

    def comes_back_later() -> None:
        wait_until(lambda: not Path("home/rescue").exists(), "nothing is rescued")
        stand.start()

    @argosy.pipeline
    def working() -> None:
        killing(numbers(3))

    run = working()
    assert (run.status, run.steps["killing"].output.load()) == ("completed", 3)
