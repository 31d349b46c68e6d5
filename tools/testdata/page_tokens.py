"""``page_tokens.json``: lists that come in pages, and what a client asks to get all of them."""

from __future__ import annotations

from typing import Any

ABOUT = (
    "A page token is opaque: a client sends the one it got, character by character, asks for the next page with it and "
    "nothing else changed, and ends where there is none. A page may be empty and have a next one. `items` are what the "
    "client gives its caller, in this order, once each."
)
# A server makes tokens of letters, digits, "-", "_" and "="; a client relies on none of it.
TOKENS = ["djE6YWJj", "a+b/c==", " ", "%2F&x=1", '"\\', "é\u2028", "0", "null", "t" * 2000]


def make() -> dict[str, Any]:
    """Return the file."""
    lists: dict[str, list[list[str]]] = {
        "one page": [["a", "b"]],
        "nothing": [[]],
        "two pages": [["a"], ["b", "c"]],
        "an empty page before the last": [["a"], [], ["b"]],
        "an empty first page": [[], ["a"]],
        "an empty last page": [["a"], []],
        "one page for each token": [[token[:8]] for token in ["begin", *TOKENS]],
    }
    return {"about": ABOUT, "vectors": [{"name": name, **_pages(pages)} for name, pages in lists.items()]}


def _pages(pages: list[list[str]]) -> dict[str, Any]:
    tokens = ["", *(TOKENS[number % len(TOKENS)] for number in range(len(pages) - 1)), ""]
    calls = [
        {"page_token": tokens[number], "answer": {"items": page, "next_page_token": tokens[number + 1]}}
        for number, page in enumerate(pages)
    ]
    return {"calls": calls, "items": [item for page in pages for item in page]}
