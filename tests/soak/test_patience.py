"""When a watcher is given up: never while it sees something new, and always once it does not."""

from __future__ import annotations

from pathlib import Path

from tests.soak.crew import Patience
from tests.soak.journal import Journal

WATCHER = "watcher-0-everything"


class Watched:
    """A watcher that sees what it is told to, by a clock that goes on when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self._journal = Journal(folder, WATCHER, 0, "a")
        self.patience = Patience(folder, WATCHER, seconds=10, clock=lambda: self.now)

    def is_given_up_after(self, seconds: float, *cursors: str) -> bool:
        self.now += seconds
        self._journal.invoke("watch", {})
        for cursor in cursors:
            self._journal.note("event", {"cursor": cursor})
        return self.patience.is_over()


def test_a_watcher_that_catches_up_is_not_given_up_however_long_it_takes(tmp_path: Path) -> None:
    watched = Watched(tmp_path)

    assert not any(watched.is_given_up_after(9, f"cursor-{number}") for number in range(50))


def test_a_watcher_that_sees_nothing_is_given_up_though_it_watches_again_and_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path)

    assert [watched.is_given_up_after(6) for _ in range(2)] == [False, True]


def test_a_watcher_that_sees_the_same_again_and_again_is_given_up(tmp_path: Path) -> None:
    watched = Watched(tmp_path)

    assert [watched.is_given_up_after(6, "cursor-1", "cursor-2") for _ in range(3)] == [False, False, True]
