"""Steps at once: what fails and what goes on, how they are stopped, what is computed once."""

from __future__ import annotations

import contextvars
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import argosy
from tests.e2e.steps import OwnError, failing, failing_late, last_run, one, passed_on, slow, statuses, wait_for


def touching(mark: str) -> Any:
    return lambda _: Path(mark).touch()


def test_a_step_that_is_alone_runs_in_the_thread_that_called_the_pipeline(home: Path) -> None:
    ran_in: list[threading.Thread] = []

    @argosy.step(enable_cache=False)
    def here(x: int) -> int:
        ran_in.append(threading.current_thread())
        return x

    @argosy.pipeline
    def working() -> None:
        here(here(here(1)))

    working()
    assert ran_in == [threading.current_thread()] * 3


def test_steps_in_threads_see_the_context_variables_of_their_pipeline(home: Path) -> None:
    language = contextvars.ContextVar("language", default="none")

    @argosy.step(enable_cache=False)
    def spoken() -> str:
        return language.get()

    @argosy.pipeline(max_parallel=2)
    def working() -> None:
        spoken()
        spoken()

    token = language.set("Welsh")
    run = working()
    language.reset(token)
    assert [step.output.load() for step in run.steps.values()] == ["Welsh", "Welsh"]


def test_after_a_failure_those_that_run_end_and_no_other_starts(store: str) -> None:
    fails = failing.with_options(on_failure=touching("failed"))

    @argosy.pipeline(max_parallel=2)
    def working() -> None:
        passed_on(slow("failed"))
        fails("first")
        one()

    with pytest.raises(OwnError, match="first"):
        working()
    assert statuses(last_run()) == {"slow": "completed", "failing": "failed", "passed_on": "skipped", "one": "skipped"}


def test_of_several_failures_the_first_is_raised_and_the_others_are_named(home: Path) -> None:
    fails = failing.with_options(on_failure=touching("failed"))

    @argosy.pipeline
    def working() -> None:
        failing_late("second", "failed")
        fails("first")

    with pytest.raises(OwnError, match="first") as caught:
        working()
    assert "step 'failing_late' failed too: OwnError: second" in caught.value.__notes__
    run = last_run()
    assert run.error is not None
    assert (run.error.message, run.error.invocation) == ("first", "failing")


def test_branches_that_do_not_depend_on_a_failed_step_go_on_when_asked_to(store: str) -> None:
    @argosy.pipeline(execution_mode="continue")
    def working() -> None:
        passed_on(passed_on(failing("here")))
        passed_on(passed_on(one()))

    with pytest.raises(OwnError, match="here"):
        working()
    run = last_run()
    assert run.status == "failed"
    assert statuses(run) == {
        "one": "completed",
        "failing": "failed",
        "passed_on_3": "completed",
        "passed_on_4": "completed",
        "passed_on": "skipped",
        "passed_on_2": "skipped",
    }


def test_a_body_may_ask_for_the_values_of_branches_that_go_on(home: Path) -> None:
    seen: list[int] = []

    @argosy.pipeline(execution_mode="continue")
    def working() -> None:
        fails, fine = failing("here"), one()
        with pytest.raises(OwnError):
            argosy.value_of(fails)
        seen.append(argosy.value_of(fine))
        passed_on(fine)

    with pytest.raises(OwnError, match="here"):
        working()
    assert seen == [1]
    assert statuses(last_run()) == {"failing": "failed", "one": "completed", "passed_on": "completed"}


INTERRUPTED = """
import signal, time
from pathlib import Path
import argosy

signal.signal(signal.SIGINT, signal.default_int_handler)

@argosy.step(enable_cache=False)
def endless(name: str) -> int:
    try:
        Path(name).touch()
        while True:
            time.sleep(0.01)
    finally:
        Path(name + "-closed").touch()

@argosy.pipeline(runner={runner!r}, max_parallel=2)
def working() -> None:
    endless("a")
    endless("b")
    endless("c")

working()
"""


@pytest.mark.parametrize("runner", ["local", "processes"])
def test_ctrl_c_stops_all_steps_that_run(home: Path, tmp_path: Path, runner: str) -> None:
    script = tmp_path / "program.py"
    script.write_text(INTERRUPTED.format(runner=runner))
    process = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE, text=True)
    wait_for("a")
    wait_for("b")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "KeyboardInterrupt" in errors) == (-signal.SIGINT, True)
    run = last_run()
    assert (run.status, statuses(run)) == (
        "cancelled",
        {"endless": "cancelled", "endless_2": "cancelled", "endless_3": "skipped"},
    )
    assert (Path("a-closed").exists(), Path("b-closed").exists()) == (True, True)


def test_equal_steps_that_run_at_once_are_computed_once(store: str) -> None:
    @argosy.step
    def expensive(x: int) -> int:
        with Path("computed").open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.3)
        return x

    @argosy.pipeline(max_parallel=3)
    def working() -> None:
        for _ in range(3):
            expensive(4)

    run = working()
    assert sorted(statuses(run).values()) == ["cached", "cached", "completed"]
    assert Path("computed").read_text() == "4\n"
