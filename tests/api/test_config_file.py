"""``argosy-server serve --config FILE``: what the file may say, and what counts more than it does."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from argosy_server.cli.application import app
from tests.api.operated_server import listed_services, run
from tests.api.server_process import ServerProcess


def refusal(tmp_path: Path, text: str | bytes, *options: str, **environment: str | None) -> str:
    """Return what ``serve`` says to a file it refuses; nothing was created for it."""
    file = tmp_path / "argosy.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    settings = {"ARGOSY_SERVER_DATA": str(tmp_path / "data"), **environment}
    refused = CliRunner().invoke(app, ["serve", f"--config={file}", *options], env=settings)
    assert refused.exit_code == 1
    assert list(tmp_path.iterdir()) == [file]
    return refused.stderr.replace(str(tmp_path), "").strip()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_workers = 4", ": 'max_workers' is no setting; did you mean max-workers?"),
        ("lisen = 'x'", ": 'lisen' is no setting; did you mean listen?"),
        ("config = 'more.toml'", ": 'config' is no setting; there are blobs, data,"),
        ("[server]\nlisten = '127.0.0.1:0'", ": 'server' is no setting; there are blobs, data,"),
        ("max-workers = '4'", ": max-workers must be a whole number, and is a text"),
        ("max-workers = 4.0", ": max-workers must be a whole number, and is a number"),
        ("max-workers = true", ": max-workers must be a whole number, and is true or false"),
        ("max-workers = 0", ": max-workers: 0 is not in the range 1<=x<=1000."),
        ("workers = -1", ": workers: -1 is not in the range 0<=x<=256."),
        ("grace = '30s'", ": grace must be a number, and is a text"),
        ("grace = -1", ": grace: -1.0 is not in the range x>=0."),
        ("insecure = 1", ": insecure must be true or false, and is a whole number"),
        ("database = 5432", ": database must be a text in quotes, and is a whole number"),
        ("data = ['a']", ": data must be a text in quotes, and is a list"),
        ("listen.port = 1", ": listen must be a text in quotes, and is a table"),
        ("data = 2026-01-01", ": data must be a text in quotes, and is a date"),
        ("durability = 'none'", ": durability: 'none' is not one of 'full', 'process'."),
        ("listen = 127.0.0.1:0", " is no TOML: "),
        (b"blobs = '\xff'", " is no TOML: "),
    ],
)
def test_what_is_no_setting_is_refused_by_name_and_with_what_it_may_be(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    assert f"error: /argosy.toml{said}" in refusal(tmp_path, text)


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e300"])
def test_a_time_that_is_none_is_refused(tmp_path: Path, seconds: str) -> None:
    assert "error: --grace" in refusal(tmp_path, f"grace = {seconds}")


def test_a_folder_of_nobody_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, "data = '~nobody-of-that-name/data'", ARGOSY_SERVER_DATA=None)
    assert said.startswith("error: --data ~nobody-of-that-name/data is no folder")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["serve", f"--config={tmp_path / 'none.toml'}"])
    assert (refused.exit_code, refused.stderr) == (
        1,
        f"error: {tmp_path / 'none.toml'} cannot be read: No such file or directory\n",
    )


@pytest.mark.parametrize(
    ("options", "environment", "counts"),
    [
        ((), {}, "192.0.2.1"),
        ((), {"ARGOSY_SERVER_LISTEN": "192.0.2.2:1"}, "192.0.2.2"),
        (("--listen=192.0.2.3:1",), {"ARGOSY_SERVER_LISTEN": "192.0.2.2:1"}, "192.0.2.3"),
    ],
    ids=["file", "environment", "command line"],
)
def test_the_command_line_counts_more_than_the_environment_and_that_more_than_the_file(
    tmp_path: Path, options: tuple[str, ...], environment: dict[str, str], counts: str
) -> None:
    said = refusal(tmp_path, "listen = '192.0.2.1:1'", *options, **environment)
    assert f"error: --listen {counts} can be reached from other machines" in said


def test_all_settings_may_come_from_the_file_and_the_file_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "argosy.toml"
    file.write_text(
        f"blobs = '{tmp_path / 'bytes'}'\ndirect-access = true\ndurability = 'process'\ngrace = 5\ninsecure = false\n"
        "log-format = 'json'\nlog-level = 'debug'\nmax-watchers = 10\nmax-workers = 2\nreflection = true\n"
        f"sweep-interval = 0\nworkers = 0\ndatabase = 'sqlite:///{tmp_path / 'rows.db'}'\n"
    )
    with ServerProcess(tmp_path / "data", ARGOSY_SERVER_CONFIG=str(file)) as server, server.channel() as channel:
        assert "argosy.v1.BlobService" in listed_services(channel)
    assert [(tmp_path / name).exists() for name in ("bytes", "rows.db", "data/metadata.db")] == [True, True, False]


def test_help_tells_of_the_file() -> None:
    assert "--config <path>" in run("serve", "--help", COLUMNS="100").stdout
