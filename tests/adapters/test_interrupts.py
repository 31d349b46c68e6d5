"""Ctrl-C never comes into a transaction of an embedded store, whose lock others would wait for from then on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from argosy_server.adapters.metadata.connections.interrupts import uninterrupted

PROGRAM = """
import os, signal, threading
import argosy

counts = [0, 0]

def save(number):
    while True:
        argosy.save_artifact(counts[number], "x")
        counts[number] += 1

argosy.save_artifact(0, "x")
for number in range(2):
    threading.Thread(target=save, args=(number,), daemon=True).start()
for attempt in range(40):
    try:
        press = threading.Timer(0.003 + attempt % 7 * 0.002, lambda: os.kill(os.getpid(), signal.SIGINT))
        press.start()
        while True:
            argosy.save_artifact(attempt, "x")
    except KeyboardInterrupt:
        pass
    before = list(counts)
    argosy.save_artifact(attempt, "x")
    while counts == before:
        pass
os._exit(0)
"""


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_notebook_that_is_interrupted_again_and_again_goes_on_saving(tmp_path: Path) -> None:
    settings = {name: text for name, text in os.environ.items() if not name.startswith("ARGOSY_")}
    subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**settings, "ARGOSY_HOME": str(tmp_path)}, check=True, timeout=100
    )


def interrupted(times: int, done: list[str], error: Exception | None = None) -> None:
    """Press so often in a block that goes on."""
    with uninterrupted():
        for _ in range(times):
            press()
        done.append("all of it")
        if error is not None:
            raise error


def test_it_is_heard_once_the_block_has_ended() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(1, done)
    assert done == ["all of it"]
    with pytest.raises(KeyboardInterrupt):
        press()


def test_pressed_twice_it_is_heard_at_once() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(2, done)
    assert done == []


def test_what_the_block_raised_is_not_lost() -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted(1, [], ValueError("refused"))
    assert isinstance(caught.value.__context__, ValueError)


def test_a_handler_of_the_program_is_called_and_stays() -> None:
    heard: list[int] = []
    mine = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        with uninterrupted():
            press()
            assert heard == []
        assert heard == [signal.SIGINT]
        press()
        assert len(heard) == 2
    finally:
        signal.signal(signal.SIGINT, mine)


def test_a_program_that_ignores_it_goes_on_ignoring_it() -> None:
    mine = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with uninterrupted():
            press()
    finally:
        signal.signal(signal.SIGINT, mine)


def test_other_threads_leave_the_handler_as_it_is() -> None:
    found = []

    def work() -> None:
        with uninterrupted():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
