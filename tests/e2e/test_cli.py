"""The command ``argosy``, as a process: what it prints, what it writes, how it refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import argosy
from tests.e2e.command_line import ARGOSY, as_json, run
from tests.e2e.terminal import on_a_terminal


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with a nested file, an empty file and an empty directory."""
    root = tmp_path / "report"
    (root / "figures").mkdir(parents=True)
    (root / "nothing").mkdir()
    (root / "index.html").write_text("<h1>Grüße</h1>")
    (root / "figures" / "auc.svg").write_bytes(bytes(range(256)))
    (root / "empty").touch()
    return root


def contents(directory: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


def test_an_empty_store_lists_nothing_and_says_where_it_looked(store: str) -> None:
    done = run("artifact", "list")
    assert (done.stdout, done.stderr) == ("", f"nothing found in project default of {store}\n")
    assert as_json("artifact", "list") == []


def test_a_directory_that_was_put_comes_back_as_it_was(store: str, tree: Path, tmp_path: Path) -> None:
    run("artifact", "put", tree, "--name", "report")
    done = run("artifact", "get", "report", "-d", tmp_path / "back")
    assert done.stdout == f"{tmp_path / 'back'}\n"
    assert contents(tmp_path / "back") == contents(tree)


def test_a_file_that_was_put_comes_back_under_its_name(store: str, tree: Path, tmp_path: Path) -> None:
    run("artifact", "put", tree / "index.html", "--name", "page")
    got = as_json("artifact", "get", "page", "-d", tmp_path / "back")
    assert got == {"name": "page", "version": "1", "directory": str(tmp_path / "back"), "files": ["index.html"]}
    assert contents(tmp_path / "back") == {"index.html": "<h1>Grüße</h1>".encode()}


def test_what_was_put_loads_as_a_path_in_python(store: str, tree: Path) -> None:
    run("artifact", "put", tree, "--name", "report")
    loaded = argosy.load_artifact("report")
    assert isinstance(loaded, Path)
    assert contents(loaded) == contents(tree)


def test_put_keeps_version_aliases_tags_and_metadata(home: Path, tree: Path) -> None:
    labels = ["--version", "2024-05", "--alias", "prod", "--alias", "stable", "--tag", "weekly", "--tag", "gold"]
    facts = ["-m", "auc=0.97", "-m", "by=Ada", "-m", 'shape=[1, 2, {"a": null}]', "-m", "note=a=b"]
    run("artifact", "put", tree / "index.html", "--name", "page", *labels, *facts)
    shown = as_json("artifact", "show", "page", "--alias", "stable")
    assert (shown["version"], shown["aliases"], shown["tags"]) == ("2024-05", ["prod", "stable"], ["gold", "weekly"])
    given = {key: shown["metadata"][key] for key in ("auc", "by", "shape", "note")}
    assert given == {"auc": 0.97, "by": "Ada", "shape": [1, 2, {"a": None}], "note": "a=b"}


def test_get_takes_a_version_an_alias_or_an_id(home: Path, tmp_path: Path) -> None:
    ids = []
    for number in (1, 2):
        (tmp_path / "value").write_text(str(number))
        ids.append(
            run("artifact", "put", tmp_path / "value", "--name", "value", "--alias", f"n{number}").stdout.split()[2]
        )
    selections = [["value"], ["value", "--version", "1"], ["value", "--alias", "n1"], [ids[0]]]
    found = []
    for number, selection in enumerate(selections):
        run("artifact", "get", *selection, "-d", tmp_path / str(number))
        found.append((tmp_path / str(number) / "value").read_text())
    assert found == ["2", "1", "1", "1"]


def test_get_writes_to_a_directory_named_after_the_version(home: Path, tree: Path, tmp_path: Path) -> None:
    run("artifact", "put", tree / "empty", "--name", "a/b")
    assert run("artifact", "get", "a/b").stdout == f"{tmp_path / 'a-b-1'}\n"
    assert contents(tmp_path / "a-b-1") == {"empty": b""}


def test_get_writes_the_files_of_any_format(home: Path, tmp_path: Path) -> None:
    argosy.save_artifact({"threshold": 0.5}, "settings")
    run("artifact", "get", "settings", "-d", tmp_path / "back")
    assert contents(tmp_path / "back") == {"data.json": b'{"threshold":0.5}'}


def test_get_overwrites_nothing_and_leaves_nothing_of_its_own(home: Path, tree: Path, tmp_path: Path) -> None:
    run("artifact", "put", tree, "--name", "report")
    target = tmp_path / "target"
    target.mkdir()
    (target / "index.html").write_text("mine")
    done = run("artifact", "get", "report", "-d", target, code=1)
    assert "index.html exists already" in done.stderr
    assert {path: text for path, text in contents(target).items() if text is not None} == {"index.html": b"mine"}


def test_list_shows_each_name_with_its_latest_version(store: str) -> None:
    for value in (1, 2):
        argosy.save_artifact(value, "numbers", tags=["even"] if value == 2 else [])
    argosy.save_artifact("text", "words", alias="prod")
    rows = as_json("artifact", "list")
    assert [(row["name"], row["version"], row["version_count"]) for row in rows] == [
        ("numbers", "2", 2),
        ("words", "1", 1),
    ]
    heading, *lines = run("artifact", "list").stdout.splitlines()
    assert heading.split() == ["NAME", "VERSION", "VERSIONS", "FORMAT", "SIZE", "CREATED", "ALIASES", "TAGS"]
    assert [line.split()[:4] for line in lines] == [["numbers", "2", "2", "json"], ["words", "1", "1", "text"]]


def test_list_can_be_narrowed_and_can_show_every_version(home: Path) -> None:
    for value in (1, 2, 3):
        argosy.save_artifact(value, "numbers", tags=["gold"] if value != 2 else [])
    argosy.save_artifact("text", "words")
    assert [row["name"] for row in as_json("artifact", "list", "WORD")] == ["words"]
    assert [row["version"] for row in as_json("artifact", "list", "numbers", "--versions")] == ["3", "2", "1"]
    tagged = as_json("artifact", "list", "--versions", "--tag", "gold")
    assert [(row["name"], row["version"]) for row in tagged] == [("numbers", "3"), ("numbers", "1")]


def test_list_stops_at_the_limit_and_says_so_outside_of_the_data(home: Path) -> None:
    for value in range(5):
        argosy.save_artifact(value, f"name{value}")
    done = run("artifact", "list", "--limit", "3", "-o", "json")
    assert [row["name"] for row in json.loads(done.stdout)] == ["name0", "name1", "name2"]
    assert done.stderr == "there are more than 3; raise --limit to see them\n"
    assert run("artifact", "list", "--limit", "5").stderr == ""


def test_show_tells_what_a_version_is(store: str) -> None:
    version = argosy.save_artifact({"a": [1, 2]}, "settings", alias="prod", metadata={"by": "Ada"})
    document = as_json("artifact", "show", "settings")
    assert (document["id"], document["format"], document["kind"]) == (str(version.id), "json", "manual")
    assert [file["path"] for file in document["files"]] == ["data.json"]
    text = run("artifact", "show", "settings", "--version", "1").stdout
    assert text.splitlines()[0].split() == ["name", "settings"]
    assert 'by      "Ada"' in text
    assert text.endswith("argosy.load_artifact('settings', '1')\n")


PIPELINE = """
from typing import Annotated
from argosy import pipeline, step

@step
def make(size: int) -> Annotated[list[int], "made"]:
    return list(range(size))

@step
def total(values: list[int]) -> Annotated[int, "total"]:
    if not values:
        raise ValueError("no values")
    return sum(values)

@pipeline
def adding(size: int = 3) -> None:
    total(make(size))

adding.with_options(run_name="first")()
adding.with_options(run_name="second")()
try:
    adding.with_options(run_name="third")(0)
except ValueError:
    pass
"""


def test_runs_are_listed_and_shown(store: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PIPELINE)
    subprocess.run([sys.executable, tmp_path / "program.py"], check=True, capture_output=True)
    runs = as_json("run", "list")
    assert [(row["name"], row["pipeline"], row["status"]) for row in runs] == [
        ("third", "adding", "failed"),
        ("second", "adding", "completed"),
        ("first", "adding", "completed"),
    ]
    assert [row["name"] for row in as_json("run", "list", "--status", "failed")] == ["third"]
    assert run("run", "list", "-n", "1").stdout.splitlines()[1].split()[:3] == ["third", "adding", "failed"]

    second = as_json("run", "show", "second")
    assert [(step["invocation"], step["status"]) for step in second["steps"]] == [
        ("make", "cached"),
        ("total", "cached"),
    ]
    assert second["parameters"] == {"size": 3}
    assert second["steps"][1]["inputs"]["values"]["name"] == "made"
    assert second["steps"][1]["outputs"] == {
        "total": {**second["steps"][1]["outputs"]["total"], "name": "total", "version": "1"}
    }
    shown = run("run", "show", "third").stdout
    assert "step 'total': ValueError: no values" in shown
    tree, following = (part.splitlines() for part in shown.split("\n\n")[1:])
    assert [line.split()[:3] for line in tree] == [["make", "completed", tree[0].split()[2]], ["└─", "total", "failed"]]
    assert tree[1].endswith("input values has other content; ValueError: no values")
    assert [line.split()[0] for line in following] == ["log", "cache", "resume"]

    assert as_json("artifact", "show", "made", "--pipeline", "adding")["version"] == "1"
    assert [row["name"] for row in as_json("artifact", "list", "--versions", "--pipeline", "adding", "-n", "1")] != []


def test_options_before_the_command_win_over_the_environment(home: Path, tmp_path: Path, tree: Path) -> None:
    other = tmp_path / "other"
    run("--home", other, "--project", "fraud", "artifact", "put", tree, "--name", "report")
    assert [row["project"] for row in as_json("--home", other, "--project", "fraud", "artifact", "list")] == ["fraud"]
    assert as_json("--home", other, "artifact", "list") == []
    assert as_json("--server", f"embedded://{other}", "--project", "fraud", "artifact", "list") != []
    assert as_json("artifact", "list") == []


def test_version_tells_the_version_and_the_store_without_opening_it(home: Path) -> None:
    facts = as_json("version")
    assert facts["argosy"] == argosy.__version__
    assert facts["store"] == f"embedded://{home}"
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["artifact", "show", "nope"], "argosy: artifact 'nope' does not exist in project 'default'"),
        (["run", "show", "nope"], "argosy: run 'nope' does not exist in project 'default'"),
    ],
)
def test_what_is_not_there_is_told_in_one_line_and_by_exit_code_3(
    store: str, arguments: list[str], message: str
) -> None:
    assert run(*arguments, code=3).stderr.strip() == message


