"""What a run that did not complete says at its end, and whether what it says to type works."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from argosy import Client
from tests.e2e.console_programs import BIN, HEAD, TRAINING, steady, write
from tests.e2e.terminal import run_on_terminal

FAILING = (
    HEAD
    + """
@step
def load() -> list[int]:
    return [1, 2]

@step
def fit(numbers: list[int], rate: float) -> int:
    print("fitting")
    if not os.path.exists("repaired"):
        raise ValueError(f"rate {rate}\\x1b[2J is bad\\nand more")
    return sum(numbers)

@step
def report(total: int) -> str:
    return f"total {total}"

@pipeline(runner=RUNNER)
def training(rate: float = 0.1) -> None:
    report(fit(load(), rate))
"""
)
GUARDED = """
if __name__ == "__main__":
    training.with_options(run_name="it's monday")()
"""


def failed(end: str = GUARDED, *, runner: str = "local", on_terminal: bool = False) -> dict[str, str]:
    """Run the program, whose second step fails; return what it said at last, by the word before it."""
    script = write(FAILING.replace("RUNNER", repr(runner)) + end)
    if on_terminal:
        text = "\n".join(run_on_terminal(sys.executable, script, columns=250).lines)
    else:
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        text = done.stdout
    assert "\x1b" not in text
    return dict(re.findall(r"^  (error|at|log|cache|resume|watch) +(.*)$", text, re.MULTILINE))


def typed(command: str) -> subprocess.CompletedProcess[str]:
    """Type a command that was printed, in a shell of which nothing is known but where programs are."""
    environment = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(Path.cwd())}
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("on_terminal", [False, True], ids=["pipe", "terminal"])
def test_the_resume_command_that_is_printed_completes_the_run(store: str, on_terminal: bool) -> None:
    said = failed(on_terminal=on_terminal)
    assert said["resume"].endswith("""argosy run resume 'it'"'"'s monday'""")
    assert "fitting" in typed(said["log"]).stdout
    Path("repaired").touch()
    done = typed(said["resume"])
    assert done.returncode == 0, done.stderr
    assert "Run it's monday of pipeline training, resumed" in done.stdout
    run = Client().get_run("it's monday")
    assert (run.status, {name: step.status for name, step in run.steps.items()}) == (
        "completed",
        {"load": "completed", "fit": "completed", "report": "completed"},
    )


@pytest.mark.parametrize("runner", ["local", "processes"])
def test_a_failure_names_the_step_the_error_in_one_line_and_the_users_own_line(home: Path, runner: str) -> None:
    said = failed(runner=runner)
    assert said["error"] == "step fit: ValueError: rate 0.1\\x1b[2J is bad"
    assert said["at"] == "program.py:14 in fit"


def test_a_changed_step_that_fails_points_at_the_cache(home: Path) -> None:
    Path("repaired").touch()
    subprocess.run([sys.executable, write(FAILING.replace("RUNNER", "None") + GUARDED)], check=True)
    Path("repaired").unlink()
    said = failed('\nif __name__ == "__main__":\n    training.with_options(run_name="second")(0.2)\n')
    assert "parameter rate changed from 0.1 to 0.2" in typed(said["cache"]).stdout


def test_commands_carry_the_project_and_are_quoted(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path / "my stores"))
    monkeypatch.setenv("ARGOSY_PROJECT", "fraud")
    said = failed()
    assert said["resume"].startswith(f"ARGOSY_HOME='{tmp_path}/my stores' ARGOSY_PROJECT=fraud argosy run resume ")
    Path("repaired").touch()
    assert typed(said["resume"]).returncode == 0


def test_a_script_that_calls_its_pipeline_at_once_is_resumed_in_python(home: Path) -> None:
    said = failed('\ntraining.with_options(run_name="monday")()\n')
    assert said["resume"] == "training.resume('monday')"


def test_a_program_without_a_file_is_resumed_in_python(home: Path) -> None:
    body = "import argosy\n@argosy.step\ndef bad() -> None:\n  raise ValueError\n"
    body += "@argosy.pipeline\ndef p() -> None:\n  bad()\np.with_options(run_name='monday')()\n"
    done = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=False)
    assert "  error   step bad: ValueError\n" in done.stdout
    assert "  resume  p.resume('monday')\n" in done.stdout


def test_what_a_body_makes_of_the_error_of_a_step_does_not_mix_with_it(home: Path) -> None:
    body = """
@step
def bad() -> int:
    raise ValueError("no rows")

@pipeline
def p() -> None:
    try:
        bad().load()
    except ValueError as error:
        raise RuntimeError("no report today") from error

if __name__ == "__main__":
    p()
"""
    done = subprocess.run([sys.executable, write(HEAD + body)], capture_output=True, text=True, check=False)
    assert "  error   step bad: ValueError: no rows\n" in done.stdout
    assert "RuntimeError: no report today\n" in done.stderr


def test_a_pipeline_that_was_given_artifacts_is_resumed_with_them(home: Path) -> None:
    body = """
@step
def bad(x: int) -> None:
    raise ValueError

@pipeline
def p(x: int) -> None:
    bad(x)

if __name__ == "__main__":
    p.with_options(run_name="monday")(argosy.ExternalArtifact(3))
"""
    done = subprocess.run([sys.executable, write(HEAD + body)], capture_output=True, text=True, check=False)
    assert "  resume  p.resume('monday', x=...)\n" in done.stdout


def test_ctrl_c_says_how_to_go_on(home: Path) -> None:
    Path("somebody looks").touch()  # so that the first step does not end by itself
    pressed: list[bool] = []

    def press(shown: str, process: subprocess.Popen[bytes]) -> None:
        if "loading" in shown and not pressed:
            pressed.append(True)
            process.send_signal(signal.SIGINT)

    shown = run_on_terminal(sys.executable, write(TRAINING), columns=250, meanwhile=press)
    lines = steady(shown.lines)
    assert lines[2] == "  load  cancelled T  KeyboardInterrupt"
    assert lines[3].startswith("Run cancelled in T")
    assert re.fullmatch(r"  resume  ARGOSY_HOME=\S+ argosy run resume monday", lines[4])
    assert Client().get_run("monday").status == "cancelled"


def test_a_run_that_failed_is_shown_with_what_to_do_next(home: Path) -> None:
    failed()
    done = subprocess.run([f"{BIN}/argosy", "run", "show", "it's monday"], check=True, capture_output=True, text=True)
    assert "\x1b" not in done.stdout
    assert re.search(r"^error +step 'fit': ValueError: rate 0\.1\\x1b\[2J is bad$", done.stdout, re.MULTILINE)
    tree, following = (part.splitlines() for part in done.stdout.split("\n\n")[1:])
    assert steady(tree) == [
        "  load          completed T  output 1 (5 B)",
        "  └─ fit        failed T  ValueError: rate 0.1\\x1b[2J is bad",
        "     └─ report  skipped",
    ]
    assert [line.split()[0] for line in following] == ["log", "resume"]
    resume = following[-1].removeprefix("  resume  ")
    Path("repaired").touch()
    assert typed(resume).returncode == 0
