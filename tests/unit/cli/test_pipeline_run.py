"""``argosy pipeline run``, ``list`` and ``show``; modules of users are called ``users_…`` here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import argosy
from tests.unit.cli.conftest import CommandLine

MODULE = """\
import datetime, enum, pathlib
from typing import Any, Optional
import argosy

class Colour(enum.Enum):
    RED = "red"

@argosy.step
def told(values: Any) -> str:
    print("printed by told")
    return repr(values)

@argosy.step
def doubled(number: int) -> int:
    if number > 100:
        raise ValueError(f"{number} is <too> much")
    return number * 2

@argosy.pipeline
def telling(
    rate: float = 0.1, rows: int = 1, layers: list[int] = [1], name: str = "n", day: datetime.date = datetime.date.min,
    colour: Colour = Colour.RED, deep: bool = False, place: pathlib.Path = pathlib.Path("."), most: Optional[int] = 3,
    free=None,
) -> None:
    told([rate, rows, layers, name, str(day), colour.name, deep, str(place), most, free])

@argosy.pipeline
def doubling(number) -> None:
    doubled(number)

@argosy.pipeline
def strict(number: int) -> None:
    doubled(number)

class Nested:
    inside = strict

plain = 1
"""


@pytest.fixture
def module() -> str:
    Path("users_flows.py").write_text(MODULE)
    return "users_flows"


def told(document: dict[str, Any]) -> Any:
    return argosy.load_artifact(document["steps"][0]["outputs"]["output"]["id"])


def test_each_parameter_is_what_its_annotation_says(typed: CommandLine, module: str) -> None:
    given = [
        "rate=1", "rows=7", "layers=[64, 32]", "name=123", "day=2026-01-31", "colour=red", "deep=true", "place=a/b",
        "most=null", 'free={"a": [1]}',
    ]  # fmt: skip
    words = [word for item in given for word in ("--param", item)]
    document = typed.document("pipeline", "run", f"{module}:telling", *words)
    expected = [1.0, 7, [64, 32], "123", "2026-01-31", "RED", True, "a/b", None, {"a": [1]}]
    assert told(document) == repr(expected)
    assert (document["status"], document["parameters"]["day"]) == ("completed", "2026-01-31")


def test_what_is_left_out_is_its_default_and_a_text_that_is_no_json_a_text(typed: CommandLine, module: str) -> None:
    document = typed.document("pipeline", "run", f"{module}:telling", "-p", "free=no json")
    assert document["parameters"]["free"] == "no json"
    assert document["parameters"]["rate"] == 0.1


def test_the_name_of_the_run_is_printed_and_how_it_goes(typed: CommandLine, module: str) -> None:
    lines = typed("pipeline", "run", f"{module}:strict", "-p", "number=1", "--run-name", "first").stdout.splitlines()
    assert lines[0] == "Run first of pipeline strict"
    assert any("doubled" in line and "completed" in line for line in lines)
    assert argosy.Client().get_run("first").status == "completed"


def test_a_quiet_run_prints_its_name_alone(typed: CommandLine, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_QUIET", "1")
    done = typed("pipeline", "run", f"{module}:strict", "-p", "number=1", "--run-name", "quiet")
    assert done.stdout == "quiet\n"


def test_what_steps_print_is_kept_out_of_a_document(typed: CommandLine, module: str) -> None:
    done = typed("pipeline", "run", f"{module}:telling", "-o", "jsonl")
    assert json.loads(done.stdout)["pipeline"] == "telling"
    assert "printed by told" in done.stderr


def test_steps_are_cached_unless_that_is_not_wanted(typed: CommandLine, module: str) -> None:
    command = ["pipeline", "run", f"{module}:strict", "-p", "number=1"]
    statuses = [typed.document(*command, *more)["steps"][0]["status"] for more in ([], [], ["--no-cache"])]
    assert statuses == ["completed", "cached", "completed"]


def test_an_artifact_is_an_input(typed: CommandLine, module: str) -> None:
    argosy.save_artifact(20, "number", alias="prod")
    argosy.save_artifact(30, "number")
    for selection, expected in {"number@prod": 40, "number": 60, "number@1": 40}.items():
        document = typed.document("pipeline", "run", f"{module}:doubling", "-i", f"number={selection}")
        assert told(document) == expected
    assert document["steps"][0]["inputs"]["number"]["version"] == "1"
    refused = typed("pipeline", "run", f"{module}:doubling", "-i", "number=a//b", code=2).stderr
    assert "Invalid value for '--input': number: 'a//b' begins or ends with '/'" in " ".join(refused.split())


def test_a_failed_run_is_5_with_the_traceback_of_the_users_code_alone(typed: CommandLine, module: str) -> None:
    done = typed("pipeline", "run", f"{module}:strict", "-p", "number=101", "--run-name", "bad", code=5)
    assert "Run failed" in done.stdout
    assert "ValueError: 101 is <too> much" in done.stderr
    files = [line for line in done.stderr.splitlines() if line.startswith('  File "')]
    assert [Path(line.split('"')[1]).name for line in files] == ["users_flows.py"]
    assert argosy.Client().get_run("bad").status == "failed"
    assert typed("run", "resume", "bad", code=5).stderr.count("101 is <too> much") >= 1


def test_the_traceback_of_a_worker_is_that_of_the_users_code_alone_too(typed: CommandLine) -> None:
    processes = MODULE.replace("@argosy.pipeline\ndef strict", '@argosy.pipeline(runner="processes")\ndef strict')
    Path("users_processes.py").write_text(processes)
    stderr = typed("pipeline", "run", "users_processes:strict", "-p", "number=101", code=5).stderr
    files = [line for line in stderr.splitlines() if line.startswith('  File "')]
    assert [Path(line.split('"')[1]).name for line in files] == ["users_processes.py"]


@pytest.mark.parametrize("code", [0, 3])
def test_a_run_whose_step_ends_the_program_is_5_whatever_code_it_gives(typed: CommandLine, code: int) -> None:
    Path("users_quitting.py").write_text(
        "import sys\n"
        "import argosy\n"
        "@argosy.step\n"
        "def quits(code: int) -> int:\n"
        "    sys.exit(code)\n"
        "@argosy.pipeline\n"
        "def quitting(code: int) -> None:\n"
        "    quits(code)\n"
    )
    words = ["pipeline", "run", "users_quitting:quitting", "-p", f"code={code}", "--run-name", "quit"]
    assert f"SystemExit: {code}" in typed(*words, code=5).stderr
    assert argosy.Client().get_run("quit").status == "failed"
    assert typed("run", "resume", "quit", code=5).stdout


def test_a_cancelled_run_is_6(typed: CommandLine) -> None:
    Path("users_stopped.py").write_text(
        "import argosy\n"
        "@argosy.step\n"
        "def one() -> int:\n"
        "    client = argosy.Client()\n"
        "    client.cancel_run(next(iter(client.list_runs())).id)\n"
        "    return 1\n"
        "@argosy.step\n"
        "def two(n: int) -> int:\n"
        "    return n\n"
        "@argosy.pipeline\n"
        "def stopped() -> None:\n"
        "    two(one())\n"
    )
    assert typed("pipeline", "run", "users_stopped:stopped", code=6).stderr.startswith("argosy: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["strict"], "pipeline 'strict' needs --param number=VALUE"),
        (["strict", "-p", "nmber=1"], "has no parameter 'nmber' (did you mean 'number'?)"),
        (["strict", "-p", "number=1", "-p", "number=2"], "'number' is given twice"),
        (["strict", "-p", "number=1", "-i", "number=x"], "'number' is given twice"),
        (["strict", "-p", "number"], "'number' is no KEY=VALUE"),
        (["strict", "-p", "number=many"], "expected int, found"),
        (["strict", "-p", "number=1.5"], "expected int, found"),
        (["telling", "-p", "layers=[1, true, 'x']"], "expected list[int]"),
        (["telling", "-p", "colour=blue"], "a member of Colour or one of 'red'"),
        (["strict", "-p", "number=1", "--run-name", "{day}"], "unknown placeholder {day}"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_arguments_that_do_not_fit_are_refused_and_nothing_runs(
    typed: CommandLine, module: str, words: list[str], message: str
) -> None:
    stderr = " ".join(typed("pipeline", "run", f"{module}:{words[0]}", *words[1:], code=2).stderr.split())
    assert message in stderr
    assert list(argosy.Client().list_runs()) == []


@pytest.mark.parametrize(
    ("entry", "code", "message"),
    [
        ("users_flows.py", 2, "is no MODULE:FUNCTION; for a pipeline training in train.py write train:training"),
        (
            "users_flows.py:training",
            2,
            "'users_flows.py:training' names a file, not a module; write users_flows:training",
        ),
        ("users_nothing:training", 3, "there is no module 'users_nothing' in "),
        (
            "users_flows:strct",
            3,
            "module 'users_flows' has no 'strct' (did you mean 'strict'?); its pipelines are tell",
        ),
        ("users_flows:plain", 3, "users_flows:plain is no pipeline"),
        ("users_flows:doubled", 3, "users_flows:doubled is no pipeline"),
    ],
)
def test_a_pipeline_that_is_not_there_is_told_with_those_there_are(
    typed: CommandLine, module: str, entry: str, code: int, message: str
) -> None:
    assert message in " ".join(typed("pipeline", "run", entry, code=code).stderr.split())


def test_a_pipeline_inside_a_class_is_found(typed: CommandLine, module: str) -> None:
    assert typed.document("pipeline", "run", f"{module}:Nested.inside", "-p", "number=1")["pipeline"] == "strict"


def test_a_module_that_runs_its_pipeline_when_it_is_loaded_runs_nothing(typed: CommandLine) -> None:
    Path("users_unguarded.py").write_text(MODULE + "strict(1)\n")
    stderr = typed("pipeline", "run", "users_unguarded:strict", "-p", "number=1", code=1).stderr
    assert "calls pipeline 'strict' as soon as it is loaded" in stderr
    assert "put the call under 'if __name__" in stderr
    assert list(argosy.Client().list_runs()) == []


def test_a_module_that_ends_the_program_when_it_is_loaded_is_told_so(typed: CommandLine) -> None:
    Path("users_ending.py").write_text("raise SystemExit(0)\n")
    stderr = typed("pipeline", "run", "users_ending:any", code=3).stderr
    assert "module 'users_ending' ends the program when it is loaded" in stderr


def test_pipelines_are_listed_with_their_latest_run(typed: CommandLine, module: str) -> None:
    typed("pipeline", "run", f"{module}:strict", "-p", "number=1", "--run-name", "one")
    typed("pipeline", "run", f"{module}:strict", "-p", "number=101", "--run-name", "two", code=5)
    typed("pipeline", "run", f"{module}:telling", "--run-name", "three")
    rows = typed.document("pipeline", "list")
    assert list(rows[0]) == ["name", "run_count", "entry_point", "file", "latest_run"]
    assert [(row["name"], row["run_count"], row["latest_run"]["name"]) for row in rows] == [
        ("strict", 2, "two"),
        ("telling", 1, "three"),
    ]
    heading, first, _ = typed("pipeline", "list").stdout.splitlines()
    assert heading.split() == ["NAME", "RUNS", "LATEST", "RUN", "STATUS", "STARTED", "SECONDS"]
    assert first.split()[:4] == ["strict", "2", "two", "failed"]
    chosen = typed("pipeline", "list", "--columns", "name,latest_run.status", "-o", "csv").stdout
    assert chosen == "name,latest_run.status\nstrict,failed\ntelling,completed\n"


def test_a_pipeline_is_shown_with_where_it_is_and_how_it_is_run(typed: CommandLine, module: str) -> None:
    for number, name in ((1, "one"), (2, "two")):
        typed("pipeline", "run", f"{module}:strict", "-p", f"number={number}", "--run-name", name)
    document = typed.document("pipeline", "show", "strict")
    assert list(document) == ["name", "run_count", "entry_point", "file", "latest_run", "steps", "runs"]
    assert (document["entry_point"], document["steps"]) == ("users_flows:strict", ["doubled"])
    assert [run["name"] for run in document["runs"]] == ["two", "one"]
    shown = typed("pipeline", "show", "strict").stdout
    assert shown.endswith("\nargosy pipeline run users_flows:strict\n")
    assert "number=2" in shown
    assert "did you mean 'strict'?" in typed("pipeline", "show", "strct", code=3).stderr


BODY = """\
import argosy

@argosy.step
def one() -> int:
    return 1

@argosy.pipeline
def body() -> None:
    one()
    raise RuntimeError("in the body")
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import users_missing_module\n", "ModuleNotFoundError: No module named 'users_missing_module'"),
        ("def :\n", "SyntaxError: invalid syntax"),
        ("open('nothing.json')\n", "FileNotFoundError: [Errno 2] No such file or directory: 'nothing.json'"),
        (BODY, "RuntimeError: in the body"),
        (BODY.replace('RuntimeError("in the body")', "SystemExit(0)"), "SystemExit: 0"),
    ],
    ids=["import", "syntax", "file", "body", "exit"],
)
def test_what_the_users_code_raises_before_a_run_begins_is_told_with_its_line_alone(
    typed: CommandLine, source: str, message: str
) -> None:
    Path("users_raising.py").write_text(source)
    done = typed("pipeline", "run", "users_raising:body", code=1)
    assert done.stderr.rstrip().endswith(message)
    files = {Path(line.split('"')[1]).name for line in done.stderr.splitlines() if line.startswith('  File "')}
    assert files == {"users_raising.py"}
    assert list(argosy.Client().list_runs()) == []