def test_a_server_that_is_not_there_is_told_by_address_and_setting(home: Path) -> None:
    done = run("--server", "grpc://127.0.0.1:1", "artifact", "list", code=4)
    assert done.stderr.startswith("argosy: the Argosy server at grpc://127.0.0.1:1 cannot be reached")
    assert "ARGOSY_SERVER" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["artifact", "show"], "Missing argument"),
        (["artifact", "nope"], "No such command"),
        (["artifact", "show", "x", "--version", "1", "--alias", "prod"], "each select a version on their own"),
        (["artifact", "show", "3a92ae32-a764-4420-98ba-07da8f742b76", "--alias", "a"], "is an id and needs no --alias"),
        (["artifact", "put", "missing-file", "--name", "x"], "does not exist"),
        (["artifact", "put", ".", "--name", "x", "-m", "novalue"], "is no KEY=VALUE"),
        (["artifact", "put", ".", "--name", "x", "-m", "loss=NaN"], "NaN is not JSON"),
        (["artifact", "list", "--limit", "0"], "--limit"),
        (["--server", "http://host", "artifact", "list"], "--server is 'http://host'"),
        (["run", "list", "--status", "sleeping"], "sleeping"),
    ],
)
def test_bad_usage_says_what_is_wrong_and_exits_with_2(home: Path, arguments: list[str], message: str) -> None:
    assert message in " ".join(re.sub(r"[│╭╮╰╯─]", " ", run(*arguments, code=2).stderr).split())
    assert not home.exists()


