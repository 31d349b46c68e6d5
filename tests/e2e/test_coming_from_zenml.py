"""docs/coming-from-zenml.md: its examples run, its right-hand column works, and its cases and our tests agree."""

from __future__ import annotations

import ast
import functools
import json
import os
import pickle
import re
import runpy
import sys
import tarfile
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

import argosy
from tests.e2e.migration_pages import ROOT, MigrationPage, check_command

PAGE = MigrationPage("coming-from-zenml.md")
CASES = [row for row in PAGE.rows if re.fullmatch(r"[ZSC]\d+", row[0])]
NAMED_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
PICKLED = pickle.dumps(1j)


RUN, SAVED = "94e855fd-be2e-4d7d-b21f-949101759387", "0b6e8f93-1c2d-4e5f-8a9b-00000000000"


def items(*contents: dict[str, Any], kind: str = "numpy.ndarray") -> dict[str, Any]:
    """Return the files of a list whose items are no JSON."""
    described = [{"path": f"/gone/{index}", "type": kind} for index in range(len(contents))]
    inner = {f"{index}/{name}": file for index, files in enumerate(contents) for name, file in files.items()}
    return {"metadata.json": json.dumps(described).encode(), **inner}


MIXED_DICT = items(
    {"data.json": b'["array", 1]'},
    items({"data.npy": np.arange(2)}, {"data.json": b'"one"'}),
    kind="builtins.list",
)
"""As ZenML writes ``{"array": np.arange(2), 1: "one"}``."""


def zenml_folder(store: Path, place: str, number: int, files: dict[str, Any]) -> None:
    """Write a version as ZenML 0.98 lays it out."""
    folder = store / place
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, np.ndarray):
            np.save(path, content)
        elif isinstance(content, pd.DataFrame):
            content.to_parquet(path, compression="gzip")
        elif isinstance(content, Path):
            with tarfile.open(path, "w:gz") as archive:
                archive.add(content, arcname=".")
        else:
            path.write_bytes(content)
    os.utime(folder, (number, number))


@pytest.fixture
def zenml_store(tmp_path: Path) -> Path:
    """A folder that looks as the artifact store of ZenML does."""
    store = tmp_path / "zenml_store"
    tree = tmp_path / "tree"
    (tree / "inner").mkdir(parents=True)
    (tree / "inner" / "a.txt").write_text("a")
    versions: list[tuple[str, dict[str, Any]]] = [
        (f"custom_artifacts/churn/{SAVED}1", {"data.npy": np.arange(3.0)}),
        (f"custom_artifacts/churn/{SAVED}0", {"data.npy": np.arange(4.0)}),
        (f"custom_artifacts/2026/daily churn/{SAVED}2", {"data.json": b"42"}),
        (f"describe/facts/{RUN}/51f9a0b1", {"data.json": b'{"k": [1, null]}'}),
        (
            f"load/patients/{RUN}/47ff5e02",
            {"df.parquet.gzip": pd.DataFrame({"a": [1]}, index=["x"]), "sample.csv": b"a"},
        ),
        (f"describe/report/{RUN}/7f01a0b1", {"output.html": b"<h1>hi</h1>"}),
        (f"describe/folder/{RUN}/b6ffa0b1", {"data.tar.gz": tree}),
        (f"describe/arrays/{RUN}/3efba0b1", items(*[{"data.npy": np.full(2, index)} for index in range(11)])),
        (f"describe/tables/{RUN}/c143a0b1", MIXED_DICT),
        (f"describe/settings/{RUN}/77d7a0b1", {"data_v2.json": b'{"rate": 0.1}'}),
        (f"describe/number/{RUN}/07e8a0b1", {"uuid.txt": b"00000000-0000-0000-0000-000000000005"}),
        (f"describe/output/{RUN}/eb41a0b1", {"artifact.pkl": PICKLED, "python_version.txt": b"3.11.7"}),
    ]
    for number, (place, files) in enumerate(versions):
        zenml_folder(store, place, number + 1, files)
    (store / "logs").mkdir()
    (store / "logs" / "4ba7.log").write_text("what steps printed")
    return store


