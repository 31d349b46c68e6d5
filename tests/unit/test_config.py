"""Where settings come from, which wins, and what a bad one says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from argosy.config import ClientConfig, explain, home_of, resolve
from argosy.errors import ConfigurationError


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in an empty directory with an empty home and no setting in the environment."""
    for name in ("SERVER", "PROJECT", "ALLOW_PICKLE", "CACHE", "QUIET", "CONNECT_TIMEOUT", "UNARY_DEADLINE"):
        monkeypatch.delenv(f"ARGOSY_{name}", raising=False)
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def test_defaults(place: Path) -> None:
    expected = ClientConfig(
        server="",
        home=place / "home",
        project="default",
        allow_pickle=True,
        cache=True,
        quiet=False,
        capture_logs=True,
        reference_schemes=("file",),
        connect_timeout=4.0,
        unary_deadline=30.0,
        idle_timeout=60.0,
        transfer_streams=1,
        signed_transfers="auto",
    )
    assert expected == resolve()


def test_home_is_in_the_users_home_directory_by_default(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARGOSY_HOME")
    monkeypatch.setenv("HOME", str(place / "user"))
    assert place / "user" / ".argosy" == resolve().home


def test_argument_beats_environment_beats_project_file_beats_user_file(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "home" / "config.toml").write_text('project = "of-user"')
    seen = [resolve().project]
    (place / "pyproject.toml").write_text('[tool.argosy]\nproject = "of-file"')
    seen.append(resolve().project)
    monkeypatch.setenv("ARGOSY_PROJECT", "of-env")
    seen += [resolve().project, resolve(project="of-argument").project]
    assert seen == ["of-user", "of-file", "of-env", "of-argument"]


def test_what_a_project_says_about_pickle_is_not_changed_by_the_environment(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "pyproject.toml").write_text("[tool.argosy]\nallow_pickle = false")
    monkeypatch.setenv("ARGOSY_ALLOW_PICKLE", "true")
    assert (resolve().allow_pickle, resolve(allow_pickle=True).allow_pickle) == (False, True)


@pytest.mark.parametrize(("text", "said"), [("", "auto"), ("off", "off"), (" Auto ", "auto")])
def test_transfers_past_the_server_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    monkeypatch.setenv("ARGOSY_SIGNED_TRANSFERS", text)
    assert resolve().signed_transfers == said


def test_only_the_nearest_project_file_counts(place: Path) -> None:
    (place / "pyproject.toml").write_text('[tool.argosy]\nproject = "outer"')
    (place / "work" / "pyproject.toml").write_text("[tool.other]\nx = 1")
    assert resolve().project == "default"


def test_a_working_directory_that_is_gone_has_no_project_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = place / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert resolve().project == "default"


def test_a_relative_home_of_a_project_file_starts_at_that_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARGOSY_HOME")
    (place / "pyproject.toml").write_text('[tool.argosy]\nhome = "store"')
    assert place / "store" == resolve().home


@pytest.mark.parametrize(
    ("server", "directory", "allow_pickle"),
    [
        ("grpc://db.example:9000", None, False),
        ("grpcs://db.example:9000/", None, False),
        ("grpc://[::1]:9000", None, False),
        ("unix:///run/argosy.sock", None, False),
        ("embedded:///srv/store", Path("/srv/store"), True),
    ],
)
def test_addresses_of_every_kind(server: str, directory: Path | None, allow_pickle: bool) -> None:
    config = resolve(server=server)
    assert (directory, allow_pickle) == (config.store_directory, config.allow_pickle)


@pytest.mark.parametrize(
    "server",
    [
        "localhost:9000",
        "http://localhost:9000",
        "grpc://localhost",
        "grpc://:9000",
        "grpc://localhost:99999",
        "grpc://localhost:port",
        "grpc://localhost:9000/path",
        "grpc://user@localhost:9000",
        "unix://relative",
        "embedded://",
        "grpc://localhost:9000?x=1",
    ],
)
def test_a_malformed_address_names_its_source_and_the_forms(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", server)
    with pytest.raises(ConfigurationError, match=r"environment variable ARGOSY_SERVER is .*; .*grpc://host:port"):
        resolve()


@pytest.mark.parametrize("server", ["grpc://u:SECRET@a:1,b:2", "grpc://a:1,b:2?token=SECRET", ["grpc://u:SECRET@a:1"]])
def test_credentials_in_an_address_are_not_repeated_wherever_it_comes_from(
    server: object, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(**settings: object) -> str:
        with pytest.raises(ConfigurationError) as refusal:
            resolve(**settings)
        return str(refusal.value)

    (place / "home" / "config.toml").write_text(f"server = {json.dumps(server)}")
    messages = [told(), told(server=server)]
    if isinstance(server, str):
        monkeypatch.setenv("ARGOSY_SERVER", server)
        messages.append(told())
        assert all("…" in message and "credentials" in message for message in messages)
    assert len(set(messages)) == len(messages)
    assert not [message for message in messages if "SECRET" in message]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("project", "a/b", r"argument project= is 'a/b'; a project is 1 to 64 letters"),
        ("project", 3, r"argument project= is 3; write a text"),
        ("quiet", "perhaps", r"argument quiet= is 'perhaps'; write true or false"),
        ("cache", 1, r"argument cache= is 1; write true or false"),
        ("unary_deadline", 0, r"argument unary_deadline= is 0; write a number of seconds above 0"),
        ("idle_timeout", "inf", r"argument idle_timeout= is 'inf'; write a number of seconds above 0"),
        ("idle_timeout", True, r"argument idle_timeout= is True; write a number of seconds above 0"),
        ("transfer_streams", "0", r"argument transfer_streams= is '0'; write a whole number from 1 to 32"),
        ("transfer_streams", 1.5, r"argument transfer_streams= is 1\.5; write a whole number from 1 to 32"),
        ("signed_transfers", "always", r"argument signed_transfers= is 'always'; write auto or off"),
        ("signed_transfers", True, r"argument signed_transfers= is True; write auto or off"),
        ("home", "", r"argument home= is ''; write the path of a directory"),
    ],
)
def test_a_malformed_argument_names_the_rule(key: str, value: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        resolve(**{key: value})


@pytest.mark.parametrize(("text", "expected"), [("1", True), ("Yes", True), ("off", False), ("0", False)])
def test_switches_in_the_environment(text: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_QUIET", text)
    assert expected == resolve().quiet


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_PROJECT", "")
    assert resolve().project == "default"


def test_unknown_keys_are_refused_with_the_nearest_known_one(place: Path) -> None:
    for ask in (resolve, explain, home_of):
        with pytest.raises(ConfigurationError, match=r"arguments: unknown setting 'projct'.*'project'"):
            ask(projct="x")
    (place / "pyproject.toml").write_text("[tool.argosy]\nquite = true")
    with pytest.raises(ConfigurationError, match=r"pyproject.toml \[tool.argosy\]: .*'quite'.*'quiet'"):
        resolve()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("project = ", r"config.toml is not a TOML file"),
        ('project = "a b"', r"config.toml project is 'a b'; a project is"),
        ('home = "/x"', r"config.toml: home cannot be set by a file inside it"),
        ("zzz = 1", r"config.toml: unknown setting 'zzz'; the settings are server, home"),
    ],
)
def test_a_bad_user_file_is_named(place: Path, content: str, message: str) -> None:
    (place / "home" / "config.toml").write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        resolve()


def test_a_changed_file_is_read_again(place: Path) -> None:
    (place / "pyproject.toml").write_text('[tool.argosy]\nproject = "one"')
    before = resolve().project
    (place / "pyproject.toml").write_text('[tool.argosy]\nproject = "second"')
    assert (before, resolve().project) == ("one", "second")


def test_whatever_settings_depend_on_is_noticed_when_it_changes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "home" / "config.toml").write_text('project = "one"')
    seen = [resolve().project]
    (place / "home" / "config.toml").write_text('project = "second"')
    seen.append(resolve().project)
    (place / "work" / "pyproject.toml").write_text('[tool.argosy]\nproject = "nearer"')
    seen.append(resolve().project)
    monkeypatch.chdir(place)
    seen.append(resolve().project)
    (place / "home" / "config.toml").unlink()
    seen.append(resolve().project)
    monkeypatch.delenv("ARGOSY_HOME")
    monkeypatch.setenv("HOME", str(place / "other"))
    homes = [resolve().home]
    monkeypatch.setenv("HOME", str(place / "another"))
    homes.append(resolve().home)

    assert seen == ["one", "second", "nearer", "second", "default"]
    assert homes == [place / "other" / ".argosy", place / "another" / ".argosy"]


def test_reading_settings_loads_nothing_heavy() -> None:
    program = (
        "import sys, argosy.config; argosy.config.resolve(); "
        "print(sorted({'numpy', 'grpc', 'sqlalchemy', 'rich', 'pydantic', 'google.protobuf'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


@pytest.mark.parametrize(
    ("server", "streams"),
    [
        ("grpc://127.0.0.1:1", 1),
        ("grpc://localhost:1", 1),
        ("grpc://[::1]:1", 1),
        ("unix:///x", 1),
        ("grpc://10.0.0.7:1", 4),
        ("grpcs://store.example:1", 4),
    ],
)
def test_a_server_elsewhere_is_read_over_several_connections(server: str, streams: int) -> None:
    assert resolve(server=server).transfer_streams == streams
    assert resolve(server=server, transfer_streams="2").transfer_streams == 2