def test_put_of_something_that_cannot_be_kept_leaves_no_version(home: Path, tree: Path) -> None:
    (tree / "link").symlink_to(tree / "index.html")
    done = run("artifact", "put", tree, "--name", "report", code=1)
    assert "is a symbolic link" in done.stderr
    assert as_json("artifact", "list") == []


@pytest.mark.parametrize(
    "command",
    [[], ["artifact", "list"], ["artifact", "get"], ["artifact", "put"], ["run", "show"], ["run", "cancel"]],
)
def test_help_teaches_by_examples(home: Path, command: list[str]) -> None:
    text = run(*command, "--help").stdout
    assert "Examples:" in text
    assert "\n    argosy " in text


@pytest.mark.parametrize(
    "command",
    [
        "artifact list",
        "artifact show",
        "artifact get",
        "artifact put",
        "artifact lineage",
        "run list",
        "run show",
        "run cancel",
        "run resume",
    ],
)
def test_every_example_of_a_help_text_is_a_command_that_exists(home: Path, command: str) -> None:
    text = run(*command.split(), "--help").stdout
    examples = [line.partition(" | ")[0].split() for line in text.splitlines() if line.startswith("    argosy ")]
    assert len(examples) >= 2
    for words in examples:
        options = {word for word in words if re.fullmatch(r"-[a-z]|--[a-z-]+", word)}
        assert " ".join(words[1:3]) == command
        assert {option for option in options if option not in text.replace(" ".join(words), "")} == set()


