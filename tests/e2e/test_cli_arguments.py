"""What the command ``argosy`` makes of its arguments: empty ones, bytes that are no text, where options may stand."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import argosy
from tests.e2e.command_line import ARGOSY, as_json, run

EMPTY = "it is empty; give it at least one character"


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["artifact", "get", "m", "--version="], "--version"),
        (["artifact", "show", "m", "--pipeline", ""], "--pipeline"),
        (["artifact", "show", ""], "name"),
        (["artifact", "get", "m", "-d", ""], "--directory"),
        (["artifact", "put", "", "--name", "m"], "path"),
        (["artifact", "put", ".", "--name", ""], "--name"),
        (["artifact", "put", ".", "--name", "m", "--version", ""], "--version"),
        (["artifact", "put", ".", "--name", "m", "--tag", "a", "--tag", ""], "--tag"),
        (["artifact", "put", ".", "--name", "m", "--metadata", ""], "--metadata"),
        (["artifact", "list", ""], "contains"),
        (["artifact", "list", "--versions", "--tag", ""], "--tag"),
        (["artifact", "list", "--versions", "--pipeline", ""], "--pipeline"),
        (["run", "list", "--pipeline", ""], "--pipeline"),
        (["run", "show", ""], "run"),
        (["--server", "", "artifact", "list"], "--server"),
        (["artifact", "list", "--server", ""], "--server"),
    ],
)
def test_an_empty_argument_is_refused_by_its_name(home: Path, arguments: list[str], option: str) -> None:
    message = run(*arguments, code=2).stderr
    assert EMPTY in message
    assert option in message.partition("Invalid value for ")[2].partition(":")[0]
    assert not home.exists()


@pytest.mark.parametrize("command", [["get", "m"], ["show", "m"], ["put", ".", "--name", "m"]])
def test_an_empty_alias_is_refused_by_its_name(home: Path, command: list[str]) -> None:
    refused = run("artifact", *command, "--alias", "", code=2)
    assert "Invalid value for '--alias': '' is not allowed; an alias is" in refused.stderr


@pytest.mark.parametrize("option", ["--home", "--project"])
def test_an_empty_setting_is_refused_and_no_store_is_made(home: Path, tmp_path: Path, option: str) -> None:
    assert f"{option} is ''; " in run(option, "", "artifact", "list", code=2).stderr
    assert f"{option} is ''; " in run("artifact", "list", option, "", code=2).stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["artifact", "show", "\udcff"],
        ["artifact", "show", "m", "--version", "\udcff"],
        ["artifact", "get", "m", "--alias", "\udcff"],
        ["artifact", "get", "m", "--pipeline", "\udcff"],
        ["artifact", "list", "\udcff"],
        ["artifact", "list", "--versions", "\udcff"],
        ["artifact", "list", "--versions", "--tag", "\udcff"],
        ["artifact", "list", "--versions", "--pipeline", "\udcff"],
        ["artifact", "put", ".", "--name", "\udcff"],
        ["artifact", "put", ".", "--name", "m", "--version", "\udcff"],
        ["artifact", "put", ".", "--name", "m", "--alias", "\udcff"],
        ["artifact", "put", ".", "--name", "m", "--tag", "\udcff"],
        ["artifact", "put", ".", "--name", "m", "--metadata", "\udcff=1"],
        ["artifact", "put", ".", "--name", "m", "--metadata", "a=\udcff"],
        ["artifact", "put", ".", "--name", "m", "--metadata", 'a="\\udcff"'],
        ["run", "list", "--pipeline", "\udcff"],
        ["run", "show", "\udcff"],
        ["run", "cancel", "\udcff"],
        ["--server", "unix:///\udcff", "artifact", "list"],
        ["--project", "\udcff", "artifact", "list"],
    ],
)
def test_bytes_that_are_no_text_are_refused_in_one_line(home: Path, arguments: list[str]) -> None:
    refused = run(*arguments, code=2)
    [line] = [line for line in refused.stderr.splitlines() if line.startswith("Error: ")]
    assert "\\udcff" in line
    assert not home.exists()


def test_a_directory_whose_name_is_no_text_can_be_read_and_written(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")  # not the forgiving one of the C locale
    source = tmp_path / "in\udcff"
    source.mkdir()
    (source / "file.txt").write_text("text")
    run("artifact", "put", source / "file.txt", "--name", "m")
    command = [ARGOSY, "artifact", "get", "m", "-d", "out\udcff"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, bytes(tmp_path) + b"/out\xff\n", b"")
    assert (tmp_path / "out\udcff" / "file.txt").read_text() == "text"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["artifact", "get", "../up"], "'name': '../up' has a '.' or '..' part; remove it"),
        (["artifact", "show", "m", "--version", "0"], "'--version' / '-v': '0' is no version number"),
        (["artifact", "show", "m", "--alias", "7"], "'--alias': '7' is not allowed; an alias is"),
        (["artifact", "show", "m", "--pipeline", "/"], "'--pipeline': '/' begins or ends with '/'"),
        (["artifact", "put", ".", "--name", "a::b"], "'--name': 'a::b' has '::'"),
        (["artifact", "put", ".", "--name", "m", "--tag", "x" * 256], "'--tag': it has 256 characters; at most 255"),
        (["artifact", "list", "a/", "--versions"], "contains: 'a/' begins or ends with '/'"),
        (["run", "show", "a\n"], "'run': 'a\\n' has control or unprintable characters"),
        (["--server", "http://host", "artifact", "list"], "--server is 'http://host'; write grpc://host:port"),
        (["artifact", "put", ".", "--name", "m", "-m", "a\tb=1"], "'--metadata': key 'a\\tb' has control or unprint"),
        (["artifact", "put", ".", "--name", "m", "-m", "a=1e999"], "'--metadata': metadata['a'] is inf"),
        (
            ["artifact", "put", ".", "--name", "m", "-m", "a=" + "[" * 9999],
            "'--metadata': a is no JSON that can be kept",
        ),
        (
            ["artifact", "put", ".", "--name", "m", "-m", "a=" + "1" * 9999],
            "'--metadata': a is no JSON that can be kept",
        ),
        (["artifact", "put", ".", "--name", "m", "-m", "a=1", "-m", "a=2"], "'a' is given twice; keep one of them"),
    ],
)
def test_a_refused_argument_is_called_as_it_was_typed(home: Path, arguments: list[str], message: str) -> None:
    assert message in run(*arguments, code=2).stderr
    assert not home.exists()


def test_what_the_service_alone_refuses_is_called_as_it_was_typed_too(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    facts = [f"--metadata=fact{number}=1" for number in range(1001)]
    refused = run("artifact", "put", "file", "--name", "m", *facts, code=1)
    assert refused.stderr.startswith("argosy: --metadata: has 1002 keys")
    assert as_json("artifact", "list") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--home", "other", "--project", "fraud", "artifact", "list"],
        ["artifact", "--home", "other", "--project", "fraud", "list"],
        ["artifact", "list", "--home", "other", "--project", "fraud"],
        ["--project", "fraud", "artifact", "list", "--server", "embedded://{there}/other"],
        ["--home", "nowhere", "--project", "none", "artifact", "list", "--home=other", "--project=fraud"],
    ],
)
def test_the_store_may_be_named_anywhere_and_the_nearest_to_the_command_wins(
    home: Path, tmp_path: Path, arguments: list[str]
) -> None:
    argosy.Client(home=tmp_path / "other", project="fraud").save_artifact(1, "number")
    listed = as_json(*[word.format(there=tmp_path) for word in arguments])
    assert [(row["name"], row["project"]) for row in listed] == [("number", "fraud")]


@pytest.mark.parametrize(
    "command",
    [
        "artifact list",
        "artifact show",
        "artifact get",
        "artifact lineage",
        "artifact put",
        "artifact delete",
        "artifact prune",
        "run list",
        "run show",
        "run cancel",
        "run resume",
    ],
)
def test_help_of_each_command_names_the_options_of_the_store(home: Path, command: str) -> None:
    text = run(*command.split(), "-h").stdout
    assert [option for option in ("--server ", "--project ", "--home ") if option not in text] == []


def test_version_is_an_option_too(home: Path) -> None:
    assert run("--version").stdout == f"argosy {argosy.__version__}\n"


def test_a_server_that_is_not_there_names_the_option_and_the_setting(home: Path) -> None:
    done = run("artifact", "list", "--server", "grpc://127.0.0.1:1", code=4)
    assert done.stderr.startswith("argosy: the Argosy server at grpc://127.0.0.1:1 cannot be reached")
    assert done.stderr.endswith("or correct --server or ARGOSY_SERVER\n")
