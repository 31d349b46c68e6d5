"""What is written past Python, and by forked children."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from argosy.execution.logs.descriptors import close_spools, make_spools, show_rest

FORK = """
import os, sys
from argosy.execution.context import StepContext, entered_step
from argosy.execution.logs.capture import captured_logs
from argosy.execution.logs.sender import OutgoingLog, drain_logs
from tests.unit.execution.logs.log_sink import Sink

sink = Sink()
with entered_step(StepContext("run", "id", "training", "fit", "fit")), captured_logs(OutgoingLog(sink, "fit")):
    print("parent", flush=True)
    child = os.fork()
    if not child:
        print("child", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print("parent again", flush=True)
drain_logs()
assert sink.lines() == ["parent", "parent again"], sink.lines()
"""


def test_a_forked_child_prints_and_is_not_captured() -> None:
    done = program(FORK)
    assert done.stdout.splitlines() == ["parent", "child", "parent again"]


DESCRIPTORS = """
import os, subprocess, sys
from argosy.execution.context import StepContext, entered_step
from argosy.execution.logs.capture import captured_logs
from argosy.execution.logs.descriptors import captured_descriptors, make_spools
from argosy.execution.logs.sender import OutgoingLog, drain_logs
from tests.unit.execution.logs.log_sink import Sink

sinks = Sink(), Sink()
with captured_descriptors(make_spools()):
    for sink in sinks:
        with entered_step(StepContext("run", "id", "training", "fit", "fit")), captured_logs(OutgoingLog(sink, "fit")):
            print("from Python", flush=True)
            os.write(1, b"from C\\n")
            subprocess.run(["sh", "-c", "echo from a program; echo to stderr >&2"], check=True)
drain_logs()
for sink in sinks:
    assert sorted(sink.lines()) == ["from C", "from Python", "from a program", "to stderr"], sink.lines()
    assert sink.lines("STDERR") == ["to stderr"]
print("after")
"""


def test_what_is_written_past_python_is_seen_where_descriptors_are_captured() -> None:
    done = program(DESCRIPTORS)
    lines = done.stdout.splitlines()
    assert (sorted(lines[:6]), lines[6]) == (["from C"] * 2 + ["from Python"] * 2 + ["from a program"] * 2, "after")
    assert done.stderr == "to stderr\n" * 2


ORDER = """
import subprocess, sys
from argosy.execution.context import StepContext, entered_step
from argosy.execution.logs.capture import captured_logs
from argosy.execution.logs.descriptors import captured_descriptors, make_spools
from argosy.execution.logs.sender import OutgoingLog, drain_logs
from tests.unit.execution.logs.log_sink import Sink

sys.stdout.reconfigure(line_buffering=sys.argv[1] == "lines")
sink = Sink()
with captured_descriptors(make_spools()):
    try:
        with entered_step(StepContext("run", "id", "training", "fit", "fit")), captured_logs(OutgoingLog(sink, "fit")):
            for turn in range(50):
                print(turn, "before", flush=True)
                subprocess.run(["sh", "-c", f"echo {turn} of a program; printf 'no end'"], check=True)
                print(turn, "after", flush=True)
            raise ValueError("the reason")
    except ValueError:
        pass
drain_logs()
turns = [text for turn in range(50) for text in (f"{turn} before", f"{turn} of a program", f"no end{turn} after")]
assert sink.lines("STDOUT") == turns, sink.lines()
assert sink.lines()[-1] == "ValueError: the reason", sink.lines()
"""


@pytest.mark.parametrize("buffered", ["lines", "blocks"])
def test_what_programs_write_comes_where_it_was_written(buffered: str) -> None:
    shown = program(ORDER, buffered).stdout.splitlines()
    assert shown == [
        text for turn in range(50) for text in (f"{turn} before", f"{turn} of a program", f"no end{turn} after")
    ]


BUFFERED = """
import ctypes
from argosy.execution.context import StepContext, entered_step
from argosy.execution.logs.capture import captured_logs
from argosy.execution.logs.descriptors import captured_descriptors, make_spools
from argosy.execution.logs.sender import OutgoingLog, drain_logs
from tests.unit.execution.logs.log_sink import Sink

sink = Sink()
with captured_descriptors(make_spools()):
    try:
        with entered_step(StepContext("run", "id", "training", "fit", "fit")), captured_logs(OutgoingLog(sink, "fit")):
            ctypes.CDLL(None).printf(b"held back by a C library\\n")
            raise ValueError("the reason")
    except ValueError:
        pass
drain_logs()
assert sink.lines("STDOUT") == ["held back by a C library"], sink.lines()
assert sink.lines()[-1] == "ValueError: the reason", sink.lines()
"""


def test_what_c_libraries_hold_back_is_in_the_log_before_the_reason() -> None:
    assert program(BUFFERED).stdout == "held back by a C library\n"


FLOOD = """
import subprocess, sys
from argosy.execution.context import StepContext, entered_step
from argosy.execution.logs.capture import captured_logs
from argosy.execution.logs.descriptors import captured_descriptors, make_spools
from argosy.execution.logs.sender import OutgoingLog, drain_logs
from tests.unit.execution.logs.log_sink import Sink

sink = Sink()
with captured_descriptors(make_spools()):
    try:
        with entered_step(StepContext("run", "id", "training", "fit", "fit")), captured_logs(OutgoingLog(sink, "fit")):
            print("first", flush=True)
            subprocess.run("yes 'a line of a program' | head -n 3000000", shell=True, check=True)
            print("last", flush=True)
            raise ValueError("the reason")
    except ValueError:
        pass
drain_logs()
lines = sink.lines()
assert (lines[0], lines[1]) == ("first", "a line of a program"), lines[:2]
assert lines[-4] == "last", lines[-6:]
assert lines[-1] == "ValueError: the reason", lines[-1:]
assert len(sink.lines("STDOUT")) + sink.dropped == 3_000_002
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such files")
def test_what_a_process_left_that_died_is_shown_whatever_its_size_in_small_pieces(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    left = b"".join(b"%d\n" % number for number in range(200_000))
    pieces: list[bytes] = []
    spools = make_spools()
    os.write(spools[0], left)
    show_rest(spools, lambda _, data: pieces.append(data))
    close_spools(spools)
    assert b"".join(pieces) == left == capfdbinary.readouterr().out
    assert max(map(len, pieces)) <= 256 << 10


def test_of_a_flood_the_beginning_the_end_and_the_reason_are_kept() -> None:
    assert program(FLOOD).stdout.count("\n") == 3_000_002


FORK_IN_WORKER = """
import multiprocessing, os, sys
from argosy.execution.context import StepContext, entered_step
from argosy.execution.logs.capture import captured_logs
from argosy.execution.logs.descriptors import captured_descriptors, make_spools
from argosy.execution.logs.sender import OutgoingLog, drain_logs
from tests.unit.execution.logs.log_sink import Sink

def child():
    print("child of multiprocessing")

sink = Sink()
with captured_descriptors(make_spools()):
    with entered_step(StepContext("run", "id", "training", "fit", "fit")), captured_logs(OutgoingLog(sink, "fit")):
        print("parent", flush=True)
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
        forked = os.fork()
        if not forked:
            print("child", flush=True)
            sys.stdout.buffer.write(b"bytes of the child\\n")
            sys.stdout.flush()
            print("its stderr", file=sys.stderr)
            os._exit(0)
        os.waitpid(forked, 0)
drain_logs()
assert sorted(sink.lines("STDOUT")) == ["bytes of the child", "child", "child of multiprocessing", "parent"]
assert sink.lines("STDERR") == ["its stderr"]
"""


def test_where_descriptors_are_captured_forked_children_are_too() -> None:
    done = program(FORK_IN_WORKER)
    assert sorted(done.stdout.splitlines()) == ["bytes of the child", "child", "child of multiprocessing", "parent"]
    assert done.stderr == "its stderr\n"


def program(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done
