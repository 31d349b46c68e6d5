"""``argosy config show`` and ``set``."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from argosy.config import ClientConfig, resolve
from tests.unit.cli.conftest import CommandLine


def shown(typed: CommandLine, *words: str) -> dict[str, tuple[Any, str]]:
    return {row["name"]: (row["value"], row["source"]) for row in typed.document(*words, "config", "show")}


def test_each_setting_is_told_with_what_said_it(
    typed: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    (home / "config.toml").write_text("quiet = true\ncache = false\n")
    project_file = Path.cwd() / "pyproject.toml"
    project_file.write_text('[tool.argosy]\ncache = true\nreference_schemes = ["s3"]\nallow_pickle = false\n')
    monkeypatch.setenv("ARGOSY_UNARY_DEADLINE", "7")
    monkeypatch.setenv("ARGOSY_ALLOW_PICKLE", "1")
    settings = shown(typed, "--project", "fraud")
    assert list(settings) == list(ClientConfig.__dataclass_fields__)
    assert settings["project"] == ("fraud", "--project")
    assert settings["home"] == (str(home), "environment variable ARGOSY_HOME")
    assert settings["unary_deadline"] == (7.0, "environment variable ARGOSY_UNARY_DEADLINE")
    assert settings["cache"] == (True, f"{project_file} [tool.argosy] cache")
    assert settings["reference_schemes"] == (["s3"], f"{project_file} [tool.argosy] reference_schemes")
    assert settings["allow_pickle"] == (False, f"{project_file} [tool.argosy] allow_pickle")
    assert settings["quiet"] == (True, f"{home / 'config.toml'} quiet")
    assert settings["connect_timeout"] == (4.0, "default")


def test_the_keys_of_a_setting_stay_and_each_names_its_variable(typed: CommandLine) -> None:
    rows = typed.document("config", "show")
    assert {tuple(row) for row in rows} == {("name", "value", "source", "variable")}
    assert {row["variable"] for row in rows} == {f"ARGOSY_{row['name'].upper()}" for row in rows}


def test_showing_opens_nothing(typed: CommandLine, home: Path) -> None:
    assert typed("config", "show").stdout.splitlines()[0].split() == ["NAME", "VALUE", "SOURCE", "VARIABLE"]
    assert typed("config", "show", "-o", "csv", "--columns", "name,value").stdout.splitlines()[1] == "server,"
    assert not home.exists()


def test_a_malformed_setting_is_told_as_elsewhere(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_CACHE", "perhaps")
    assert "ARGOSY_CACHE is 'perhaps'; write true or false" in typed("config", "show", code=2).stderr
    monkeypatch.setenv("ARGOSY_SERVER", "grpc://ada:secret@host:1")
    refused = typed("config", "show", code=2).stderr
    assert ("ARGOSY_SERVER is" in refused, "secret" in refused, "ada" in refused) == (True, False, False)
    assert "--server is" in typed("--server", "http://x", "config", "show", code=2).stderr


@pytest.mark.parametrize(
    ("name", "value", "line", "holds"),
    [
        ("server", "grpc://host:50051", 'server = "grpc://host:50051"', "grpc://host:50051"),
        ("project", "fraud", 'project = "fraud"', "fraud"),
        ("allow_pickle", "no", "allow_pickle = false", False),
        ("connect_timeout", "2.5", "connect_timeout = 2.5", 2.5),
        ("transfer_streams", "3", "transfer_streams = 3", 3),
        ("reference_schemes", "file,s3", 'reference_schemes = ["file", "s3"]', ("file", "s3")),
        ("reference_schemes", "none", 'reference_schemes = "none"', ()),
        ("signed_transfers", "OFF", 'signed_transfers = "off"', "off"),
    ],
)
def test_what_is_set_holds_from_then_on(
    typed: CommandLine, home: Path, name: str, value: str, line: str, holds: Any
) -> None:
    done = typed("config", "set", name, value)
    assert (done.stdout, done.stderr) == (f"{home / 'config.toml'}\n", "")
    assert (home / "config.toml").read_text() == f"{line}\n"
    assert getattr(resolve(), name) == holds


def test_whatever_else_is_in_the_file_stays(typed: CommandLine, home: Path) -> None:
    home.mkdir()
    text = '# mine\n\nproject = "a"  # of the team\nreference_schemes = [\n  "file",  # always\n]\n# the end'
    (home / "config.toml").write_text(text)
    typed("config", "set", "project", "b")
    assert (home / "config.toml").read_text() == text.replace('"a"', '"b"')
    typed("config", "set", "quiet", "true")
    assert (home / "config.toml").read_text() == text.replace('"a"', '"b"') + "\nquiet = true\n"
    typed("config", "set", "project", "--unset")
    assert (home / "config.toml").read_text() == text.replace('project = "a"  # of the team\n', "") + "\nquiet = true\n"
    typed("config", "set", "server", "--unset")


def test_a_file_that_only_its_owner_can_change_is_left_to_him(typed: CommandLine, home: Path) -> None:
    home.mkdir()
    text = 'reference_schemes = [\n  "file",\n]\n'
    (home / "config.toml").write_text(text)
    assert "edit it by hand" in typed("config", "set", "reference_schemes", "s3", code=1).stderr
    (home / "config.toml").write_text("no toml")
    assert "is not a TOML file" in typed("config", "set", "project", "b", code=1).stderr
    assert [file.name for file in home.iterdir()] == ["config.toml"]
    assert (home / "config.toml").read_text() == "no toml"


def test_a_malformed_line_is_mended(typed: CommandLine, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("cache = 7\n")
    typed("config", "set", "cache", "true")
    assert (home / "config.toml").read_text() == "cache = true\n"


def test_the_file_keeps_its_mode_and_a_link_its_target(typed: CommandLine, home: Path, tmp_path: Path) -> None:
    home.mkdir()
    target = tmp_path / "dotfiles.toml"
    target.write_text("quiet = true\n")
    target.chmod(0o640)
    (home / "config.toml").symlink_to(target)
    typed("config", "set", "quiet", "false")
    assert target.read_text() == "quiet = false\n"
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o640
    assert (home / "config.toml").is_symlink()


def test_who_wins_over_the_file_is_told(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_PROJECT", "fraud")
    note = "it does not hold here: environment variable ARGOSY_PROJECT says 'fraud'\n"
    assert typed("config", "set", "project", "other").stderr == note


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["chache", "true"], "unknown setting 'chache'; did you mean 'cache'?"),
        (["cache", "perhaps"], "cache is 'perhaps'; write true or false"),
        (["server", "http://x"], "server is 'http://x'"),
        (["server", "grpc://user:secret@x"], "server is "),
        (["home", "/tmp"], "home cannot be set by a file inside it"),
        (["cache"], "pass the value it shall have, or --unset"),
        (["cache", "true", "--unset"], "pass the value it shall have, or --unset"),
        (["cache", ""], "it is empty"),
    ],
    ids=" ".join,
)
def test_what_is_no_setting_or_no_value_of_it_is_refused(
    typed: CommandLine, home: Path, words: list[str], message: str
) -> None:
    stderr = " ".join(typed("config", "set", *words, code=2).stderr.split())
    assert message in stderr
    assert "secret" not in stderr
    assert not home.exists()
