"""Logs of steps that run: followed by other processes, while stores die or stand still."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from argosy import Client
from argosy.transport.connection import disconnect_all
from tests.e2e.command_line import ARGOSY
from tests.e2e.log_programs import started
from tests.faults.stand import Stand
from tests.waiting import wait_until
from tests.warm.process import WarmProcess

WAITING = """
@step
def first() -> int:
    print("one")
    wait("go")
    print("two")
    return 1

@step
def second(number: int) -> None:
    print("three")

def wait(name: str) -> None:
    while not pathlib.Path(name).exists():
        time.sleep(0.01)

@pipeline
def waiting() -> None:
    second(first())

waiting.with_options(run_name="t")()
"""


def follower(*arguments: str) -> subprocess.Popen[str]:
    return WarmProcess([ARGOSY, "run", "logs", "t", "-f", *arguments], stdout=subprocess.PIPE, text=True)


def test_a_running_step_is_followed_from_another_process(store: str) -> None:
    with started(WAITING) as process, follower() as shown:
        assert shown.stdout is not None
        assert shown.stdout.readline() == "first | one\n"
        Path("go").touch()
        assert shown.stdout.read() == "first | two\nsecond | three\n"
        assert (shown.wait(30), process.wait(30)) == (0, 0)


def test_a_step_that_has_not_started_is_waited_for(store: str) -> None:
    with started(WAITING) as process, follower("second", "-o", "json") as shown:
        Path("go").touch()
        output, _ = shown.communicate(timeout=60)
        assert [json.loads(line)["text"] for line in output.splitlines()] == ["three"]
        assert process.wait(30) == 0


def test_python_follows_too(store: str) -> None:
    with started(WAITING) as process:
        lines = Client().step_logs("t", "first", follow=True)
        assert next(lines).text == "one"
        Path("go").touch()
        assert [line.text for line in lines] == ["two"]
        assert process.wait(30) == 0


def test_a_server_that_is_killed_in_the_middle_has_every_line_in_the_end(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = Stand(tmp_path / "data")
    monkeypatch.setenv("ARGOSY_SERVER", stand.proxy.address)
    try:
        process = started(
            """
@step
def talk() -> None:
    for number in range(200):
        print("line", number, flush=True)
        time.sleep(0.01)

@pipeline
def talking() -> None:
    talk()

talking.with_options(run_name="t")()
"""
        )
        wait_until(lambda: list(Client().step_logs("t")), "some lines are there")
        stand.kill()
        stand.start()
        assert process.wait(60) == 0
        texts = [line.text for line in Client().get_run("t").steps["talk"].logs()]
        assert texts == [f"line {number}" for number in range(200)]
    finally:
        disconnect_all()
        stand.close()


def test_a_step_is_not_held_up_by_a_store_that_is_away(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = Stand(tmp_path / "data")
    monkeypatch.setenv("ARGOSY_SERVER", stand.proxy.address)
    # No call is given up as long as the server stands still, which is until all has been printed.
    monkeypatch.setenv("ARGOSY_UNARY_DEADLINE", "600")
    monkeypatch.setenv("ARGOSY_IDLE_TIMEOUT", "600")
    try:
        process = started(
            """
@step
def talk() -> None:
    while not pathlib.Path("away").exists():
        time.sleep(0.01)
    for number in range(200_000):
        print("line", number)
    pathlib.Path("printed").touch()
    while not pathlib.Path("back").exists():
        time.sleep(0.01)

@pipeline
def talking() -> None:
    talk()

talking.with_options(run_name="t")()
"""
        )
        stand.pause()
        Path("away").touch()
        wait_until(lambda: Path("printed").exists(), "the step has printed")
        stand.resume()
        Path("back").touch()
        assert process.wait(60) == 0
        log = Client().get_run("t").steps["talk"].logs()
        assert len(log) + log.dropped_lines == 200_000
    finally:
        disconnect_all()
        stand.close()
