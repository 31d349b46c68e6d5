"""Resuming runs from Python and from the shell: the pipeline is found again, and its arguments are those of the run."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import argosy
from argosy.errors import GraphError, NotFoundError, ParameterError, PipelineNotFoundError, PreconditionError
from tests.e2e.command_line import ARGOSY, as_json, run
from tests.warm import process as warm

PROGRAM = """\
import dataclasses, enum, pathlib, sys
import argosy

class Colour(enum.Enum):
    RED = "red"

@dataclasses.dataclass
class Table:
    rows: int

@argosy.step
def make(rows: int, colour: Colour) -> Table:
    print("make", colour.name)
    return Table(rows)

@argosy.step
def count(table: Table) -> int:
    assert type(table) is Table
    if not pathlib.Path("repaired").exists():
        raise ValueError("not repaired")
    return table.rows

@argosy.step
def report(total: int, note: float) -> str:
    return f"{total} {note}"

@argosy.pipeline
def training(rows: int, colour: Colour = Colour.RED, note: float = 0.0) -> None:
    report(count(make(rows, colour)), note)

"""
GUARDED = """\
if __name__ == "__main__":
    training.with_options(name="renamed", run_name="first")(5, note=float("nan"))
"""
UNGUARDED = """\
training.with_options(run_name="first")(5)
"""


def started(end: str, *arguments: str) -> None:
    """Run the program, whose second step fails."""
    Path("train.py").write_text(PROGRAM + end)
    command = [sys.executable, *(arguments or ("train.py",))]
    done = warm.run(command)
    assert done.stderr.rstrip().endswith("step 'count' of run 'first'") or "not repaired" in done.stderr, done.stderr


def statuses(record: argosy.PipelineRun) -> dict[str, str]:
    return {name: step.status for name, step in record.steps.items()}


def test_a_script_is_resumed_from_the_shell(store: str, tmp_path: Path) -> None:
    started(GUARDED)
    assert as_json("run", "show", "first")["status"] == "failed"
    (tmp_path / "repaired").touch()
    done = run("run", "resume", "first")
    assert "make RED" not in done.stdout
    record = argosy.Client().get_run("first")
    assert (record.status, record.pipeline_name) == ("completed", "renamed")
    assert list(record.steps) == ["make", "count", "report"]
    assert record.steps["report"].output.load() == "5 nan"
    assert record.steps["report"].output.name == "renamed::report::output"


def test_a_resumed_script_has_the_arguments_it_was_started_with(home: Path, tmp_path: Path) -> None:
    started("ROWS = int(sys.argv[1])\n" + GUARDED.replace("(5,", "(ROWS,"), "train.py", "6")
    Path("repaired").touch()
    run("run", "resume", "first")
    record = argosy.Client().get_run("first")
    assert record.steps["report"].output.load() == "6 nan"
    assert list(record._message.entry_point.arguments) == ["6"]


def test_a_document_of_the_resumed_run_is_all_that_is_printed(home: Path, tmp_path: Path) -> None:
    started(GUARDED)
    (tmp_path / "repaired").touch()
    document = as_json("run", "resume", "first")
    assert (document["name"], document["status"]) == ("first", "completed")


def test_a_module_is_resumed_from_another_folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started(GUARDED, "-m", "train")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    Path("repaired").touch()
    run("run", "resume", "first")
    assert argosy.Client().get_run("first").status == "completed"


def test_results_of_a_resumed_script_are_reused_by_the_script(home: Path, tmp_path: Path) -> None:
    started(GUARDED)
    (tmp_path / "repaired").touch()
    run("run", "resume", "first")
    script = GUARDED.replace('name="renamed", run_name="first"', 'run_name="second"')
    (tmp_path / "train.py").write_text(PROGRAM + script)
    subprocess.run([sys.executable, "train.py"], check=True)
    assert statuses(argosy.Client().get_run("second")) == dict.fromkeys(["make", "count", "report"], "cached")


def test_a_script_without_guard_is_not_run_again(store: str, tmp_path: Path) -> None:
    started(UNGUARDED)
    (tmp_path / "repaired").touch()
    done = run("run", "resume", "first", code=1)
    assert f"the script {tmp_path / 'train.py'} calls pipeline 'training' as soon as it is loaded" in done.stderr
    assert "put the call under 'if __name__ == \"__main__\":'" in done.stderr
    assert [record.status for record in argosy.Client().list_runs()] == ["failed"]


def test_code_of_a_resumed_step_uses_the_store_of_the_command(home: Path, tmp_path: Path) -> None:
    saving = PROGRAM.replace("    return table.rows\n", '    argosy.save_artifact(1, "note")\n    return table.rows\n')
    (tmp_path / "train.py").write_text(saving + GUARDED)
    other = tmp_path / "other"
    command = [sys.executable, "train.py"]
    subprocess.run(command, env={"ARGOSY_HOME": str(other)}, capture_output=True, check=False)
    (tmp_path / "repaired").touch()
    run("run", "resume", "first", "--home", other)
    assert [row["name"] for row in as_json("artifact", "list", "--home", other)] == ["note"]
    assert as_json("artifact", "list") == []


def test_a_run_that_completed_is_not_resumed(home: Path) -> None:
    repaired.append(True)
    resumable.with_options(run_name="done")(1, ok=True)
    with pytest.raises(PreconditionError, match="done"):
        resumable.resume("done", ok=True)


@argosy.step
def scaled(data: Any, factor: float) -> float:
    calls.append("scaled")
    return float(np.sum(data)) * factor


@argosy.step
def checked(value: float, ok: bool) -> float:
    calls.append("checked")
    if not repaired:
        raise ValueError("not repaired")
    return value


calls: list[str] = []
repaired: list[bool] = []


@argosy.pipeline
def resumable(factor: float, ok: bool = True) -> None:
    checked(scaled([1, 2], factor), ok)


@argosy.pipeline
def of_data(data: Any, factor: float = 2.0) -> None:
    if argosy.value_of(scaled(data, factor)) > 0:
        checked(1.0, True)


@pytest.fixture(autouse=True)
def _not_repaired() -> None:
    calls.clear()
    repaired.clear()


def fail(pipeline: Any, *arguments: Any, **options: Any) -> None:
    with pytest.raises(ValueError, match="not repaired"):
        pipeline.with_options(run_name="first", **options)(*arguments)
    repaired.append(True)
    calls.clear()


def test_a_run_is_resumed_with_the_parameters_it_was_started_with(store: str) -> None:
    fail(resumable, 3)
    record = resumable.resume("first")
    assert (record.name, record.status, calls) == ("first", "completed", ["checked"])
    assert record.steps["checked"].output.load() == 9.0
    assert record.parameters == {"factor": 3.0, "ok": True}


def test_a_record_resumes_itself_where_its_pipeline_is_imported(home: Path) -> None:
    fail(resumable, math.inf)
    failed = next(argosy.Client().list_runs())
    assert (failed.resume().status, calls) == ("completed", ["checked"])


def test_parameters_may_be_repeated_but_not_changed(home: Path) -> None:
    fail(resumable, 3)
    with pytest.raises(ParameterError, match=r"run 'first' was started with factor=3\.0 and cannot go on with 4\.0"):
        resumable.resume("first", 4)
    assert resumable.resume("first", factor=3).status == "completed"


def test_artifacts_are_passed_again(home: Path) -> None:
    argosy.save_artifact([1, 2], "numbers")
    fail(of_data, argosy.ExternalArtifact(name="numbers"))
    with pytest.raises(
        GraphError, match=r"has no value for 'data': artifacts are .* of_data\.resume\(run, data=\.\.\.\)"
    ):
        of_data.resume("first")
    with pytest.raises(GraphError, match=r"has no value for 'data'"):
        argosy.Client().get_run("first").resume()
    record = of_data.resume("first", argosy.ExternalArtifact(name="numbers"))
    assert (record.status, calls, list(record.steps)) == ("completed", ["checked"], ["scaled", "checked"])


def test_a_run_is_resumed_by_its_own_pipeline_only(home: Path) -> None:
    fail(resumable, 3)
    with pytest.raises(
        GraphError, match=r"is of pipeline 'resumable', not of 'of_data'; resume it by that pipeline, or"
    ):
        of_data.resume("first")
    with pytest.raises(GraphError, match=r"resumable\.resume\(\.\.\.\): got an unexpected keyword argument 'facto'"):
        resumable.resume("first", facto=3)


def test_a_pipeline_in_a_function_is_resumed_there_only(home: Path) -> None:
    @argosy.pipeline
    def local() -> None:
        checked(1.0, True)

    fail(local)
    with pytest.raises(PipelineNotFoundError, match="is defined inside a function"):
        argosy.Client().get_run("first").resume()
    assert local.resume(argosy.Client().get_run("first")).status == "completed"


def test_a_renamed_pipeline_goes_on_under_its_old_name(home: Path) -> None:
    fail(resumable, 3, name="old")
    assert resumable.with_options(name="old").resume("first").pipeline_name == "old"


def test_resuming_in_a_body_or_a_step_is_refused(home: Path) -> None:
    fail(resumable, 3)

    @argosy.step
    def resumes() -> None:
        resumable.resume("first")

    @argosy.pipeline
    def stepping() -> None:
        resumes()

    @argosy.pipeline
    def outer() -> None:
        resumable.resume("first")

    with pytest.raises(GraphError, match="is called in the body of pipeline 'outer'; call it outside"):
        outer()
    with pytest.raises(GraphError, match="is called inside the running step 'resumes'"):
        stepping()


def test_the_shell_says_what_it_cannot_find(home: Path, tmp_path: Path) -> None:
    started(GUARDED)
    (tmp_path / "train.py").unlink()
    done = run("run", "resume", "first", code=3)
    assert (
        f"the script {tmp_path / 'train.py'}, in which the pipeline is defined, is not on this machine" in done.stderr
    )


def test_a_run_that_is_not_there_is_told_with_those_like_it(home: Path) -> None:
    started(GUARDED)
    assert (
        "run 'frist' does not exist in project 'default' (did you mean 'first'?)"
        in run("run", "resume", "frist", code=3).stderr
    )
    with pytest.raises(NotFoundError, match=r"did you mean 'first'\?"):
        resumable.resume("firs")


@pytest.mark.parametrize("wrong", [5, None, ["first"]])
def test_what_is_no_run_is_not_resumed(home: Path, wrong: Any) -> None:
    with pytest.raises(ParameterError, match=r"test_resume.*a run, its name or its id is needed, not (5|None|\[)"):
        resumable.resume(wrong)


def test_a_script_that_is_broken_is_named_with_its_line(home: Path, tmp_path: Path) -> None:
    started(GUARDED)
    (tmp_path / "train.py").write_text(PROGRAM + "def :\n")
    stderr = run("run", "resume", "first", code=3).stderr
    line = PROGRAM.count("\n") + 1
    assert f"train.py:{line}: the script, in which the pipeline is defined, cannot be read: invalid syntax" in stderr


def test_an_exception_of_a_step_is_shown_as_in_the_program(home: Path) -> None:
    started(GUARDED)
    done = subprocess.run([ARGOSY, "run", "resume", "first"], capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert "ValueError: not repaired" in done.stderr
    assert "train.py" in done.stderr
    assert json.loads(run("run", "show", "first", "-o", "json").stdout)["status"] == "failed"
