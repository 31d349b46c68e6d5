"""What is printed while a run happens, and that printing never breaks one."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from argosy.execution.views.amounts import format_bytes, format_seconds
from argosy.execution.views.progress import Guarded, PlainLines, Progress, Silence, choose_progress
from argosy.execution.views.run_tree import PlannedStep

PROGRAM = """
import sys
import argosy

@argosy.step
def one() -> int:
    print("said by the step")
    return 1

@argosy.step
def two(x: int) -> int:
    return x

@argosy.pipeline
def working() -> None:
    two(one())

working.with_options(run_name="monday")()
print("argosy.execution.views.live_progress" in sys.modules)
"""


def tell(progress: Progress) -> None:
    progress.run_started("Run monday", [PlannedStep("load", "load"), PlannedStep("fit_all", "fit_all", ("load",))])
    progress.step_waits("load", "sunday")
    progress.step_waits("load", "sunday")
    progress.step_started("load")
    progress.step_ended("load", "completed", 0.123)
    progress.step_started("fit_all")
    progress.step_retries("fit_all", 0.5, "attempt 1: OSError", 2.0)
    progress.step_ended("fit_all", "failed", 75.0, "ValueError")
    progress.step_ended("end", "skipped", 0.0)
    progress.run_ended(["Run failed in 75 s"])


EXPECTED = [
    "Run monday",
    "  load     waiting              for an equal step of run sunday",
    "  load     completed    0.12 s",
    "  fit_all  retrying     0.50 s  attempt 1: OSError",
    "  fit_all  failed     1 min 15 s  ValueError",
    "  end      skipped",
    "Run failed in 75 s",
]


def test_plain_lines_are_aligned_one_a_step() -> None:
    stream = io.StringIO()
    tell(PlainLines(stream))
    assert stream.getvalue().splitlines() == EXPECTED


def test_plain_lines_have_no_control_characters_of_anybody() -> None:
    stream = io.StringIO()
    progress = PlainLines(stream)
    progress.run_started("Run \x1b[31mred", [PlannedStep("load", "load")])
    progress.step_ended("load", "failed", 0.1, "Bad\x1b[2JError\n")
    assert stream.getvalue().splitlines() == [
        "Run \\x1b[31mred",
        "  load  failed       0.10 s  Bad\\x1b[2JError\\n",
    ]


def test_what_the_stream_cannot_encode_is_replaced() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    PlainLines(stream).run_ended(["größe"])
    assert raw.getvalue() == b"gr??e\n"


def test_a_progress_that_fails_is_silenced() -> None:
    told: list[str] = []

    class Breaking(Silence):
        def step_started(self, invocation: str, step_run_id: str = "", attempt: int = 1, attempts: int = 1) -> None:
            told.append(invocation)
            raise BrokenPipeError

        def run_ended(self, lines: Sequence[str]) -> None:
            told.append(f"end {list(lines)}")
            raise BrokenPipeError

    tell(Guarded(Breaking()))
    assert told == ["load", "end []"]


@pytest.mark.parametrize("stdout", [None, io.StringIO()], ids=["none", "not asked"])
def test_quiet_or_no_output_means_silence(monkeypatch: pytest.MonkeyPatch, stdout: io.StringIO | None) -> None:
    monkeypatch.setattr(sys, "stdout", stdout)
    assert isinstance(choose_progress(quiet=True), Silence)
    if stdout is None:
        assert isinstance(choose_progress(quiet=False), Silence)


def test_a_closed_output_does_not_break_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stdout", stream)
    tell(choose_progress(quiet=False))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00 s"),
        (9.994, "9.99 s"),
        (12.34, "12.3 s"),
        (60, "1 min 00 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB"), (1 << 60, "1024.0 PiB")]
)
def test_sizes_read_as_people_say_them(size: int, text: str) -> None:
    assert format_bytes(size) == text


def run_program(tmp_path: Path, stdout: int, **environment: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    inherited = {key: text for key, text in os.environ.items() if not key.startswith("ARGOSY_")}
    settings = {**inherited, "ARGOSY_HOME": str(tmp_path / "home"), "TERM": "xterm", **environment}
    return subprocess.run(
        [sys.executable, str(script)], stdout=stdout, stderr=subprocess.PIPE, text=True, check=True, env=settings
    )


def test_a_pipe_gets_plain_lines_and_loads_no_display(tmp_path: Path) -> None:
    lines = run_program(tmp_path, subprocess.PIPE).stdout.splitlines()
    assert lines[:2] == ["Run monday of pipeline working", "said by the step"]
    assert [line.split()[:2] for line in lines[2:4]] == [["one", "completed"], ["two", "completed"]]
    assert lines[4].startswith("Run completed in ")
    assert lines[4].endswith(f"(project default, store embedded://{tmp_path / 'home'})")
    assert lines[5:] == ["  argosy.load_artifact('working::two::output', version=1)", "False"]


def test_quiet_prints_only_what_the_program_prints(tmp_path: Path) -> None:
    assert run_program(tmp_path, subprocess.PIPE, ARGOSY_QUIET="1").stdout == "said by the step\nFalse\n"
