"""A run that is watched from another process, on a terminal and in a pipe."""

# ruff: noqa: RUF001 - the multiplication sign is what people see

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from argosy import Client
from tests.e2e.console_programs import BIN, HEAD, TRAINING, looking, steady, write
from tests.e2e.terminal import Shown, run_on_terminal
from tests.waiting import wait_until


def watched(run: str, **options: Any) -> Shown:
    return run_on_terminal(str(Path(BIN, "argosy")), "run", "show", run, "--watch", columns=200, **options)


def test_a_run_is_watched_from_another_process_until_its_end(store: str) -> None:
    script, look = write(TRAINING, max_parallel=1), looking(train=r"─ train.* running T")
    first = subprocess.Popen([sys.executable, script, "50"], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: any(run.name == "monday" for run in Client().list_runs()), "the run is there")
        Path("load is seen").touch()  # by nobody: it may be over before the watch begins
        shown = watched("monday", meanwhile=look)
    finally:
        Path("train is seen").touch()
        assert first.wait(60) == 0
    assert shown.returncode == 0
    drawn = {line for picture in shown.pictures() for line in steady(picture)}
    assert any(re.search(r"─ train.* running T", line) for line in drawn), drawn
    end = shown.lines[shown.lines.index("") + 1 :]
    assert [line.split()[0] for line in end] == ["load", "└─", "└─", "Run", end[-1].split()[0]]
    assert re.match(r"  └─ train ×50 +completed T  50 done", steady(end)[1])
    assert end[3].startswith("Run completed in ")


def test_a_watched_run_in_a_pipe_has_a_line_for_each_step(home: Path) -> None:
    subprocess.run([sys.executable, write(TRAINING)], check=True, capture_output=True)
    done = subprocess.run([f"{BIN}/argosy", "run", "show", "monday", "-w"], check=True, capture_output=True, text=True)
    assert "\x1b" not in done.stdout
    lines = done.stdout.partition("\n\n")[2].splitlines()
    assert {line.split()[0] for line in lines[:5]} == {"load", "train", "train_2", "train_3", "report"}
    assert lines[5].startswith("Run completed in ")
    document = subprocess.run(
        [f"{BIN}/argosy", "run", "show", "monday", "-w", "-o", "json"], check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(document)["status"] == "completed"


def test_ctrl_c_ends_the_watch_and_not_the_run(home: Path) -> None:
    body = """
@step
def slow() -> int:
    while not os.path.exists("go"):
        time.sleep(0.02)
    return 1

@pipeline
def waiting() -> None:
    slow()

waiting.with_options(run_name="monday")()
"""
    first = subprocess.Popen([sys.executable, write(HEAD + body)], stdout=subprocess.DEVNULL)
    pressed: list[bool] = []

    def press(shown: str, process: subprocess.Popen[bytes]) -> None:
        if "running" in shown and "\x1b8" in shown and not pressed:
            pressed.append(True)
            process.send_signal(signal.SIGINT)

    try:
        wait_until(lambda: any(run.name == "monday" for run in Client().list_runs()), "the run is there")
        shown = watched("monday", meanwhile=press)
        assert shown.returncode == 130
        assert re.match(r"run monday goes on; .*argosy run show monday --watch shows it again", shown.lines[-1])
        assert Client().get_run("monday").status == "running"
    finally:
        Path("go").touch()
        assert first.wait(60) == 0
