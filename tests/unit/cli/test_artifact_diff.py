"""``argosy artifact diff``: what differs between two versions."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import argosy
from argosy.cli.artifact.text_changes import MOST_BYTES, MOST_LINES
from tests.unit.cli.conftest import CommandLine


def differences(document: dict[str, Any], part: str) -> dict[str, tuple[Any, Any]]:
    return {row["key"]: (row["before"], row["after"]) for row in document["differences"] if row["part"] == part}


def put(directory: Path, **files: str | bytes) -> None:
    directory.mkdir()
    for name, content in files.items():
        (directory / name.replace("_", ".")).write_bytes(content.encode() if isinstance(content, str) else content)
    argosy.save_artifact(directory, "report")


def test_tags_metadata_and_files_that_differ(typed: CommandLine) -> None:
    argosy.save_artifact(
        {"rate": 0.1, "deep": {"a": 1}}, "settings", tags=["old", "both"], metadata={"auc": 0.9, "by": "A"}
    )
    argosy.save_artifact(
        {"rate": 0.2, "deep": {"a": 1}}, "settings", tags=["new", "both"], metadata={"auc": 0.95, "by": "A"}
    )
    found = typed.document("artifact", "diff", "settings@1", "settings@2")
    assert list(found) == ["before", "after", "same_content", "differences", "texts"]
    assert list(found["differences"][0]) == ["part", "key", "before", "after"]
    assert (found["before"]["version"], found["after"]["version"], found["same_content"]) == ("1", "2", False)
    assert differences(found, "tag") == {"old": (True, None), "new": (None, True)}
    assert differences(found, "metadata") == {"auc": (0.9, 0.95)}
    assert list(differences(found, "file")) == ["data.json"]


def test_json_is_compared_value_by_value(typed: CommandLine) -> None:
    argosy.save_artifact({"rate": 0.1, "deep": {"a": 1}}, "settings")
    argosy.save_artifact({"rate": 0.2, "deep": {"a": 1}}, "settings")
    text = typed.document("artifact", "diff", "settings@1")["texts"][0]
    assert (text["path"], text["more"]) == ("data.json", False)
    assert text["lines"][:2] == ["--- 1/data.json", "+++ 2/data.json"]
    assert [line for line in text["lines"][2:] if line[0] in "+-"] == ['-  "rate": 0.1', '+  "rate": 0.2']
    shown = typed("artifact", "diff", "settings@1").stdout
    assert shown.startswith("from settings 1 to settings 2\n")
    assert '\n-  "rate": 0.1\n+  "rate": 0.2\n' in shown


def test_columns_of_tables_and_the_number_of_rows(typed: CommandLine) -> None:
    argosy.save_artifact(pd.DataFrame({"age": [1, 2], "name": ["a", "b"]}), "people")
    argosy.save_artifact(pd.DataFrame({"age": [1.5, 2.5, 3.5], "a.b": [1, 2, 3]}), "people")
    found = typed.document("artifact", "diff", "people@1", "people@2")
    columns = differences(found, "column")
    assert columns["age"] == ("int64", "float64")
    assert columns["a.b"] == (None, "int64")
    assert columns["name"][1] is None
    assert differences(found, "metadata")["rows"] == (2, 3)
    assert found["texts"] == []


def test_files_are_added_removed_and_changed_and_binary_ones_told_by_digest(typed: CommandLine, tmp_path: Path) -> None:
    put(tmp_path / "one", same_txt="x", gone_txt="x", notes_md="a\nb\n", image_bin=b"\0\1")
    put(tmp_path / "two", same_txt="x", new_txt="x", notes_md="a\nc\n", image_bin=b"\0\2")
    found = typed.document("artifact", "diff", "report@1")
    files = {Path(path).name: sides for path, sides in differences(found, "file").items()}
    assert sorted(files) == ["directory.json", "gone.txt", "image.bin", "new.txt", "notes.md"]
    assert (files["gone.txt"][1], files["new.txt"][0]) == (None, None)
    assert [side.startswith("blake3:") for side in files["notes.md"]] == [True, True]
    assert [text["lines"][-2:] for text in found["texts"] if text["path"].endswith("notes.md")] == [["-b", "+c"]]


def test_what_is_told_of_texts_is_bounded(typed: CommandLine, tmp_path: Path) -> None:
    many = "".join(f"{number}\n" for number in range(MOST_LINES))
    put(tmp_path / "one", many_txt=many, huge_txt="a" * (MOST_BYTES + 1))
    put(tmp_path / "two", many_txt=many.replace("\n", "!\n"), huge_txt="b" * (MOST_BYTES + 1))
    texts = typed.document("artifact", "diff", "report@1")["texts"]
    assert [Path(text["path"]).name for text in texts] == ["many.txt", "directory.json"]
    text = texts[0]
    assert (len(text["lines"]), text["more"]) == (MOST_LINES, True)
    assert "… and more; argosy artifact get writes whole files\n" in typed("artifact", "diff", "report@1").stdout


def test_a_text_does_nothing_to_a_terminal(typed: CommandLine, tmp_path: Path) -> None:
    put(tmp_path / "one", notes_md="a")
    put(tmp_path / "two", notes_md="\x1b[31mred")
    assert "\x1b" not in typed("artifact", "diff", "report@1").stdout


def test_equal_versions_do_not_differ(typed: CommandLine) -> None:
    argosy.save_artifact({"rate": 0.1}, "settings")
    argosy.save_artifact({"rate": 0.1}, "settings")
    found = typed.document("artifact", "diff", "settings@1")
    assert (found["same_content"], found["differences"], found["texts"]) == (True, [], [])
    assert "do not differ" in typed("artifact", "diff", "settings@1", "settings@2").stdout


def test_versions_are_named_by_number_alias_id_or_name_alone(typed: CommandLine) -> None:
    first = argosy.save_artifact(1, "a@b", alias="prod")
    argosy.save_artifact(2, "a@b")
    for named in ("a@b@1", "a@b@prod", str(first.id)):
        found = typed.document("artifact", "diff", named, "a@b")
        assert (found["before"]["version"], found["after"]["version"]) == ("1", "2")


@pytest.mark.parametrize("names", [["nope", "here"], ["here", "nope"], ["here@7", "here"], ["here@prod", "here"]])
def test_what_is_not_there_is_told_by_what_was_typed(typed: CommandLine, names: list[str]) -> None:
    argosy.save_artifact(1, "here")
    assert "does not exist" in typed("artifact", "diff", *names, code=3).stderr


def test_a_name_that_can_be_none_is_refused(typed: CommandLine) -> None:
    assert "'a//b' begins or ends with '/'" in " ".join(typed("artifact", "diff", "a//b", code=2).stderr.split())


def test_differences_are_rows_of_csv(typed: CommandLine) -> None:
    argosy.save_artifact(1, "n", metadata={"auc": 0.5})
    argosy.save_artifact(1, "n", metadata={"auc": 0.6})
    rows = list(csv.reader(io.StringIO(typed("artifact", "diff", "n@1", "-o", "csv").stdout)))
    assert rows == [["part", "key", "before", "after"], ["metadata", "auc", "0.5", "0.6"]]
    assert typed("artifact", "diff", "n@1", "-o", "csv", "--columns", "key,after").stdout == "key,after\nauc,0.6\n"
