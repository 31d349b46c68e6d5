"""The line of the user's code that raised, out of a traceback with many lines that are not."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import argosy
from argosy.execution.failure_place import place_of, without_callers
from argosy.runners.task_pickle import RemoteTraceback


@argosy.step
def parse(text: str) -> object:
    return json.loads(text)


@argosy.pipeline
def parsing(text: str) -> None:
    parse(text)


@argosy.step
def draw() -> object:
    return np.random.default_rng(0).random(-1)


@argosy.pipeline
def drawing() -> None:
    draw()


@argosy.step
async def awaited() -> None:
    raise ValueError("no")


@argosy.pipeline
def awaiting() -> None:
    awaited()


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_an_error_in_a_library_is_told_by_the_line_that_called_it() -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        parsing("{")
    place = place_of(caught.value)
    assert place is not None
    assert (Path(place.file).name, place.function) == ("test_failure_place.py", "parse")
    assert str(place) == f"{place.file}:{place.line} in parse"


def test_an_error_in_a_compiled_library_is_told_by_the_line_that_called_it() -> None:
    with pytest.raises(ValueError, match="negative dimensions") as caught:
        drawing()
    assert any(frame.filename.endswith(".pyx") for frame in traceback.extract_tb(caught.value.__traceback__))
    place = place_of(caught.value)
    assert place is not None
    assert (Path(place.file).name, place.function) == ("test_failure_place.py", "draw")


def test_an_error_outside_of_steps_and_bodies_has_no_place() -> None:
    with pytest.raises(argosy.GraphError) as caught:
        parsing()  # type: ignore[call-arg]  # the missing argument is the point
    assert place_of(caught.value) is None


def test_a_program_reads_its_own_lines_with_little_of_argosy_between_them() -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        parsing("{")
    frames = [(Path(frame.filename).name, frame.name) for frame in traceback.extract_tb(caught.value.__traceback__)]
    here = "test_failure_place.py"
    assert frames[0] == (here, test_a_program_reads_its_own_lines_with_little_of_argosy_between_them.__name__)
    assert frames[1:4] == [("pipelines.py", "__call__"), ("run_session.py", "finish"), (here, "parse")]


def test_a_log_tells_why_an_async_step_failed_from_its_own_code_on() -> None:
    with pytest.raises(ValueError, match="no"):
        awaiting()
    log = next(iter(argosy.Client().list_runs())).steps["awaited"].logs()
    assert [line.text.partition(", line")[0] for line in log][:2] == [
        "Traceback (most recent call last):",
        f'  File "{__file__}"',
    ]


@pytest.mark.parametrize(
    ("files", "kept"),
    [
        (["{own}/run.py", "{user}/fit.py", "{installed}/frame.py"], ["fit.py", "frame.py"]),
        (["{own}/save.py", "{installed}/frame.py"], ["save.py", "frame.py"]),
        (["{own}/save.py", "{installed}/pickle.py", "{user}/fit.py"], ["fit.py"]),
    ],
    ids=["a step calls a library", "argosy calls a library", "a library calls a class of the user"],
)
def test_a_traceback_is_cut_where_the_users_code_begins_and_nowhere_else(
    tmp_path: Path, files: list[str], kept: list[str]
) -> None:
    places = {"own": argosy.__path__[0], "user": tmp_path, "installed": tmp_path / "lib/site-packages"}
    called: Callable[[], object] = partial(divmod, 1, 0)  # which has no line of its own
    for file in reversed(files):
        scope: dict[str, Any] = {"called": called}
        exec(compile("def call():\n    return called()\n", file.format(**places), "exec"), scope)
        called = scope["call"]
    with pytest.raises(ZeroDivisionError) as caught:
        called()
    trace = caught.value.__traceback__
    assert trace is not None
    names = [Path(frame.filename).name for frame in traceback.extract_tb(without_callers(trace.tb_next))]
    assert names == kept


def test_a_path_below_the_working_directory_is_short(tmp_path: Path) -> None:
    text = f'Traceback:\n  File "{argosy.__path__[0]}/x.py", line 1, in execute\n'
    text += f'  File "{tmp_path}/lib/site-packages/x.py", line 2, in call\n'
    text += f'  File "{tmp_path}/steps/fit.py", line 7, in fit\n    boom\n  File "{json.__file__}", line 3, in loads\n'
    error = ValueError()
    error.__cause__ = RemoteTraceback(text)
    assert str(place_of(error)) == "steps/fit.py:7 in fit"
