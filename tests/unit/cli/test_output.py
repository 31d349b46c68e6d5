"""``-o`` and ``--columns``: the same rows for people, programs and spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import argosy
import argosy.cli
from tests.unit.cli.conftest import CommandLine


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def model() -> argosy.ArtifactVersion:
    argosy.save_artifact(1, "data")
    return argosy.save_artifact(
        0.5, "model", alias="prod", tags=["gold", "a, b"], metadata={"auc": 0.97, "by": 'A "B"'}
    )


@pytest.mark.usefixtures("model")
def test_every_format_has_the_same_rows(typed: CommandLine) -> None:
    documents = typed.document("artifact", "list")
    lines = typed("artifact", "list", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == documents
    rows = rows_of(typed("artifact", "list", "-o", "csv").stdout)
    assert [row["name"] for row in rows] == [document["name"] for document in documents] == ["data", "model"]
    assert (rows[1]["size_bytes"], rows[1]["aliases"]) == (str(documents[1]["size_bytes"]), '["prod"]')
    assert json.loads(rows[1]["tags"]) == ["a, b", "gold"]
    assert rows[1]["created"] == documents[1]["created"]


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("columns", ["name,metadata.auc,producer.step", "name , metadata.auc,producer.step"])
def test_columns_are_keys_of_the_document_also_inside_others(typed: CommandLine, columns: str) -> None:
    command = ["artifact", "list", "model", "--versions", "--columns", columns]
    expected: dict[str, Any] = {"name": "model", "metadata.auc": 0.97, "producer.step": None}
    assert typed.document(*command) == [expected]
    assert [json.loads(line) for line in typed(*command, "-o", "jsonl").stdout.splitlines()] == [expected]
    assert typed(*command, "-o", "csv").stdout == "name,metadata.auc,producer.step\nmodel,0.97,\n"
    heading, row = typed(*command).stdout.splitlines()
    assert (heading.split(), row.split()) == (["NAME", "AUC", "STEP"], ["model", "0.97"])


@pytest.mark.usefixtures("model")
def test_columns_of_a_table_look_as_they_do_without_columns(typed: CommandLine) -> None:
    assert typed("artifact", "list", "--columns", "size_bytes,aliases").stdout.splitlines()[2] == " 3 B  prod"


def test_a_text_with_quotes_and_commas_comes_back_from_csv(typed: CommandLine, model: argosy.ArtifactVersion) -> None:
    done = typed("artifact", "show", "model", "-o", "csv", "--columns", "id,metadata.by,tags")
    assert rows_of(done.stdout) == [{"id": str(model.id), "metadata.by": 'A "B"', "tags": json.dumps(["a, b", "gold"])}]


@pytest.mark.usefixtures("model")
def test_chosen_keys_of_one_thing_are_one_line_each_for_people(typed: CommandLine) -> None:
    assert (
        typed("artifact", "show", "model", "--columns", "name,metadata.auc").stdout
        == "name          model\nmetadata.auc  0.97\n"
    )


@pytest.mark.parametrize("command", [["artifact", "list"], ["run", "list"], ["cache", "list"]])
@pytest.mark.parametrize("columns", ["nme", "id,,id", ""])
def test_a_column_that_is_not_there_is_refused_with_those_there_are(
    typed: CommandLine, command: list[str], columns: str
) -> None:
    stderr = " ".join(typed(*command, "--columns", columns, code=2).stderr.split())
    wrong = "nme" if columns == "nme" else ""
    assert f"Invalid value for '--columns': '{wrong}' is none of" in stderr
    assert "pipeline, " in stderr or "name, version, " in stderr


@pytest.mark.parametrize(
    ("command", "columns", "meant"),
    [
        ("artifact list", "name,size", "size_bytes"),
        ("artifact list", "versions", "version' or 'version_count"),
        ("cache list", "HITS", "hit_count"),
        ("run list", "nme", "name"),
    ],
)
def test_a_heading_of_the_table_is_answered_with_its_column(
    typed: CommandLine, command: str, columns: str, meant: str
) -> None:
    stderr = " ".join(typed(*command.split(), "--columns", columns, code=2).stderr.split())
    assert stderr.endswith(f"(did you mean '{meant}'?)")


def test_an_empty_list_is_an_empty_list_in_each_format(typed: CommandLine) -> None:
    assert typed("run", "list", "-o", "json").stdout == "[]\n"
    assert typed("run", "list", "-o", "jsonl").stdout == ""
    assert typed("run", "list", "-o", "csv").stdout == "name,pipeline,status,started,seconds\n"
    assert typed("run", "list").stderr.startswith("no run found in project default of embedded://")


EVIL = "\x1b]0;title\x07\x1b[2J\x9b1mEVIL[red]"
HARMLESS = r"\x1b]0;title\x07\x1b[2J\x9b1mEVIL[red]"


@argosy.step
def evil_step(text: str) -> str:
    return text


@argosy.pipeline
def evil_pipeline(text: str) -> None:
    evil_step(text)


@pytest.fixture
def evil() -> None:
    """Two versions and two runs in which every text that may be anything is one that would clear a terminal."""
    for values in ({"a": [1]}, {"a": [1], EVIL: [2]}):
        argosy.save_artifact(pd.DataFrame(values), "frame", metadata={"deep": {EVIL: [EVIL]}, "k": EVIL * len(values)})
    for name, text in {"good": "", "evil": EVIL}.items():
        evil_pipeline.with_options(run_name=name)(text)


SHOW_WHAT_ANYBODY_SAVED = [
    "artifact list --versions --name frame --columns version,metadata.k",
    f"artifact list --versions --name frame --columns version,metadata.{EVIL}",
    "artifact show frame",
    "artifact show frame --columns metadata.k,metadata",
    "artifact diff frame@1 frame@2",
    "artifact diff frame@1 frame@2 --columns key,before,after",
    "artifact diff frame@1 frame@2 -o json",
    f"run list --columns name,parameters.text,parameters.{EVIL}",
    "run show evil",
    "run show evil --columns parameters.text",
    "run show evil -o jsonl",
    "run compare good evil",
    "pipeline show evil_pipeline",
    "pipeline list --columns latest_run.parameters",
]


@pytest.mark.usefixtures("evil")
def test_what_anybody_saved_does_nothing_to_a_terminal(typed: CommandLine) -> None:
    shown = {command: typed(*command.split(" ")).stdout for command in SHOW_WHAT_ANYBODY_SAVED}
    assert [command for command, text in shown.items() if "EVIL[RED]" not in text.upper()] == []
    assert [command for command, text in shown.items() if not text.replace("\n", "").isprintable()] == []


@pytest.mark.usefixtures("evil")
def test_programs_get_the_text_that_was_saved(typed: CommandLine) -> None:
    command = ["artifact", "list", "frame", "--versions", "--limit", "1", "--columns", "metadata.k"]
    assert typed.document(*command) == [{"metadata.k": EVIL * 2}]
    assert rows_of(typed(*command, "-o", "csv").stdout) == [{"metadata.k": EVIL * 2}]
    assert HARMLESS * 2 in typed(*command).stdout


@pytest.mark.usefixtures("evil")
def test_csv_does_nothing_to_a_terminal(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [
        f"artifact list --versions --name frame -o csv --columns version,metadata.k,metadata.{EVIL}",
        "run show evil -o csv --columns parameters.text",
    ]
    with monkeypatch.context() as terminal:
        terminal.setattr("sys.stdout.isatty", lambda: True)
        shown = [typed(*command.split(" ")).stdout for command in commands]
    assert all(HARMLESS in text and text.replace("\n", "").isprintable() for text in shown)


def test_all_tables_are_made_in_one_place() -> None:
    """Whoever makes one elsewhere must think of terminals again."""
    sources = Path(argosy.cli.__file__).parent
    assert [str(path.relative_to(sources)) for path in sources.rglob("*.py") if "rich.table" in path.read_text()] == [
        "output.py"
    ]
