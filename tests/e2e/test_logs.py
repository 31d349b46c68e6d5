"""Logs of steps through real processes: kept, kept apart, followed, bounded, and never in the way."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import argosy
from argosy import Client
from tests.e2e.command_line import as_json, run
from tests.e2e.log_programs import execute, program

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
    done = run("run", "logs", "t", "tlak", code=3)
    assert done.stderr == (
        "argosy: run 't' has no step 'tlak' (did you mean 'talk' or 'talk_2'?); its steps are talk, talk_2\n"
    )
    assert run("run", "logs", "absent", code=3).stderr.startswith("argosy: ")
    for words in (["t"], ["t", "talk"]):
        assert "has no attempt 7; its last is 1" in run("run", "logs", *words, "--attempt", "7", code=3).stderr


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
    told = [int(count.replace(",", "")) for count in re.findall(r"\[… ([\d,]+) lines missing\]", str(log))]
    assert sum(told) == log.dropped_lines
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


def test_a_worker_that_dies_leaves_its_last_words_and_the_log_of_the_step_before(store: str) -> None:
    done = execute(
        """
import os

@step
def fit() -> int:
    for number in range(1000):
        print("epoch", number)
    return 1

@step
def crash(number: int) -> None:
    print("loading 40 GB")
    logging.getLogger("cuda").error("out of memory")
    print("giving up", file=sys.stderr)
    os.write(2, b"terminate called\\n")
    os._exit(7)

@pipeline
def working() -> None:
    crash(fit())

working.with_options(run_name="t", runner="processes")()
""",
        code=1,
    )
    steps = Client().get_run("t").steps
    assert [line.text for line in steps["fit"].logs()] == [f"epoch {number}" for number in range(1000)]
    assert [(line.text, line.source) for line in steps["crash"].logs()] == [
        ("loading 40 GB", "stdout"),
        ("out of memory", "logging"),
        ("giving up", "stderr"),
        ("terminate called", "stderr"),
        ("argosy.errors.WorkerLostError: the worker process that ran step 'crash' ended with exit code 7", "stderr"),
    ]
    assert "terminate called\n" in done.stderr


def test_a_worker_keeps_no_log_where_that_is_switched_off_not_even_of_its_death(store: str) -> None:
    execute(
        """
import os

@step
def crash() -> None:
    print("unheard", file=sys.stderr)
    os._exit(7)

@pipeline
def working() -> None:
    crash()

working.with_options(run_name="t", runner="processes")()
""",
        code=1,
        ARGOSY_CAPTURE_LOGS="0",
    )
    assert len(Client().get_run("t").steps["crash"].logs()) == 0


def test_on_a_terminal_a_log_has_what_the_steps_printed_and_nothing_of_the_display(store: str) -> None:
    body = """
@step
def talk(name: str) -> None:
    for number in range(3):
        print(f"{name} {number}")
        while not pathlib.Path("drawn").exists():
            time.sleep(0.01)

@pipeline
def talking() -> None:
    talk("a")
    talk("b")

talking.with_options(run_name="t", max_parallel=2)()
"""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, program(body)], stdout=theirs, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # Linux: the terminal has no writer any more
            while piece := os.read(ours, 1 << 16):
                shown += piece
                if b"running" in shown:  # the tree was drawn meanwhile
                    Path("drawn").touch()
    os.close(ours)
    assert process.returncode == 0
    steps = Client().get_run("t").steps
    for name, invocation in (("a", "talk"), ("b", "talk_2")):
        assert [line.text for line in steps[invocation].logs()] == [f"{name} {number}" for number in range(3)]
        assert f"{name} 2".encode() in shown
