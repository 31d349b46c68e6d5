"""What a command does before it shows anything: no more than it needs."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer.main
from typer.core import TyperCommand

import argosy
from argosy.cli import app

WATCHED = """
import atexit, gc, json, sys
from argosy.cli import main
collected = []

@atexit.register  # what was registered first is called last
def tell():
    told = {"modules": sorted(sys.modules), "collections": len(collected), "frozen": gc.get_freeze_count()}
    print(json.dumps(told), file=sys.stderr)

gc.collect()
gc.callbacks.append(lambda phase, info: collected.append(phase))
main()
"""
CYCLE = """
import argosy, gc
from typing import Annotated

class Report:
    def __init__(self):
        self.me, self.file = self, open("report.txt", "w")
        self.file.write("written")

    def __del__(self):
        self.file.close()

@argosy.step
def one() -> Annotated[list[int], "thresholds"]:
    return [*gc.get_threshold()]

@argosy.pipeline
def reporting():
    one()

report = Report()
"""
THRESHOLDS = [*gc.get_threshold()]


def watched(*words: str) -> dict[str, Any]:
    """What a process of its own had done at the end of a command."""
    done = subprocess.run([sys.executable, "-c", WATCHED, *words], capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return told


def test_a_command_is_made_when_it_is_asked_for_and_no_other() -> None:
    group: Any = typer.main.get_command(app)
    group = group.commands["run"]

    def made() -> list[str]:
        return [name for name, found in group.commands.data.items() if isinstance(found, TyperCommand)]

    assert (group.list_commands(None)[:2], made()) == (["list", "show"], [])
    assert group.get_command(None, "show") is group.get_command(None, "show")
    assert group.get_command(None, "nothing") is None
    assert made() == ["show"]


@pytest.mark.parametrize("value", [{"a": [1, 2]}, "a text", argosy.MarkdownString("# A")], ids=["json", "text", "page"])
def test_a_preview_of_what_is_text_loads_no_numbers(value: object) -> None:
    argosy.save_artifact(value, "note")

    assert {"numpy", "pandas", "pyarrow"} & set(watched("artifact", "preview", "note")["modules"]) == set()


@pytest.mark.parametrize(
    ("column", "needs"),
    [([1, 2], set()), (["a", None], set()), (pd.Categorical(["a", "b"]), {"pandas", "pyarrow.compute"})],
    ids=["numbers", "texts", "categories"],
)
def test_a_preview_of_a_plain_frame_loads_no_pandas(column: Any, needs: set[str]) -> None:
    argosy.save_artifact(pd.DataFrame({"a": column}), "frame")
    argosy.save_artifact(pd.Series(column), "series")

    for name in ("frame", "series"):
        assert {"pandas", "pyarrow.compute"} & set(watched("artifact", "preview", name)["modules"]) == needs


def test_a_store_that_is_there_is_opened_without_what_makes_or_sweeps_one() -> None:
    argosy.save_artifact("a text", "note")

    assert {"filelock", "alembic"} & set(watched("artifact", "list")["modules"]) == set()


def test_a_command_never_looks_for_memory_to_be_given_back() -> None:
    argosy.save_artifact("a text", "note")
    told = watched("artifact", "list")

    assert told["collections"] == 0
    assert told["frozen"] > 0


def test_memory_of_the_users_is_given_back_as_in_a_program_of_their_own(home: Path) -> None:
    Path("users_report.py").write_text(CYCLE)
    watched("pipeline", "run", "users_report:reporting")

    assert argosy.load_artifact("thresholds") == THRESHOLDS
    assert Path("report.txt").read_text() == "written"
