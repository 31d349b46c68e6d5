from __future__ import annotations

import os
import threading

from argosy_server.adapters.metadata.connections.append_signal import AppendSignal


def test_a_signal_wakes_who_waits() -> None:
    signal = AppendSignal()
    counts: list[int] = []
    waiting = threading.Thread(target=lambda: counts.append(signal.wait(0, 30)))
    waiting.start()
    signal.give()
    waiting.join(30)
    assert counts == [1]


def test_a_signal_that_was_given_before_is_not_missed() -> None:
    signal = AppendSignal()
    signal.give()
    assert signal.wait(0, 30) == 1
    assert signal.wait(1, 0.01) == 1


def test_a_child_goes_on_although_a_thread_of_the_parent_held_the_lock() -> None:
    signal = AppendSignal()
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with signal._changed:
            held.set()
            release.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    child = os.fork()
    if child == 0:
        done = threading.Thread(target=signal.give, daemon=True)
        done.start()
        done.join(10)
        os._exit(int(done.is_alive()))
    release.set()
    holder.join(30)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
