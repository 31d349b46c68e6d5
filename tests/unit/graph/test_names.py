"""The rules for names, and that they are those of the service: a name fits both or neither."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from argosy.graph.names import alias_problem, id_problem, name_problem, version_problem
from argosy_server.domain.errors import InvalidField
from argosy_server.domain.identifiers import parse_alias, parse_id, parse_name, parse_version

ID = uuid.UUID("3a92ae32-a764-4420-98ba-07da8f742b76")
RULES = [
    (name_problem, parse_name),
    (version_problem, parse_version),
    (alias_problem, parse_alias),
    (id_problem, parse_id),
]

WRITTEN = st.uuids().flatmap(
    lambda id: st.sampled_from([str(id), id.hex, f"{{{id}}}", f"{{{id.hex}}}", id.urn, f"urn:uuid:{id.hex}"])
)
ALMOST = st.from_regex(
    r"(urn:uuid:|urn:|uuid:)?\{?[0-9a-fA-F]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{11,13}\}?", fullmatch=True
)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.text("aZ09./:_-{} \0\n\x85é", max_size=6),
    st.from_regex(r"[+-]?[0-9]{1,20}", fullmatch=True),
    st.integers(250, 260).map("x".__mul__),
    WRITTEN,
    WRITTEN.map(str.upper),
    ALMOST,
)


@pytest.mark.parametrize("text", [str(ID), ID.hex, f"{{{ID}}}", ID.urn, f"urn:uuid:{ID.hex}", ID.hex.upper()])
def test_a_name_in_any_form_of_a_uuid_is_refused(text: str) -> None:
    assert name_problem(text) == f"{text!r} has the form of a UUID and would be taken for an id; choose another name"


@pytest.mark.parametrize("text", [ID.hex[:-1], f"{ID.hex}0", f"run-{ID}", f"urn:uuid:{ID}/x", "{}", ID.hex[:-1] + "g"])
def test_a_name_that_only_resembles_a_uuid_is_allowed(text: str) -> None:
    assert name_problem(text) is None


@pytest.mark.parametrize("version", ["1" * 19, "0", "007", "+1", 0, -1])
def test_the_rule_a_version_number_breaks_is_named(version: int | str) -> None:
    rule = "numbers run from 1 on and have at most 18 digits, without sign or leading zero"
    assert version_problem(version) == f"{str(version)!r} is no version number; {rule}"


@pytest.mark.parametrize("digits", [19, 5000])
def test_a_huge_version_number_is_refused_without_being_written_out(digits: int) -> None:
    assert str(version_problem(10 ** (digits - 1))).startswith(
        "it is too large for a version number; numbers run from 1 on"
    )


@pytest.mark.parametrize(("problem_of", "parse"), RULES)
@given(text=TEXTS)
@example(text="")
@example(text="a/../b")
def test_client_and_service_accept_and_refuse_the_same(
    problem_of: Callable[[object], str | None], parse: Callable[[str, str], str], text: str
) -> None:
    try:
        parse("field", text)
    except InvalidField:
        accepted = False
    else:
        accepted = True
    assert (problem_of(text) is None) == accepted
