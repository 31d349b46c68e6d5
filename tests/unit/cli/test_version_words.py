"""``NAME``, ``NAME@VERSION``, ``NAME@ALIAS`` or an id: the words for a version, in every command that takes one."""

from __future__ import annotations

from pathlib import Path

import pytest

import argosy
from tests.unit.cli.conftest import CommandLine


@pytest.fixture(autouse=True)
def versions() -> list[argosy.ArtifactVersion]:
    first = argosy.save_artifact({"rate": 1}, "model", alias="prod")
    return [first, argosy.save_artifact({"rate": 2}, "model", version="v2"), argosy.save_artifact({"rate": 3}, "model")]


@pytest.mark.parametrize(
    ("words", "version"), [("model", "2"), ("model@1", "1"), ("model@v2", "v2"), ("model@prod", "1")]
)
def test_show_get_preview_and_lineage_take_them(typed: CommandLine, tmp_path: Path, words: str, version: str) -> None:
    expected = argosy.get_artifact("model", version)
    assert typed.document("artifact", "show", words)["version"] == version
    typed("artifact", "get", words, "-d", tmp_path / "got")
    assert (tmp_path / "got" / "data.json").read_text() == f'{{"rate":{expected.load()["rate"]}}}'
    assert f'"rate": {expected.load()["rate"]}' in typed("artifact", "preview", words).stdout
    nodes = typed.document("artifact", "lineage", words)["versions"]
    assert [node["id"] for node in nodes] == [str(expected.id)]


def test_tag_and_alias_take_them(typed: CommandLine) -> None:
    assert typed("artifact", "tag", "model@prod", "gold").stdout == "model 1 has gold\n"
    assert typed("artifact", "tag", "model@v2", "silver").stdout == "model v2 has silver\n"
    assert typed("artifact", "tag", "model@1", "gold", "--remove").stdout == "model 1 has no tags\n"
    assert typed("artifact", "alias", "model@v2", "staging").stdout == "staging of model points at version v2\n"
    assert typed("artifact", "alias", "model@staging", "prod").stdout == "prod of model points at version v2\n"


def test_delete_takes_those_that_are_exact(typed: CommandLine) -> None:
    assert typed("artifact", "delete", "model@v2", "--yes").stdout == "model v2 is deleted\n"
    assert typed("artifact", "delete", "model@prod", "--yes", "--force").stdout == "model 1 is deleted\n"
    assert "write NAME@VERSION" in " ".join(typed("artifact", "delete", "model", "--yes", code=2).stderr.split())
    assert [row.version for row in argosy.list_artifact_versions("model")] == ["2"]


def test_a_name_that_has_an_at_itself_is_found_but_not_deleted_by_itself(typed: CommandLine) -> None:
    for number in range(2):
        argosy.save_artifact(number, "model@home")
    assert typed.document("artifact", "show", "model@home")["version"] == "2"
    assert typed.document("artifact", "show", "model@home@1")["version"] == "1"
    assert typed.document("artifact", "show", "model@home", "--version", "1")["name"] == "model@home"
    assert "'model' of alias 'home' does not exist" in typed("artifact", "delete", "model@home", "--yes", code=3).stderr
    typed("artifact", "delete", "model@home", "--version", "1", "--yes")
    assert [row.version for row in argosy.list_artifact_versions("model@home")] == ["2"]


def test_with_an_option_the_text_is_the_name_alone(typed: CommandLine) -> None:
    refused = typed("artifact", "show", "model@prod", "--version", "1", code=3).stderr
    assert "'model@prod' does not exist in project 'default'; similar: model" in refused


def test_a_label_may_stand_behind_the_longest_name(typed: CommandLine) -> None:
    name = "n" * 255
    argosy.save_artifact(1, name)
    assert typed.document("artifact", "show", f"{name}@1")["name"] == name


def test_what_is_not_there_is_told_as_it_was_meant(typed: CommandLine) -> None:
    assert "'model' of version '7' does not exist" in typed("artifact", "show", "model@7", code=3).stderr
    assert "'model' of alias 'prdo' does not exist" in typed("artifact", "get", "model@prdo", code=3).stderr
    assert (
        "'modle' does not exist in project 'default'; similar: model"
        in typed("artifact", "tag", "modle@1", "x", code=3).stderr
    )


@pytest.mark.parametrize("command", ["show", "get", "preview", "lineage", "delete", "diff"])
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("", "it is empty"),
        ("a//b", "'a//b' begins or ends with '/', or has '//'"),
        (" a@1", "begins or ends with white space"),
        ("x" * 256, "it has 256 characters; at most 255"),
        ("model\n@1", "has control or unprintable characters"),
    ],
    ids=["empty", "slashes", "space", "long", "control"],
)
def test_words_that_can_be_none_of_these_are_refused(
    typed: CommandLine, command: str, words: str, problem: str
) -> None:
    assert problem in " ".join(typed("artifact", command, words, code=2).stderr.split())
