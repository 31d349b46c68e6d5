"""Texts, tables and documents that are their own previews, and what is said of what is not shown of them."""

from __future__ import annotations

import csv
import io
import json

import pandas as pd

import argosy
from argosy.sdk.artifacts import save_artifact


def test_long_texts_are_cut_at_a_line() -> None:
    shown = save_artifact("0123456789\n" * 200_000, "text").preview()
    assert shown.text.endswith("0123456789\n… (2,200,000 bytes in all)")
    assert len(shown.content) < 65 << 10


def test_a_long_table_is_cut_after_a_row_and_says_so_beside_it() -> None:
    rows = "".join(f'{row},"two\nlines"\n' for row in range(10_000))
    shown = save_artifact(argosy.CSVString(f"number,text\n{rows}"), "table").preview()
    assert len(shown.content) <= 64 << 10
    *_, last = csv.reader(io.StringIO(shown.text, newline=""))
    assert last == [str(shown.text.count("lines") - 1), "two\nlines"]
    assert str(shown).endswith('"two\nlines"\n… (168,902 bytes in all)')
    assert shown._repr_html_().endswith("</div><p>… (168,902 bytes in all)</p>")  # type: ignore[union-attr]


def test_a_table_whose_first_row_is_too_long_shows_the_beginning_of_it() -> None:
    shown = save_artifact(argosy.CSVString('a,"' + "x" * 100_000), "table").preview()
    assert (shown.text[:5], len(shown.content), shown.remark) == ('a,"xx', 64 << 10, "… (100,003 bytes in all)")


def test_what_a_document_holds_beside_it_is_shown_by_type_and_place() -> None:
    document = {"frame": pd.DataFrame({"a": [1]}), "mine": {"$value": {"at": "home"}}}
    shown = json.loads(save_artifact(document, "both").preview().text)
    assert shown["frame"] == "<DataFrame in items/0>"
    assert "<" not in str(shown["mine"])


def test_a_document_of_somebody_else_is_shown_as_it_is() -> None:
    text = '{"$value": {"at": "home"}}'
    assert save_artifact(argosy.JSONString(text), "theirs").preview().text == text
