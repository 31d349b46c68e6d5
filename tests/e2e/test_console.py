"""The console of a run, as the person at the terminal sees it."""

# ruff: noqa: RUF001 - the multiplication sign is what people see

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from argosy import Client
from argosy.execution.views.live_region import INTERVAL
from tests.e2e.console_programs import HEAD, TRAINING, UNTIL_SEEN, looking, show, steady, write
from tests.e2e.terminal import run_on_terminal
from tests.waiting import wait_until


def test_the_tree_stands_below_what_steps_print_and_stays_at_the_end(store: str) -> None:
    shown = show(TRAINING, max_parallel=1)
    assert shown.returncode == 0
    assert steady(shown.lines) == [
        "Run monday of pipeline training",
        "loading 3",
        "training 0",
        "training 1",
        "training 2",
        "half a line",
        "logged one",
        "logged two",
        "  load          completed T",
        "  ├─ train      completed T",
        "  ├─ train_2    completed T",
        "  └─ train_3    completed T",
        "     └─ report  completed T  also after train, train_2",
        f"Run completed in T (project default, store {store})",
        "  argosy.load_artifact('training::report::output', version=1)",
    ]


def test_while_it_happens_each_step_says_what_it_does(home: Path) -> None:
    look = looking(load=r"^. load +running T$", train=r"^. └─ train ×20 +running T  2 running, 18 waiting$")
    shown = show(TRAINING, "20", max_parallel=2, meanwhile=look)
    assert (Path("load is seen").exists(), Path("train is seen").exists()) == (True, True)
    drawn = {line for picture in shown.pictures() for line in steady(picture)}
    assert any(re.fullmatch(r" +└─ report +waiting", line) for line in drawn)
    assert steady(shown.lines)[-5:-2] == [
        "  load          completed T",
        "  └─ train ×20  completed T  20 done",
        "     └─ report  completed T",
    ]


def test_steps_in_processes_are_shown_too_and_lose_no_line(home: Path) -> None:
    shown = show(TRAINING, runner="processes", max_parallel=2)
    assert shown.returncode == 0, shown.text
    # The script's basicConfig is not executed in a worker.
    logged = {"WARNING:root:logged one", "WARNING:root:logged two"}
    assert {"loading 3", "training 0", "training 1", "training 2", "half a line"} | logged <= set(shown.lines)
    assert steady(shown.lines)[-7].startswith("  load")


FLOOD = (
    HEAD
    + """
@step
def talk(name: str) -> None:
    for number in range(1500):
        print(name, number, end=" ")
        if number % 300 == 0:
            time.sleep(0.15)
        print("ends")
    os.write(1, b"past Python\\n")
    subprocess.run(["echo", "a program"])

@pipeline
def talking() -> None:
    talk("a")

talking.with_options(run_name="t")()
"""
)


def test_no_line_is_lost_or_changed_while_the_tree_is_drawn(home: Path) -> None:
    shown = show(FLOOD)
    printed = [line for line in shown.lines if line.startswith("a ") or "past" in line]
    assert printed == [*(f"a {number} ends" for number in range(1500)), "past Python", "a program"]
    drawings = shown.text.count("\x1b[30A") + len(re.findall(r"\x1b\[1A", shown.text))
    run = Client().get_run("t")
    assert run.started is not None
    assert run.ended is not None
    seconds = (run.ended - run.started).total_seconds()
    # Each write clears the rows at most; only time draws them again.
    assert drawings < min(20 + seconds / INTERVAL, 1500)
    assert [line.text for line in run.steps["talk"].logs()][:2] == ["a 0 ends", "a 1 ends"]


def test_without_colours_there_are_none(home: Path) -> None:
    script = write(TRAINING)
    plain = run_on_terminal(sys.executable, script, environment={"NO_COLOR": "1"})
    assert re.findall(r"\x1b\[[0-9;]*m", plain.text) == []
    assert "completed" in plain.text


@pytest.mark.parametrize("terminal", ["dumb", ""])
def test_a_terminal_that_can_do_nothing_gets_plain_lines(home: Path, terminal: str) -> None:
    script = write(TRAINING, max_parallel=1)
    shown = run_on_terminal(sys.executable, script, environment={"TERM": terminal})
    assert "\x1b" not in shown.text
    assert [line.split()[:2] for line in shown.lines if "completed" in line][:2] == [
        ["load", "completed"],
        ["train", "completed"],
    ]


def test_a_terminal_without_unicode_gets_ascii(home: Path) -> None:
    shown = run_on_terminal(sys.executable, write(TRAINING), environment={"PYTHONIOENCODING": "ascii"})
    assert shown.text.isascii()
    assert any(line.startswith("  |- train ") for line in shown.lines)


def test_forty_columns_are_enough(home: Path) -> None:
    shown = run_on_terminal(sys.executable, write(TRAINING), "12", columns=40, rows=10)
    tree = [line for line in shown.lines if "completed " in line and "Run" not in line]
    assert [line.split()[0] for line in tree] == ["load", "└─", "└─"]
    assert max(map(len, shown.lines)) <= 40
    assert "training 11" in shown.lines


