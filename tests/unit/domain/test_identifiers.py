from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy_server.domain.errors import InvalidField
from argosy_server.domain.identifiers import (
    Digest,
    parse_alias,
    parse_format,
    parse_id,
    parse_name,
    parse_path,
    parse_project,
    parse_version,
    version_number,
)

UUID_TEXT = "3a92ae32-a764-4420-98ba-07da8f742b76"


@pytest.mark.parametrize("name", ["weights", "a/b c", "pipeline::step::output", "x" * 255, "número", "v1.2"])
def test_ordinary_names_are_kept_as_they_are(name: str) -> None:
    assert parse_name("name", name) == name


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "is empty"),
        ("..", "'.' or '..' part"),
        ("a/../b", "'.' or '..' part"),
        ("./a", "'.' or '..' part"),
        ("/a", "begins or ends with '/'"),
        ("a/", "begins or ends with '/'"),
        ("a//b", "has '//'"),
        ("a\0b", "control or unprintable"),
        ("a\nb", "control or unprintable"),
        (" a", "white space"),
        ("x" * 256, "at most 255"),
        (UUID_TEXT, "form of a UUID"),
        (UUID_TEXT.upper(), "form of a UUID"),
        (UUID_TEXT.replace("-", ""), "form of a UUID"),
        (f"{{{UUID_TEXT}}}", "form of a UUID"),
        (f"urn:uuid:{UUID_TEXT}", "form of a UUID"),
    ],
)
def test_names_that_could_lead_astray_are_refused_with_the_rule(name: str, rule: str) -> None:
    with pytest.raises(InvalidField, match=rule) as refused:
        parse_name("spec.name", name)
    assert refused.value.field == "spec.name"


@pytest.mark.parametrize("label", ["1", "10", "999999999999999999", "best", "1.5", "2024-01-01", "v1"])
def test_labels_and_numbers_from_one_on_are_versions(label: str) -> None:
    assert parse_version("version", label) == label


@pytest.mark.parametrize("label", ["", "0", "-1", "+1", "007", "1" * 19, "a/b", " 1", "a\0"])
def test_other_integers_and_paths_are_no_versions(label: str) -> None:
    with pytest.raises(InvalidField):
        parse_version("version", label)


def test_only_canonical_numbers_count_as_numbers() -> None:
    assert [version_number(label) for label in ["1", "44", "best", "1.5"]] == [1, 44, None, None]


@pytest.mark.parametrize("text", ["", "../x", "JSON", "a b", "x" * 65, ".hidden"])
def test_formats_are_short_plain_words(text: str) -> None:
    assert parse_format("spec.format", "npy") == "npy"
    with pytest.raises(InvalidField):
        parse_format("spec.format", text)


@pytest.mark.parametrize("path", ["data.json", "items/0/data.npy", ".argosy/x.html", "a b"])
def test_relative_paths_are_kept(path: str) -> None:
    assert parse_path("path", path) == path


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../x", "a\\b", "C:/x", "a/", "a\0", "x" * 1025])
def test_paths_that_could_leave_the_directory_are_refused(path: str) -> None:
    with pytest.raises(InvalidField):
        parse_path("path", path)


@given(st.text(max_size=40))
def test_a_path_that_is_accepted_never_leaves_its_directory(text: str) -> None:
    try:
        path = parse_path("path", text)
    except InvalidField:
        return
    assert not path.startswith("/")
    assert ".." not in path.split("/")
    assert "\0" not in path


@pytest.mark.parametrize("alias", ["prod", "v1.2", "a-b_c"])
def test_ordinary_aliases_are_kept(alias: str) -> None:
    assert parse_alias("alias", alias) == alias


@pytest.mark.parametrize("alias", ["", "1", "-1", "a b", "a/b", ".x", "x" * 65])
def test_aliases_that_could_be_taken_for_versions_or_paths_are_refused(alias: str) -> None:
    with pytest.raises(InvalidField):
        parse_alias("alias", alias)


@pytest.mark.parametrize("text", ["", "sha256:" + "0" * 64, "blake3:" + "0" * 63, "blake3:" + "G" * 64, "0" * 64])
def test_a_digest_names_its_algorithm_and_has_64_digits(text: str) -> None:
    with pytest.raises(InvalidField):
        Digest.parse("digest", text)


def test_a_uuid_is_made_lower_case() -> None:
    assert parse_id("id", UUID_TEXT.upper()) == UUID_TEXT


@pytest.mark.parametrize("project", ["", "a b", "a/b", "..", "x" * 65])
def test_projects_are_short_plain_words(project: str) -> None:
    with pytest.raises(InvalidField):
        parse_project(project)
