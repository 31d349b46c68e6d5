"""Walks through the pages of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar


class Page(Protocol):
    """What every list RPC answers."""

    @property
    def next_page_token(self) -> str:
        """Empty on the last page."""
        ...


AnyPage = TypeVar("AnyPage", bound=Page)


def all_pages(get: Callable[[str], AnyPage]) -> Iterator[AnyPage]:
    """Yield the pages that ``get`` returns for one token after the other, each when it is asked for."""
    token = ""
    while True:
        page = get(token)
        yield page
        token = page.next_page_token
        if not token:
            return
