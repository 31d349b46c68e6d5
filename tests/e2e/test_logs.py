"""Logs of steps through real processes: kept, kept apart, followed, bounded, and never in the way."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import argosy
from argosy import Client, NotFoundError
from argosy.transport.connection import disconnect_all
from tests.e2e.test_cli import ARGOSY, as_json, run
from tests.faults.stand import Stand, wait_until

HEADER = "import logging, pathlib, sys, threading, time\nimport argosy\nfrom argosy import pipeline, step\n"


def program(body: str) -> Path:
    path = Path("program.py")
    path.write_text(HEADER + body)
    return path


def execute(body: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program; its standard output is a pipe, which collects blocks."""
    settings = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"} | environment
    done = subprocess.run(
        [sys.executable, program(body)], capture_output=True, text=True, check=False, env=settings, timeout=110
    )
    assert done.returncode == code, done.stderr
    return done


TALKING = """
@step
def talk(number: int) -> int:
    print("hello", number)
    logging.getLogger("my.module").warning("careful")
    print("bad", file=sys.stderr)
    return number

@pipeline
def talking() -> None:
    talk(talk(1))

run = talking.with_options(run_name="t")()
print(run.steps["talk"].logs())
"""


def test_what_a_step_printed_is_read_back_by_any_program(store: str) -> None:
    done = execute(TALKING)
    assert done.stdout.endswith("hello 1\nWARNING:my.module: careful\nbad\n")
    assert done.stderr == "careful\nbad\ncareful\nbad\n"

    log = Client().get_run("t").steps["talk_2"].logs()
    assert [(line.text, line.source, line.level, line.logger) for line in log] == [
        ("hello 1", "stdout", "", ""),
        ("careful", "logging", "WARNING", "my.module"),
        ("bad", "stderr", "", ""),
    ]
    assert (str(log), log.dropped_lines) == ("hello 1\nWARNING:my.module: careful\nbad", 0)
    assert {(line.step, line.attempt) for line in log} == {("talk_2", 1)}
    assert repr(log) == "<StepLog of 3 lines>"


def test_a_log_in_a_notebook_is_text_and_nothing_else(store: str) -> None:
    @argosy.step
    def talk() -> None:
        print("<script>alert(1)</script>")

    @argosy.pipeline
    def talking() -> None:
        talk()

    html = talking().steps["talk"].logs()._repr_html_()
    assert html == "<div><pre>&lt;script&gt;alert(1)&lt;/script&gt;</pre></div>"


def test_nothing_is_kept_where_that_is_switched_off(store: str) -> None:
    done = execute(TALKING, ARGOSY_CAPTURE_LOGS="0")
    assert "hello 1\n" in done.stdout
    assert len(Client().get_run("t").steps["talk"].logs()) == 0


@pytest.mark.parametrize("runner", ["local", "processes"])
def test_steps_that_run_at_once_have_each_their_own_log(store: str, runner: str) -> None:
    execute(
        """
@step
def talk(name: str) -> None:
    here = pathlib.Path(f"{name}.here")
    here.touch()
    while len(list(pathlib.Path(".").glob("*.here"))) < 2:
        time.sleep(0.01)
    for number in range(5000):
        print(name, number)

@pipeline
def talking() -> None:
    talk("a")
    talk("b")

"""
        f'talking.with_options(run_name="t", runner="{runner}", max_parallel=2)()'
    )
    steps = Client().get_run("t").steps
    for name, invocation in (("a", "talk"), ("b", "talk_2")):
        assert [line.text for line in steps[invocation].logs()] == [f"{name} {number}" for number in range(5000)]


def test_each_attempt_of_a_step_is_in_its_log(store: str) -> None:
    execute(
        """
@step(retry=2)
def flaky() -> None:
    tries = pathlib.Path("tries")
    count = len(tries.read_text()) if tries.exists() else 0
    tries.write_text("x" * (count + 1))
    print("try", count + 1)
    if count < 2:
        raise ConnectionError("not yet")

@pipeline
def trying() -> None:
    flaky()

trying.with_options(run_name="t")()
"""
    )
    lines = [line for line in Client().get_run("t").steps["flaky"].logs() if not line.text.startswith(" ")]
    assert [(line.attempt, line.text) for line in lines] == [
        (1, "try 1"),
        (1, "Traceback (most recent call last):"),
        (1, "ConnectionError: not yet"),
        (2, "try 2"),
        (2, "Traceback (most recent call last):"),
        (2, "ConnectionError: not yet"),
        (3, "try 3"),
    ]
    assert run("run", "logs", "t", "flaky", "--attempt", "2", "--source", "stdout").stdout == "try 2\n"


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
    return subprocess.Popen([ARGOSY, "run", "logs", "t", "-f", *arguments], stdout=subprocess.PIPE, text=True)


