"""Pages of a list and the opaque tokens that lead from one to the next."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from argosy_server.domain.errors import CursorExpired, InvalidField

T = TypeVar("T")
DEFAULT_PAGE = 50
MAX_PAGE = 1000


@dataclass(frozen=True)
class PageRequest:
    """Which page is wanted.

    Attributes:
        size: at most this many rows.
        after: the sort key of the last row of the page before, ``()`` for the first page.
    """

    size: int = DEFAULT_PAGE
    after: tuple[str | int, ...] = ()

    @classmethod
    def parse(cls, page_size: int, page_token: str, query: str) -> PageRequest:
        """Read a token that :func:`next_token` made for the same ``query``.

        Raises:
            InvalidField: a negative size.
            CursorExpired: the token is not of this list, or not a token at all.
        """
        if page_size < 0:
            raise InvalidField("page_size", f"{page_size} is negative; 0 means {DEFAULT_PAGE}")
        size = min(page_size or DEFAULT_PAGE, MAX_PAGE)
        if not page_token:
            return cls(size)
        try:
            made_for, after = json.loads(base64.urlsafe_b64decode(page_token.encode()))
        except (ValueError, binascii.Error, TypeError, RecursionError):
            made_for, after = None, ()
        if made_for != query or not isinstance(after, list) or not all(map(_is_key, after)):
            raise CursorExpired("page_token is not of this list; start again without it")
        return cls(size, tuple(after))


def _is_key(key: object) -> bool:
    """Tell whether a value may be a sort key: a text or number that every database takes."""
    return (isinstance(key, str) and key.isprintable()) or (isinstance(key, int) and abs(key) < 1 << 63)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and the sort key of the last one when more follow (else ``()``)."""

    rows: Sequence[T]
    last: tuple[str | int, ...] = ()


def next_token(page: Page[T], query: str) -> str:
    """Return the token of the page after this one, ``""`` on the last page.

    Args:
        page: the page just read.
        query: text of everything that defines the list (filters, order, store); a token of another list is refused.
    """
    if not page.last:
        return ""
    return base64.urlsafe_b64encode(json.dumps([query, list(page.last)]).encode()).decode()
