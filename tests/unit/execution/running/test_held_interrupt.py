"""Ctrl-C while an end is recorded: passed over once, never for good."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from argosy.execution.running.held_interrupt import held_interrupt, postponed_interrupt


@pytest.fixture(autouse=True)
def _as_on_a_terminal() -> Iterator[None]:
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


def test_one_interrupt_is_passed_over_and_the_next_gets_through() -> None:
    with held_interrupt():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_after_the_block_interrupts_are_as_before() -> None:
    with held_interrupt():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_handler_of_the_program_stays_in_charge() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    with held_interrupt():
        signal.raise_signal(signal.SIGINT)
    assert heard == [signal.SIGINT]


def test_a_postponed_interrupt_comes_when_the_block_has_ended() -> None:
    done: list[int] = []

    def work() -> None:
        with postponed_interrupt():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_is_not_postponed() -> None:
    done: list[int] = []

    def work() -> None:
        with postponed_interrupt():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == []
