"""Strings of a kind: the text in a file of its kind, and a ``str`` everywhere else."""

from __future__ import annotations

from typing import Any

import pytest

import argosy
from argosy.errors import MaterializerError, PickleRefusedError
from tests.unit.materializers.kept import keep, roundtrip, same

KINDS = [
    (argosy.HTMLString("<p>Ü</p>\r\n"), "html", "data.html"),
    (argosy.MarkdownString("# Ü\n"), "markdown", "data.md"),
    (argosy.CSVString("a,b\r\n1,Ü\r\n"), "csv", "data.csv"),
    (argosy.JSONString('{ "a": 1.50, "b": "Ü" }\n'), "json-text", "data.json"),
]


@pytest.mark.parametrize(("value", "format", "path"), KINDS)
def test_a_string_is_stored_to_the_letter_in_a_file_of_its_kind(value: Any, format: str, path: str) -> None:
    kept = keep(value)
    assert (kept.saved.format, kept.files) == (format, {path: str(value).encode()})
    assert same(kept.load(), value)


def test_inside_of_other_values_they_keep_their_kind() -> None:
    assert same(roundtrip({"report": KINDS[0][0], "plain": "text"}), {"report": KINDS[0][0], "plain": "text"})


def test_a_text_made_without_python_is_read_by_its_format() -> None:
    kept = keep(argosy.HTMLString("<p>"))
    assert same(kept.load(materializer="", data_type=""), argosy.HTMLString("<p>"))


@pytest.mark.parametrize("text", ["{'a': 1}", "", "{} {}", '{"a": NaN}', "[" * 100_000])
def test_a_json_string_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(MaterializerError, match=r"this JSONString is no JSON document: .*; correct it, or save it as"):
        keep(argosy.JSONString(text), allow_pickle=True)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(MaterializerError, match="HTMLString has lone surrogates"):
        keep(argosy.HTMLString("\ud800"), allow_pickle=True)


class Report(argosy.HTMLString):
    __slots__ = ()


def test_a_subclass_is_not_downgraded() -> None:
    with pytest.raises(PickleRefusedError, match="Report is a subclass of HTMLString"):
        keep(Report("<p>"))
