"""``argosy doctor``: what is wrong, and how it is cured."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.cli import doctor_checks
from tests.unit.cli.conftest import CommandLine


def found(typed: CommandLine, *words: str, code: int = 0) -> dict[str, Any]:
    return {row["check"]: row for row in typed.document("doctor", *words, code=code)}


def test_a_store_that_is_well_is_told_line_by_line(typed: CommandLine) -> None:
    argosy.save_artifact(1, "number")
    done = typed("doctor")
    rows = typed.document("doctor")
    assert [tuple(row) for row in rows] == [("check", "status", "message", "cure")] * len(rows)
    assert {row["status"] for row in rows} == {"ok"}
    assert [row["check"] for row in rows if row["check"] != "packages"] == [
        "argosy", "settings", "home", "disk", "pickle", "store", "versions", "writes", "clock", "bytes",
    ]  # fmt: skip
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["ok", row["check"]] for row in rows]


def test_it_makes_no_store_and_leaves_no_upload(typed: CommandLine, home: Path) -> None:
    assert "where the first save makes it" in found(typed)["store"]["message"]
    assert not home.exists()
    argosy.save_artifact(1, "number")
    before = sorted(path.relative_to(home) for path in (home / "blobs").rglob("*") if path.is_file())
    typed("doctor")
    assert sorted(path.relative_to(home) for path in (home / "blobs").rglob("*") if path.is_file()) == before
    with contextlib.closing(sqlite3.connect(home / "metadata.db")) as database:
        states = {state for (state,) in database.execute("SELECT state FROM uploads")}
    assert states <= {"aborted", "committed"}


def test_a_server_that_is_not_there_fails_with_the_cure_and_code_4(typed: CommandLine) -> None:
    store = found(typed, "--server", "grpc://127.0.0.1:1", code=4)["store"]
    assert store["status"] == "fail"
    assert "grpc://127.0.0.1:1 cannot be reached" in store["message"]
    assert "argosy-server serve" in store["cure"]


def test_a_malformed_setting_fails_and_ends_it(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_CACHE", "perhaps")
    rows = found(typed, code=1)
    assert list(rows) == ["argosy", "settings"]
    assert rows["settings"]["message"] == "environment variable ARGOSY_CACHE is 'perhaps'"
    assert rows["settings"]["cure"] == "write true or false"


def test_a_file_of_settings_that_is_none_is_told_with_one_cure(typed: CommandLine, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("cache =")
    (line,) = [line for line in typed("doctor", code=1).stdout.splitlines() if "settings" in line]
    assert line.count("correct it") == 1


def test_a_home_that_is_a_file_fails(typed: CommandLine, home: Path) -> None:
    home.touch()
    assert found(typed, code=1)["home"]["message"] == f"{home} is no directory"


def test_a_database_that_is_none_fails(typed: CommandLine, home: Path) -> None:
    home.mkdir()
    (home / "metadata.db").write_bytes(b"no database" * 1000)
    assert found(typed, code=4)["store"]["status"] == "fail"


@pytest.mark.parametrize(("limit", "status", "code"), [("LITTLE_BYTES", "warn", 0), ("TOO_LITTLE_BYTES", "fail", 1)])
def test_a_disk_with_little_room_is_told(
    typed: CommandLine, monkeypatch: pytest.MonkeyPatch, limit: str, status: str, code: int
) -> None:
    for name in ("LITTLE_BYTES", limit):
        monkeypatch.setattr(doctor_checks, name, 1 << 62)
    disk = found(typed, code=code)["disk"]
    assert (disk["status"], "prune" in disk["cure"]) == (status, True)


@pytest.mark.parametrize(("seconds", "words"), [(3600.0, "3600 s behind"), (-3600.0, "3600 s ahead of")])
def test_a_clock_that_is_not_that_of_the_store_is_told(
    typed: CommandLine, monkeypatch: pytest.MonkeyPatch, seconds: float, words: str
) -> None:
    argosy.save_artifact(1, "number")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + seconds)
    clock = found(typed)["clock"]
    monkeypatch.undo()
    assert (clock["status"], clock["cure"]) == ("warn", "let both set their clocks by NTP")
    assert words in clock["message"].replace("3599", "3600").replace("3601", "3600")


def test_pickles_are_told_with_what_allows_them(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(typed)["pickle"]["message"].startswith("allowed (default)")
    monkeypatch.setenv("ARGOSY_ALLOW_PICKLE", "0")
    assert found(typed)["pickle"]["message"] == "refused (environment variable ARGOSY_ALLOW_PICKLE)"
    monkeypatch.setenv("ARGOSY_ALLOW_PICKLE", "1")
    pickle = found(typed, "--server", "grpc://127.0.0.1:1", code=4)["pickle"]
    assert (pickle["status"], "allow_pickle = false" in pickle["cure"]) == ("warn", True)


def test_other_versions_of_client_and_server_are_told(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    argosy.save_artifact(1, "number")
    ours = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "9.9" if name == "argosy" else ours(name))
    versions = found(typed)["versions"]
    assert (versions["status"], versions["message"].partition(", ")[0]) == ("warn", "client 9.9")


def test_installed_packages_are_told_with_their_versions(typed: CommandLine) -> None:
    import pandas as pd

    lines = [row["message"] for row in typed.document("doctor") if row["check"] == "packages"]
    assert f"pandas {pd.__version__}" in lines[0]
