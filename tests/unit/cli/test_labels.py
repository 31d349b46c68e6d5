"""``argosy artifact tag``, ``alias`` and ``delete``."""

from __future__ import annotations

import pytest

import argosy
from tests.unit.cli.conftest import CommandLine


@pytest.fixture(autouse=True)
def versions() -> list[argosy.ArtifactVersion]:
    return [argosy.save_artifact(number, "model") for number in (1, 2, 3)]


def pointed_at(alias: str) -> str:
    return argosy.get_artifact("model", alias=alias).version


def test_tags_are_added_and_taken_away(typed: CommandLine) -> None:
    assert typed("artifact", "tag", "model", "gold", "a b").stdout == "model 3 has a b, gold\n"
    assert typed("artifact", "tag", "model", "new", "--version", "1").stdout == "model 1 has new\n"
    assert typed.document("artifact", "tag", "model", "gold", "absent", "--remove")["tags"] == ["a b"]
    assert typed("artifact", "tag", "model", "new", "-v", "1", "--remove").stdout == "model 1 has no tags\n"
    assert list(argosy.get_artifact("model").tags) == ["a b"]


def test_a_tag_is_added_to_the_version_an_id_or_an_alias_names(
    typed: CommandLine, versions: list[argosy.ArtifactVersion]
) -> None:
    versions[0].set_alias("prod")
    typed("artifact", "tag", "model", "gold", "--alias", "prod")
    typed("artifact", "tag", str(versions[1].id), "silver")
    assert [list(argosy.get_artifact(version.id).tags) for version in versions] == [["gold"], ["silver"], []]


def test_an_alias_is_moved_to_the_latest_to_a_version_and_to_that_of_another_alias(typed: CommandLine) -> None:
    assert typed("artifact", "alias", "model", "staging").stdout == "staging of model points at version 3\n"
    typed("artifact", "alias", "model", "prod", "--version", "1")
    assert pointed_at("prod") == "1"
    moved = typed.document("artifact", "alias", "model", "prod", "--alias", "staging")
    assert (moved["alias"], moved["version"], list(moved)) == ("prod", "3", ["name", "alias", "version", "id"])
    assert (pointed_at("prod"), pointed_at("staging")) == ("3", "3")


def test_an_alias_is_removed_and_the_version_stays(typed: CommandLine) -> None:
    typed("artifact", "alias", "model", "prod", "--version", "2")
    assert typed("artifact", "alias", "model", "prod", "--remove").stdout == "prod of model is removed\n"
    assert list(argosy.get_artifact("model", "2").aliases) == []
    typed("artifact", "alias", "model", "prod", "--remove", code=3)


@pytest.mark.parametrize("selection", [["--version", "1"], ["--alias", "staging"], ["--pipeline", "training"]])
def test_an_alias_to_remove_is_not_named_by_a_version(typed: CommandLine, selection: list[str]) -> None:
    argosy.get_artifact("model").set_alias("prod")
    assert "NAME ALIAS --remove" in typed("artifact", "alias", "model", "prod", "--remove", *selection, code=2).stderr
    assert pointed_at("prod") == "3"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["tag", "model"], 2),
        (["tag", "model", ""], 2),
        (["tag", "absent", "gold"], 3),
        (["tag", "model", "gold", "--version", "9"], 3),
        (["alias", "model"], 2),
        (["alias", "model", "no spaces"], 2),
        (["alias", "absent", "prod"], 3),
        (["alias", "model", "prod", "--alias", "staging"], 3),
    ],
    ids=str,
)
def test_what_cannot_be_labelled_is_told(typed: CommandLine, words: list[str], code: int) -> None:
    typed("artifact", *words, code=code)
    assert [(list(row.tags), list(row.aliases)) for row in argosy.list_artifact_versions("model")] == [([], [])] * 3


def test_a_script_says_that_it_wants_to_delete(typed: CommandLine) -> None:
    stderr = typed("artifact", "delete", "model", "--version", "2", code=2).stderr
    assert "nothing was deleted, for nobody can be asked here; pass --yes" in stderr
    assert typed("artifact", "delete", "model", "--version", "2", "--yes").stdout == "model 2 is deleted\n"
    assert [row.version for row in argosy.list_artifact_versions("model")] == ["3", "1"]


@pytest.mark.parametrize(("answer", "left"), [("y", ["3", "1"]), ("n", ["3", "2", "1"])])
def test_a_person_is_asked_which_version_goes(
    typed: CommandLine, monkeypatch: pytest.MonkeyPatch, answer: str, left: list[str]
) -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    done = typed("artifact", "delete", "model", "--version", "2", code=0 if answer == "y" else 1)
    assert "delete model 2? [y/N]" in done.stderr
    assert [row.version for row in argosy.list_artifact_versions("model")] == left