def test_a_pipe_has_plain_lines_and_no_control_characters(home: Path) -> None:
    shown = run_on_terminal(sys.executable, write(TRAINING), stdout=subprocess.PIPE)
    assert "\x1b" not in shown.text  # something behind the pipe may write to the terminal
    assert shown.lines == ["logged one", "logged two"]


def test_a_file_has_what_the_program_prints_and_the_terminal_the_tree(home: Path, tmp_path: Path) -> None:
    with (tmp_path / "out.txt").open("wb") as file:
        shown = run_on_terminal(sys.executable, write(TRAINING, max_parallel=1), stdout=file)
    printed = (tmp_path / "out.txt").read_text()
    assert printed == "loading 3\ntraining 0\ntraining 1\ntraining 2\nhalf a line\n"
    assert [line.split()[0] for line in shown.lines[:5]] == ["Run", "logged", "logged", "load", "├─"]


def test_a_step_that_forks_and_prints_in_the_child_does_no_harm(home: Path) -> None:
    body = """
@step
def fork() -> int:
    time.sleep(0.3)
    child = os.fork()
    if child == 0:
        print("from the child", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print("from the parent")
    return 1

@pipeline
def forking() -> None:
    fork()

forking()
"""
    shown = show(HEAD + body)
    assert shown.returncode == 0
    assert {"from the child", "from the parent"} <= {line.rstrip() for line in shown.lines}
    assert steady(shown.lines)[-3] == "  fork  completed T"


def test_two_runs_at_once_share_the_terminal(home: Path) -> None:
    body = """
import threading

@step
def wait(name: str) -> str:
    time.sleep(0.4)
    return name

@pipeline
def waiting(name: str) -> None:
    wait(name)

threads = [threading.Thread(target=waiting, args=(name,)) for name in "ab"]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    shown = show(HEAD + body)
    assert shown.returncode == 0
    assert [line for line in steady(shown.lines) if line.startswith("  wait")] == ["  wait  completed T"] * 2
    assert sum(line.startswith("Run completed") for line in shown.lines) == 2


def test_retries_and_their_pauses_are_shown(home: Path) -> None:
    body = """
@step(retry=argosy.Retry(500, delay=0.4))
def shaky() -> int:
    if not os.path.exists("pause is seen"):
        raise OSError("not yet")
    until_seen("attempt")
    return 1

@pipeline
def trying() -> None:
    shaky()

trying()
"""
    look = looking(
        pause=r"shaky +retrying T  attempt \d+ of 501 in T; attempt \d+: OSError",
        attempt=r"shaky +running T  attempt \d+ of 501",
    )
    shown = show(HEAD + UNTIL_SEEN + body, meanwhile=look)
    assert (Path("pause is seen").exists(), Path("attempt is seen").exists()) == (True, True)
    assert re.fullmatch(r"  shaky  completed T  attempt \d+ of 501", steady(shown.lines)[-3])


def test_a_step_says_why_it_ran_again(home: Path) -> None:
    body = """
@step
def fit(rate: float) -> float:
    return rate

@pipeline
def fitting(rate: float) -> None:
    fit(rate)

fitting(float(sys.argv[1]))
"""
    assert steady(show(HEAD + body, "1").lines)[1] == "  fit  completed T"
    assert steady(show(HEAD + body, "1").lines)[1] == "  fit  cached T"
    assert steady(show(HEAD + body, "2").lines)[1] == "  fit  completed T  parameter rate changed"


def test_the_bytes_that_move_are_shown(store: str) -> None:
    body = """
import numpy as np

@step
def make() -> np.ndarray:
    return np.ones(1 << 18)

@step
def use(x: np.ndarray) -> None:
    argosy.save_artifact(x[: 1 << 17], "half")

@pipeline
def moving() -> None:
    use(make())

moving()
"""
    lines = steady(show(HEAD + body).lines)
    assert lines[1:3] == ["  make    completed T  ↑ 2.0 MiB", "  └─ use  completed T  ↓ 2.0 MiB ↑ 1.0 MiB"]


def test_a_step_that_waits_for_an_equal_one_says_for_whose(store: str) -> None:
    body = """
@step
def slow() -> int:
    open("started", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.02)
    return 1

@pipeline
def waiting() -> None:
    slow()

waiting.with_options(run_name=sys.argv[1])()
"""
    script = write(HEAD + body)
    first = subprocess.Popen([sys.executable, script, "first"], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: Path("started").exists(), "the first one is there")

        def look(shown: str, process: subprocess.Popen[bytes]) -> None:
            if "for an equal step of run first" in shown:
                Path("go").touch()

        shown = run_on_terminal(sys.executable, script, "second", columns=200, meanwhile=look)
    finally:
        Path("go").touch()
        first.wait(60)
    assert steady(shown.lines)[1] == "  slow  cached T"
