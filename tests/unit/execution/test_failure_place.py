"""The line of the user's code that raised, out of a traceback with many lines that are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import argosy
from argosy.execution.failure_place import place_of
from argosy.runners.task_pickle import RemoteTraceback


@argosy.step
def parse(text: str) -> object:
    return json.loads(text)


@argosy.pipeline
def parsing(text: str) -> None:
    parse(text)


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


def test_an_error_outside_of_steps_and_bodies_has_no_place() -> None:
    with pytest.raises(argosy.GraphError) as caught:
        parsing()  # type: ignore[call-arg]  # the missing argument is the point
    assert place_of(caught.value) is None


def test_a_path_below_the_working_directory_is_short(tmp_path: Path) -> None:
    text = f'Traceback:\n  File "{argosy.__path__[0]}/x.py", line 1, in execute\n'
    text += f'  File "{tmp_path}/lib/site-packages/x.py", line 2, in call\n'
    text += f'  File "{tmp_path}/steps/fit.py", line 7, in fit\n    boom\n  File "{json.__file__}", line 3, in loads\n'
    error = ValueError()
    error.__cause__ = RemoteTraceback(text)
    assert str(place_of(error)) == "steps/fit.py:7 in fit"
