"""``argosy artifact list`` with filters, ``delete`` and ``prune``, as processes."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

import argosy
from tests.e2e.command_line import ARGOSY, as_json, run

pytestmark = pytest.mark.usefixtures("store")


def listed(*filters: str) -> list[tuple[str, str]]:
    return [(row["name"], row["version"]) for row in as_json("artifact", "list", *filters)]


def test_versions_are_listed_by_any_filters() -> None:
    argosy.save_artifact(1, "model", tags=["gold"], metadata={"auc": 0.97, "by": "Ada"})
    argosy.save_artifact(2, "model", metadata={"auc": 0.5})
    argosy.save_artifact(3, "data", tags=["gold"])
    assert listed("--tag", "gold") == [("data", "1"), ("model", "1")]
    assert listed("--name", "model") == [("model", "2"), ("model", "1")]
    assert listed("--metadata", "auc=0.970", "-m", "by=Ada") == [("model", "1")]
    assert listed("--name", "model", "--created-after", "1h") == [("model", "2"), ("model", "1")]
    assert listed("--created-after", "2999-01-01") == []
    assert listed("--created-before", "1h") == []
    assert listed("--pipeline", "training") == []


def test_a_fact_that_is_a_text_and_looks_like_json_is_found_as_the_command_says() -> None:
    argosy.save_artifact(1, "model", metadata={"release": "0.970", "by": "Ada"})
    nothing = run("artifact", "list", "-m", "release=0.970", "-m", "by=Ada")
    assert nothing.stdout == ""
    assert nothing.stderr.splitlines()[1:] == ["""where the fact is a text: --metadata 'release="0.970"'"""]
    assert listed("--metadata", 'release="0.970"', "-m", "by=Ada") == [("model", "1")]


def test_a_description_is_put_shown_and_in_json(tmp_path_factory: pytest.TempPathFactory) -> None:
    source = tmp_path_factory.mktemp("source") / "file.txt"
    source.write_text("text")
    run("artifact", "put", source, "--name", "report", "--description", "The report.\nOf May.")
    shown = run("artifact", "show", "report").stdout
    assert "description  The report.\n             Of May.\n" in shown
    assert as_json("artifact", "show", "report")["description"] == "The report.\nOf May."


def test_files_are_overwritten_only_when_that_is_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("target")
    argosy.save_artifact({"threshold": 0.5}, "settings")
    (target / "data.json").write_text("mine")
    refused = run("artifact", "get", "settings", "-d", target, code=1)
    assert "data.json exists already; choose an empty directory, remove it, or overwrite it" in refused.stderr
    assert (target / "data.json").read_text() == "mine"
    run("artifact", "get", "settings", "-d", target, "--overwrite")
    assert (target / "data.json").read_text() == '{"threshold":0.5}'


def test_what_was_registered_by_reference_is_got_from_where_it_lies(tmp_path_factory: pytest.TempPathFactory) -> None:
    source = tmp_path_factory.mktemp("source") / "x.csv"
    source.write_text("a,b")
    argosy.register_artifact(source, "data", copy=False)
    target = tmp_path_factory.mktemp("target")
    assert as_json("artifact", "get", "data", "-d", target)["files"] == ["x.csv"]
    assert (target / "x.csv").read_text() == "a,b"
    source.write_text("b,a")
    refused = run("artifact", "get", "data", "-d", target, "--overwrite", code=1)
    assert "changed since it was registered" in refused.stderr
    assert (target / "x.csv").read_text() == "a,b"


def test_a_version_is_deleted_when_it_is_named_exactly() -> None:
    argosy.save_artifact(1, "model", alias="old")
    argosy.save_artifact(2, "model")
    refused = run("artifact", "delete", "model", code=2)
    assert "a name alone would delete whatever is the latest" in refused.stderr
    kept = "argosy: 'model' version 1 is deleted only with --force: the alias 'old' points at it\n"
    assert run("artifact", "delete", "model", "--alias", "old", "--yes", code=1).stderr == kept
    assert run("artifact", "delete", "model", "--alias", "old", "--force", "--yes").stdout == "model 1 is deleted\n"
    assert listed("--name", "model") == [("model", "2")]
    assert run("artifact", "delete", "model", "--version", "1", "--yes", code=3).stderr.startswith("argosy: ")


def test_a_version_a_run_made_is_deleted_only_by_force() -> None:
    @argosy.step
    def fit() -> int:
        return 1

    @argosy.pipeline
    def training() -> None:
        fit()

    made = training().steps["fit"].output.id
    assert "--force" in run("artifact", "delete", made, "--yes", code=1).stderr
    run("artifact", "delete", made, "--force", "--yes")
    assert argosy.get_artifact(made).deleted


def test_a_dry_run_tells_what_would_go_and_deletes_nothing() -> None:
    for number in range(3):
        argosy.save_artifact(number, "model", alias="prod" if number == 0 else None)
    shown = run("artifact", "prune", "--name", "model", "--keep-latest", "1", "--dry-run").stdout
    assert shown.splitlines()[1].split()[:2] == ["model", "2"]
    assert "1 versions of" in shown
    assert "1 more stay because an alias points at them" in shown
    plan = as_json("artifact", "prune", "--name", "model", "--dry-run")
    assert (plan["version_count"], plan["aliased_count"], plan["deleted"]) == (2, 1, False)
    assert len(listed("--name", "model")) == 3


def test_pruning_has_to_be_confirmed() -> None:
    for number in range(3):
        argosy.save_artifact(number, "model")
    refused = run("artifact", "prune", "--name", "model", "--keep-latest", "1", code=2)
    assert "nothing was deleted, for nobody can be asked here; pass --yes, or --dry-run" in refused.stderr
    assert len(listed("--name", "model")) == 3
    done = run("artifact", "prune", "--name", "model", "--keep-latest", "1", "--yes")
    assert done.stderr == "2 versions are deleted\n"
    assert listed("--name", "model") == [("model", "3")]
    nothing = run("artifact", "prune", "--name", "model", "--keep-latest", "1", "--yes")
    assert (nothing.stdout, nothing.stderr) == ("0 versions of 0 B match\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prune"], "every version would be meant; pass --name, --pipeline, --tag"),
        (["prune", "--name", "m", "--dry-run", "--yes"], "--dry-run only tells, --yes does"),
        (["prune", "--created-before", "yesterday"], "'yesterday' is no moment; write a date (2026-01-31)"),
        (["prune", "--created-before", "999999w"], "'999999w' is no moment"),
        (["list", "--created-after", ""], "'' is no moment"),
        (["list", "--metadata", "auc"], "'auc' is no KEY=VALUE"),
        (["list", "model", "--name", "other"], "'model' and --name both say which artifact"),
        (["list", "--all", "--tag", "gold"], "--all is about names"),
        (["put", ".", "--name", "m", "--description", ""], "'--description': it is empty"),
        (["put", ".", "--name", "m", "--description", "x" * 4097], "'--description': has 4097 bytes; at most 4096"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(arguments: list[str], message: str) -> None:
    assert message in run("artifact", *arguments, code=2).stderr.replace("\n", " ")


def test_the_command_asks_a_person_and_takes_no_for_an_answer() -> None:
    argosy.save_artifact(1, "model")
    assert _asked("n\n", "artifact", "prune", "--name", "model") == 1
    assert len(listed("--name", "model")) == 1
    assert _asked("y\n", "artifact", "prune", "--name", "model") == 0
    assert listed("--name", "model") == []


def _asked(answer: str, *arguments: str) -> int:
    """Run the command with a terminal as its input on which somebody types."""
    leader, follower = pty.openpty()
    try:
        os.write(leader, answer.encode())
        done = subprocess.run([ARGOSY, *arguments], stdin=follower, capture_output=True, text=True, check=False)
    finally:
        os.close(leader)
        os.close(follower)
    assert "delete these 1 versions?" in done.stderr
    return done.returncode
