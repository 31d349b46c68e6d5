"""Worker processes find what the program finds: its modules, its classes, its environment; and none is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import DefinitionError, WorkerImportError
from argosy.runners.processes import ProcessRunner

SCRIPT = """
import dataclasses
import enum
import argosy

class Colour(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Settings:
    size: int
    colour: Colour

class Model:
    def __init__(self, weight):
        self.weight = weight

class ModelFiles(argosy.Materializer[Model]):
    types = (Model,)
    format = "model"

    def save(self, value, files):
        files.write("weight.txt", str(value.weight).encode())

    def load(self, files, as_type=None):
        return Model(int(files.read("weight.txt")))

class ScriptError(Exception):
    def __init__(self, text, *, step):
        super().__init__(text)
        self.step = step

@argosy.step(enable_cache=False)
def fit(settings: Settings):
    return Model(settings.size)

@argosy.step(enable_cache=False)
def describe(model) -> Settings:
    return Settings(scaled(model.weight) + plain(1), Colour.RED)

def scaled(number):
    return 2 * number

@argosy.step
def plain(x: int) -> int:
    return x

@argosy.step(enable_cache=False)
def fail() -> None:
    raise ScriptError("no", step="fail")

@argosy.pipeline(runner="processes")
def working(settings: Settings) -> None:
    describe(fit(settings))

@argosy.pipeline(runner="processes")
def broken() -> None:
    fail()

run = working(Settings(20, Colour.RED))
print(run.steps["describe"].output.load() == Settings(41, Colour.RED))
print(run.steps["fit"].output.format, run.steps["fit"].output.load().weight)
try:
    broken()
except ScriptError as error:
    print(error.args, error.step)
"""


def test_a_script_needs_no_guard_and_its_own_classes_are_the_same_everywhere(home: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-W", "error", "script.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "ARGOSY_QUIET": "1"})
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["True", "model 20", "('no',) fail"]


def test_a_traceback_shows_where_in_the_script_a_step_failed(home: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.partition("run = ")[0] + "broken()\n")
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "ARGOSY_QUIET": "1"})
    line = next(number for number, text in enumerate(SCRIPT.splitlines(), 1) if "raise ScriptError" in text)
    where = f'File "{script}", line {line}, in fail\n    raise ScriptError("no", step="fail")\n'
    assert where in done.stderr
    (run,) = argosy.Client().list_runs("broken")
    assert where in str(run.reload().steps["fail"].logs())


def test_a_module_that_a_worker_has_not_is_named_with_the_cure(home: Path) -> None:
    module = types.ModuleType("only_here")
    sys.modules["only_here"] = module
    try:
        exec("import argosy\n@argosy.step\ndef lost() -> int:\n    return 1\n", vars(module))

        @argosy.pipeline(runner=ProcessRunner())
        def working() -> None:
            module.lost()

        with pytest.raises(WorkerImportError, match=r"step 'lost' .*module 'only_here' is not there .*sys\.path"):
            working()
    finally:
        del sys.modules["only_here"]


def test_a_step_that_holds_what_cannot_be_sent_is_refused_by_name(home: Path) -> None:
    lock = threading.Lock()

    @argosy.step(enable_cache=False)
    def locked() -> bool:
        return lock.locked()

    @argosy.pipeline(runner=ProcessRunner())
    def working() -> None:
        locked()

    with pytest.raises(
        DefinitionError, match=r"'locked' cannot be sent to a worker process: the variable 'lock': TypeError"
    ):
        working()


def test_workers_see_the_directory_and_the_environment_of_the_moment(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @argosy.step(enable_cache=False)
    def surroundings() -> tuple[str, str]:
        return os.getcwd(), os.environ.get("FRUIT", "")

    (tmp_path / "below").mkdir()

    @argosy.pipeline(runner="processes", max_parallel=1)
    def working() -> Any:
        first: Any = surroundings()
        first[0].load()
        monkeypatch.chdir(tmp_path / "below")
        monkeypatch.setenv("FRUIT", "apple")
        surroundings()

    run = working()
    found = [[version.load() for version in step.outputs.values()] for step in run.steps.values()]
    assert found == [[str(tmp_path), ""], [str(tmp_path / "below"), "apple"]]


def test_no_process_is_left_when_a_run_is_over(home: Path) -> None:
    @argosy.step(enable_cache=False)
    def pid() -> int:
        return os.getpid()

    @argosy.pipeline(runner="processes", max_parallel=2)
    def working() -> None:
        for _ in range(4):
            pid()

    pids = {step.output.load() for step in working().steps.values()}
    assert len(pids) == 2
    assert [found for found in pids if Path(f"/proc/{found}").exists()] == []
