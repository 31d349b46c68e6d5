"""Workers that do not get as far as their step: they hang while they start, or while they import its module."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import argosy
from argosy.errors import RunCancelledError, StepTimeoutError, WorkerLostError
from tests.e2e.steps import last_run, statuses
from tests.waiting import wait_until

HANGS_AT_START = """
import os, pathlib, time
if "HANG" in os.environ:
    pathlib.Path(os.environ["HANG"]).write_text(str(os.getpid()))
    time.sleep(600)
"""


@argosy.step(enable_cache=False)
def dying(how: int) -> None:
    os.kill(os.getpid(), how)
    time.sleep(60)


def measure() -> None:
    """Run a step that travels with more than a pipe takes at once."""
    text = "y" * 2_000_000

    @argosy.step(enable_cache=False)
    def length() -> int:
        return len(text)

    @argosy.pipeline(runner="processes")
    def working() -> None:
        length()

    working()


@pytest.fixture
def mark(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a worker writes its number before it hangs at its start."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HANGS_AT_START)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("HANG", str(tmp_path / "hangs"))
    return tmp_path / "hangs"


def number_in(mark: Path) -> int:
    """Return the number of the worker that hangs, once it has written it."""
    wait_until(lambda: mark.exists() and mark.read_text(), "a worker hangs")
    return int(mark.read_text())


def wait_until_gone(pid: int) -> None:
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), f"process {pid} has ended")


def test_a_run_is_cancelled_though_its_worker_hangs_at_its_start(mark: Path) -> None:
    def cancel() -> None:
        number_in(mark)
        argosy.Client().cancel_run(last_run().id)

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(RunCancelledError):
        measure()
    canceller.join()
    assert statuses(last_run()) == {"length": "cancelled"}
    wait_until_gone(number_in(mark))


@pytest.mark.skipif(sys.platform != "linux", reason="no other system ends a program with the one that started it")
def test_a_worker_that_hangs_at_its_start_ends_with_the_program(mark: Path) -> None:
    (mark.parent / "script.py").write_text(f"from {__name__} import measure\nmeasure()\n")
    program = {**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}:{Path(__file__).parents[2]}"}
    started = "import os, runpy; os.environ['HANG'] = os.environ['MARK']; runpy.run_path('script.py')"
    program["MARK"] = program.pop("HANG")
    driver = subprocess.Popen([sys.executable, "-c", started], env=program)
    try:
        worker = number_in(mark)
    finally:
        driver.kill()
        driver.wait()
    wait_until_gone(worker)


def test_the_timeout_counts_while_a_worker_imports_the_module_of_the_step(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import argosy\n{}\n@argosy.step(enable_cache=False, timeout=3)\ndef late() -> int:\n    return 1\n"
    (tmp_path / "slow_module.py").write_text(source.format(""))
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__("slow_module")
    (tmp_path / "slow_module.py").write_text(source.format("import time; time.sleep(600)"))

    @argosy.pipeline(runner="processes")
    def working() -> None:
        module.late()

    with pytest.raises(StepTimeoutError, match="step 'late' took longer than its timeout of 3 s"):
        working()
    assert statuses(last_run()) == {"late": "failed"}


def test_a_signal_without_a_name_is_told_by_its_number(home: Path) -> None:
    @argosy.pipeline(runner="processes")
    def working() -> None:
        dying(int(signal.SIGRTMIN) + 1)

    with pytest.raises(WorkerLostError, match=rf"was killed by signal {signal.SIGRTMIN + 1} \(SIGRTMIN\+1\)"):
        working()
