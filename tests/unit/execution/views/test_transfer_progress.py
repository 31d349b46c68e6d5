"""How far a transfer is: told in order, to its end, and shown only where it takes long and somebody looks."""

from __future__ import annotations

import io
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pytest

from argosy import load_artifact, save_artifact
from argosy.errors import NotFoundError, ParameterError
from argosy.execution.views import transfer_progress
from argosy.execution.views.transfer_progress import TransferProgress, shown
from argosy.transport.connection import disconnect_all
from argosy.transport.download.open_version import find_version
from argosy.transport.progress import UNSEEN
from tests.e2e.terminal import on_a_terminal


class Heard:
    """What a callback was told."""

    def __init__(self) -> None:
        self.all: list[TransferProgress] = []

    def __call__(self, progress: TransferProgress) -> None:
        self.all.append(progress)

    @property
    def done(self) -> list[int]:
        return [progress.done_bytes for progress in self.all]


def closed_file() -> TextIO:
    file = io.StringIO()
    file.close()
    return file


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step is told."""
    monkeypatch.setattr(transfer_progress, "_TOLD_EVERY_SECONDS", 0)


@pytest.mark.usefixtures("often")
def test_a_callback_hears_the_beginning_each_step_and_the_end() -> None:
    heard = Heard()
    with shown("weights", heard) as progress:
        progress.expect(100)
        for _ in range(4):
            progress.advance(25)
    assert heard.done == [0, 25, 50, 75, 100]
    assert {(told.name, told.total_bytes) for told in heard.all} == {("weights", 100)}
    assert [told.seconds for told in heard.all] == sorted(told.seconds for told in heard.all)


def test_a_callback_is_not_called_more_than_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with shown("weights", heard) as progress:
        progress.expect(1000)
        for _ in range(8):
            now += 0.0625
            progress.advance(1)
        progress.advance(992)
    assert heard.done == [0, 2, 4, 6, 8, 1000]


@pytest.mark.usefixtures("often")
def test_what_has_to_be_sent_again_goes_back_and_the_total_stays() -> None:
    heard = Heard()
    with shown("weights", heard) as progress:
        progress.expect(100)
        for step in (60, -40, 30, 50):
            progress.advance(step)
    assert heard.done == [0, 60, 20, 50, 100]
    assert {told.total_bytes for told in heard.all} == {100}


@pytest.mark.usefixtures("often")
def test_bytes_that_come_twice_never_make_more_than_all() -> None:
    heard = Heard()
    with shown("weights", heard) as progress:
        progress.expect(100)
        for _ in range(3):
            progress.advance(70)
    assert heard.done == [0, 70, 100]


@pytest.mark.usefixtures("often")
def test_bytes_that_were_not_needed_are_done_at_the_end() -> None:
    heard = Heard()
    with shown("weights", heard) as progress:
        progress.expect(100)
        progress.advance(70)
    assert heard.done == [0, 70, 100]


def test_a_transfer_that_fails_is_never_told_to_have_ended() -> None:
    heard = Heard()

    def fail() -> None:
        with shown("weights", heard) as progress:
            progress.expect(100)
            raise NotFoundError("gone")

    with pytest.raises(NotFoundError):
        fail()
    assert heard.done == [0]
    with shown("weights", heard):
        pass  # nothing was found to be transferred
    assert heard.done == [0]


@pytest.mark.parametrize("stderr", [None, closed_file()], ids=["none", "closed"])
def test_a_program_without_stderr_sees_no_bar(stderr: TextIO | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    with shown("weights") as progress:
        assert progress is UNSEEN


@pytest.mark.usefixtures("often")
def test_steps_from_many_threads_are_told_one_at_a_time_and_in_order() -> None:
    heard, inside = Heard(), threading.Lock()

    def tell(progress: TransferProgress) -> None:
        assert inside.acquire(blocking=False), "called twice at once"
        heard(progress)
        inside.release()

    with shown("weights", tell) as progress, ThreadPoolExecutor(8) as pool:
        progress.expect(4000)
        list(pool.map(progress.advance, [1] * 4000))
    assert heard.done == list(range(4001))


def test_rate_and_time_left_are_known_once_something_came() -> None:
    assert (TransferProgress("x", 0, 100, 0.0).bytes_per_second, TransferProgress("x", 0, 100, 1.0).seconds_left) == (
        0.0,
        None,
    )
    told = TransferProgress("x", 25, 100, 0.5)
    assert (told.bytes_per_second, told.seconds_left) == (50.0, 1.5)


def test_what_cannot_be_called_is_refused_before_anything_is_sent() -> None:
    wrong: Any = "bar"
    with pytest.raises(ParameterError, match="on_progress='bar' cannot be called; give a function"):
        shown("x", wrong).__enter__()


def test_what_would_have_to_be_awaited_is_refused() -> None:
    async def tell(_: TransferProgress) -> None:
        raise AssertionError

    wrong: Any = tell
    with pytest.raises(ParameterError, match="is an async function, which nobody would await"):
        shown("x", wrong).__enter__()


def test_without_a_terminal_nothing_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with shown("x") as progress:
        assert progress is UNSEEN
    assert capfd.readouterr().err == ""


SLOW = """
    import time
    from argosy.execution.views.transfer_progress import shown
    with shown("weights") as progress:
        progress.expect(2_000_000)
        progress.advance(500_000)
        time.sleep({seconds})
        progress.advance(500_000)
        progress.advance({last})
"""


@pytest.mark.parametrize(
    ("seconds", "last", "seen"),
    [(1.1, 500_000, True), (0.0, 500_000, False), (1.1, 1_000_000, True)],
    ids=["slow", "quick", "slow to its end"],
)
def test_a_terminal_shows_a_bar_after_a_second(seconds: float, last: int, seen: bool) -> None:
    text = on_a_terminal(sys.executable, "-c", textwrap.dedent(SLOW.format(seconds=seconds, last=last)))
    assert ("weights" in text) == seen
    assert ("2.0 MB" in text) == seen


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path))
    monkeypatch.delenv("ARGOSY_SERVER", raising=False)
    return disconnect_all


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("value", [np.arange(3_000_000), "text", {"a": np.zeros(100_000), "b": 1}])
def test_saves_and_loads_tell_their_own_callback(home: Callable[[], None], value: object) -> None:
    try:
        for _ in range(2):  # the second time the store knows the bytes
            saved, loaded = Heard(), Heard()
            version = save_artifact(value, "weights", on_progress=saved)
            load_artifact("weights", on_progress=loaded)
            files = find_version(version._connection, version._selector())
            size = sum(map(files.size, files.paths))  # without previews, which are never loaded
            # A preview travels with its value, if it is made by then.
            for heard, most in ((saved, version.size_bytes), (loaded, size)):
                assert heard.done[0] == 0
                assert size <= heard.done[-1] == heard.all[-1].total_bytes <= most
                assert {told.name for told in heard.all} == {"weights"}
    finally:
        home()