def test_completion_of_bash_knows_the_commands(home: Path) -> None:
    environment = {
        **os.environ,
        "_ARGOSY_COMPLETE": "complete_bash",
        "COMP_WORDS": "argosy artifact ",
        "COMP_CWORD": "2",
    }
    done = subprocess.run([ARGOSY], env=environment, capture_output=True, text=True, check=False)
    assert set(done.stdout.split()) >= {"list", "show", "get", "put", "delete", "prune"}


def test_it_runs_as_a_module_of_an_interpreter_too(home: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "argosy", "version"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (run("version").stdout, "")


def test_a_closed_output_is_no_defect(home: Path) -> None:
    done = subprocess.run(["bash", "-c", f"{ARGOSY} version >&-"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_stops_early_causes_no_traceback(home: Path) -> None:
    for number in range(40):
        argosy.save_artifact(number, f"name{number:03}")
    shell = f"{ARGOSY} artifact list -o json | head -n 1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[\n", "")


@pytest.mark.parametrize("command", ["artifact list", "--help", "version"])
def test_a_command_whose_reader_is_gone_ends_as_those_of_the_system_do(home: Path, command: str) -> None:
    argosy.save_artifact(1, "one")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([ARGOSY, *command.split()], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


PATIENCE_GONE = "import argosy.execution.views.transfer_progress as shown; shown.BAR_AFTER_SECONDS = 0; "
"""Whatever takes long enough for two steps of progress takes long to a command line that begins with it."""


def test_a_terminal_gets_a_progress_bar_and_a_pipe_gets_none(
    home: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", server)
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(1 << 20) * 24)
    command = (sys.executable, "-c", f"{PATIENCE_GONE}from argosy.cli import main; main()", "artifact")
    assert "putting big" in on_a_terminal(*command, "put", str(big), "--name", "big")
    piped = subprocess.run([*command, "get", "big", "-d", "piped"], capture_output=True, text=True, check=True)
    assert piped.stderr == ""
    shown = on_a_terminal(*command, "get", "big", "-d", str(tmp_path / "back"))
    assert "getting big" in shown
    assert (tmp_path / "back" / "big.bin").read_bytes() == big.read_bytes()


def test_a_transfer_that_is_over_at_once_shows_nothing_on_a_terminal(store: str, tmp_path: Path) -> None:
    (tmp_path / "small.bin").write_bytes(bytes(3 << 20))
    assert on_a_terminal(ARGOSY, "artifact", "put", str(tmp_path / "small.bin"), "--name", "small") == ""
    assert on_a_terminal(ARGOSY, "artifact", "get", "small", "-d", str(tmp_path / "back")) == ""


def test_doctor_looks_at_a_server_and_at_the_way_bytes_go(
    home: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", server)
    found = {row["check"]: row for row in as_json("doctor")}
    assert {row["status"] for row in found.values()} == {"ok"}
    assert found["store"]["message"].startswith(f"{server} answers in ")
    assert found["bytes"]["message"] == "they go through the server"
    assert found["clock"]["message"] == "the same here and in the store"