def started(body: str) -> subprocess.Popen[bytes]:
    """A program whose run is there."""
    process = subprocess.Popen([sys.executable, program(body)], stdout=subprocess.DEVNULL)

    def is_there() -> bool:
        assert process.poll() is None
        try:
            return bool(Client().get_run("t").steps)
        except NotFoundError:
            return False

    wait_until(is_there, "the run has a step")
    return process


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


def test_the_shell_shows_logs_in_which_nothing_can_do_harm(store: str) -> None:
    execute(
        r"""
@step
def evil() -> None:
    print("\x1b]0;title\x07\x1b[2J\x9b1m\x1b[31mred\x1b[0m tab\tend")

@pipeline
def p() -> None:
    evil()

p.with_options(run_name="t")()
"""
    )
    assert run("run", "logs", "t", "evil").stdout == r"\x1b]0;title\x07\x1b[2J\x9b1mred tab" + "\tend\n"
    (document,) = as_json("run", "logs", "t")
    assert document["text"] == "\x1b]0;title\x07\x1b[2J\x9b1m\x1b[31mred\x1b[0m tab\tend"
    assert (document["step"], document["source"], document["level"]) == ("evil", "stdout", None)


def test_a_step_that_does_not_exist_is_named_with_those_that_do(store: str) -> None:
    execute(TALKING)
    done = run("run", "logs", "t", "tlak", code=1)
    assert done.stderr == "argosy: run 't' has no step 'tlak'; its steps are talk, talk_2\n"
    assert run("run", "logs", "absent", code=1).stderr.startswith("argosy: ")


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
    try:
        process = started(
            """
@step
def talk() -> None:
    while not pathlib.Path("away").exists():
        time.sleep(0.01)
    began = time.monotonic()
    for number in range(200_000):
        print("line", number)
    pathlib.Path("took").write_text(str(time.monotonic() - began))
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
        wait_until(lambda: Path("took").exists() and Path("took").read_text(), "the step has printed")
        stand.resume()
        Path("back").touch()
        assert process.wait(60) == 0
        assert float(Path("took").read_text()) < 5
        log = Client().get_run("t").steps["talk"].logs()
        assert len(log) + log.dropped_lines == 200_000
    finally:
        disconnect_all()
        stand.close()


def test_a_log_of_one_gigabyte_is_bounded_in_memory_and_in_the_store(home: Path) -> None:
    done = execute(
        """
import resource

@step
def talk() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = "x" * 999
    began = time.perf_counter()
    for number in range(1_000_000):
        print(line)
    seconds = time.perf_counter() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    pathlib.Path("grown").write_text(str(grown))

@pipeline
def talking() -> None:
    talk()

sys.stdout = open("/dev/null", "w")
talking.with_options(run_name="t")()
"""
    )
    assert done.stdout == ""
    log = Client().get_run("t").steps["talk"].logs()
    assert len(log) + log.dropped_lines == 1_000_000
    assert 7_000 < len(log) < 9_500
    assert re.search(r"\[… 99\d,\d\d\d lines missing\]", str(log))
    assert int(Path("grown").read_text()) < 48 << 10, "KiB"
    with closing(sqlite3.connect(home / "metadata.db")) as database:
        (kept,) = database.execute("SELECT sum(size) FROM step_logs").fetchone()
    assert kept < 9 << 20


def test_a_worker_process_captures_programs_and_libraries_too_and_shows_why_it_died(store: str) -> None:
    done = execute(
        """
import os, subprocess

@step
def shell() -> None:
    print("from Python")
    subprocess.run(["sh", "-c", "echo from a program; echo to stderr >&2"], check=True)

@step
def crash() -> None:
    os.write(2, b"the library says why\\n")
    os.abort()

@pipeline
def working(name: str) -> None:
    shell() if name == "shell" else crash()

working.with_options(run_name="t", runner="processes")("shell")
working.with_options(runner="processes")("crash")
""",
        code=1,
    )
    log = Client().get_run("t").steps["shell"].logs()
    assert sorted((line.text, line.source) for line in log) == [
        ("from Python", "stdout"),
        ("from a program", "stdout"),
        ("to stderr", "stderr"),
    ]
    assert {"from Python", "from a program"} <= set(done.stdout.splitlines())
    assert "to stderr\n" in done.stderr
    assert "the library says why\n" in done.stderr
    assert "SIGABRT" in done.stderr
