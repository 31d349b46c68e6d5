from __future__ import annotations

import base64

import pytest

from argosy_server.domain.errors import CursorExpired, InvalidField
from argosy_server.domain.paging import Page, PageRequest, next_token


def test_a_token_leads_to_the_row_after_the_last_one() -> None:
    token = next_token(Page(["a", "b"], ("b", 2)), "names")
    assert PageRequest.parse(0, token, "names") == PageRequest(50, ("b", 2))


def test_the_last_page_has_no_token() -> None:
    assert next_token(Page(["a"]), "names") == ""


DEEP = base64.urlsafe_b64encode(b"[" * 100_000).decode()


@pytest.mark.parametrize("token", ["x", "%%%", "bnVsbA==", "e30=", "eyJhIjoxfQ==", DEEP])
def test_a_forged_token_is_refused(token: str) -> None:
    with pytest.raises(CursorExpired):
        PageRequest.parse(0, token, "names")


def test_a_token_of_another_list_is_refused() -> None:
    token = next_token(Page(["a"], ("a",)), "names")
    with pytest.raises(CursorExpired):
        PageRequest.parse(0, token, "runs")


def test_sizes_are_clamped_and_negative_ones_refused() -> None:
    assert PageRequest.parse(5000, "", "names").size == 1000
    with pytest.raises(InvalidField):
        PageRequest.parse(-1, "", "names")


@pytest.mark.parametrize("key", [[1], None, 1 << 63, -(1 << 63), "\ud800", "\0"])
def test_a_token_with_a_key_no_database_takes_is_refused(key: object) -> None:
    token = next_token(Page(["a"], (key,)), "names")  # type: ignore[arg-type]  # forged
    with pytest.raises(CursorExpired):
        PageRequest.parse(0, token, "names")