def test_the_examples_run_one_after_the_other(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_QUIET", "1")
    PAGE.run_blocks(tmp_path)
    assert capsys.readouterr().out == "".join(PAGE.blocks("text"))


def test_the_script_brings_in_what_a_store_holds(
    home: Path, zenml_store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (session,) = PAGE.blocks("console")
    command, printed = session.split("\n", 1)
    assert command == "$ python examples/from_zenml.py zenml_store"
    monkeypatch.setattr(sys, "argv", command.split()[2:])
    runpy.run_path(str(ROOT / "examples/from_zenml.py"), run_name="__main__")
    told = capsys.readouterr()
    assert told.out == printed
    assert told.err.startswith(
        f"zenml_store/describe/tables/{RUN}/c143a0b1: two lists of one length are taken for a dict"
    )
    assert told.err.count("\n") == 1
    load = argosy.load_artifact
    assert (load("churn", 1).tolist(), load("churn").tolist()) == ([0, 1, 2], [0, 1, 2, 3])
    assert (load("facts"), load("report")) == ({"k": [1, None]}, "<h1>hi</h1>")
    assert load("patients").to_dict() == {"a": {"x": 1}}
    assert [array[0] for array in load("arrays")] == list(range(11))
    tables = load("tables")
    assert (list(tables), tables["array"].tolist(), tables[1]) == (["array", 1], [0, 1], "one")
    assert (load("2026/daily churn"), load("settings")) == (42, {"rate": 0.1})
    assert load("number") == UUID(int=5)
    assert (load("folder") / "inner" / "a.txt").read_text() == "a"
    assert (load("describe_output") / "artifact.pkl").read_bytes() == PICKLED
    assert argosy.get_artifact("folder").metadata["zenml.folder"] == f"describe/folder/{RUN}/b6ffa0b1"


@pytest.mark.parametrize(
    "files",
    [
        items({"data.json": b'["a"]'}, {"data.json": b"[1, 2]"}, kind="builtins.list"),
        items({"data.json": b'["a", "a"]'}, {"data.json": b"[1, 2]"}, kind="builtins.list"),
        items({"data.json": b'[["a"], "b"]'}, {"data.json": b"[1, 2]"}, kind="builtins.list"),
        items({"data.npy": np.arange(2)}, {"data.npy": np.arange(2)}),
    ],
    ids=["of other lengths", "the same twice", "no keys", "arrays"],
)
def test_two_items_that_are_no_dict_stay_a_list(
    home: Path, tmp_path: Path, files: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    zenml_folder(tmp_path / "zenml_store", f"custom_artifacts/pair/{SAVED}1", 1, files)
    monkeypatch.setattr(sys, "argv", ["from_zenml.py", "zenml_store"])
    runpy.run_path(str(ROOT / "examples/from_zenml.py"), run_name="__main__")
    assert type(argosy.load_artifact("pair")) is list


def test_the_script_loads_pickles_only_where_that_is_said(
    home: Path, zenml_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["from_zenml.py", "zenml_store", "--pickles"])
    runpy.run_path(str(ROOT / "examples/from_zenml.py"), run_name="__main__")
    assert argosy.load_artifact("describe_output") == 1j


@pytest.mark.filterwarnings("ignore:.* is kept as a pickle")
@pytest.mark.parametrize("pickles", [False, True])
def test_what_the_script_cannot_read_stays_the_files_it_is_and_costs_no_other(
    home: Path, tmp_path: Path, pickles: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    contents: dict[str, dict[str, Any]] = {
        "objects": {"data.npy": np.array([{}, None])},
        "torn": {"data.json": b"{"},
        "whole": {"data.json": b"1"},
    }
    for number, (name, files) in enumerate(contents.items()):
        zenml_folder(tmp_path / "zenml_store", f"custom_artifacts/{name}/{SAVED}{number}", number, files)
    monkeypatch.setattr(sys, "argv", ["from_zenml.py", "zenml_store", *(["--pickles"] if pickles else [])])
    runpy.run_path(str(ROOT / "examples/from_zenml.py"), run_name="__main__")
    told = capsys.readouterr().err
    assert f"zenml_store/custom_artifacts/torn/{SAVED}1 stays the files it is: " in told
    assert (argosy.load_artifact("torn") / "data.json").read_bytes() == b"{"
    assert argosy.load_artifact("whole") == 1
    found = argosy.load_artifact("objects")
    assert (f"custom_artifacts/objects/{SAVED}0 stays" in told) == isinstance(found, Path) == (not pickles)
    if pickles:
        assert found.tolist() == [{}, None]


def test_the_script_goes_on_where_it_was_when_it_is_run_again(
    home: Path, zenml_store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["from_zenml.py", "zenml_store"])
    runpy.run_path(str(ROOT / "examples/from_zenml.py"), run_name="__main__")
    for version in list(argosy.list_artifact_versions("report")):
        version.delete()
    capsys.readouterr()
    runpy.run_path(str(ROOT / "examples/from_zenml.py"), run_name="__main__")
    assert capsys.readouterr().out == "report 2 html\n"


@pytest.mark.parametrize("arguments", [[], ["nowhere"], ["a", "b"]])
def test_the_script_says_how_it_is_run(home: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["from_zenml.py", *arguments])
    with pytest.raises(SystemExit, match=r"python examples/from_zenml.py FOLDER \[--pickles\]: .* is no folder"):
        runpy.run_path(str(ROOT / "examples/from_zenml.py"), run_name="__main__")
    assert "    python examples/from_zenml.py FOLDER\n" in (ROOT / "examples/from_zenml.py").read_text()


def test_what_stands_for_each_call_of_zenml_works(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_QUIET", "1")
    (tmp_path / "big.csv").write_text("a,b")
    PAGE.check_calls_have_snippets(at_least=45)
    PAGE.run_snippets(tmp_path, x=np.arange(8.0).reshape(4, 2))


@pytest.mark.parametrize("command", PAGE.commands)
def test_what_stands_for_each_command_of_zenml_is_one(home: Path, command: str) -> None:
    check_command(command)


@functools.cache
def functions_of(path: str) -> frozenset[str]:
    """The names of the tests in a file of ours, read and not run."""
    tree = ast.parse((ROOT / "tests" / path).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


@pytest.mark.parametrize("letter", ["Z", "S", "C"])
def test_the_cases_are_numbered_without_a_gap(letter: str) -> None:
    numbers = [int(row[0][1:]) for row in CASES if row[0][0] == letter]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= {"Z": 100, "S": 11, "C": 25}[letter]


def test_every_case_names_a_test_or_says_why_we_differ() -> None:
    silent = [
        row for row in CASES if len(row) != 3 or not (NAMED_TEST.search(row[2]) or row[2].startswith("differs: "))
    ]
    assert silent == []


def test_every_test_that_a_case_names_exists() -> None:
    named = {(row[0], path, name) for row in CASES for path, name in NAMED_TEST.findall(row[2])}
    assert len(named) > 100
    absent = [
        f"{case}: {path}::{name}"
        for case, path, name in sorted(named)
        if not name.startswith("test_") or not (ROOT / "tests" / path).is_file() or name not in functions_of(path)
    ]
    assert absent == []


def test_nothing_that_looks_like_a_test_is_passed_over() -> None:
    cells = [row[2] for row in CASES]
    assert [cell for cell in cells if cell.count(".py") != len(NAMED_TEST.findall(cell))] == []
