"""Reasons and parts of cache keys, in words."""

from __future__ import annotations

import pytest

from argosy.execution.views.cache_sentences import (
    cache_note,
    change_sentence,
    part_sentence,
    reason_sentence,
    value_sentence,
)


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("first_run", "there is no earlier run of this step to compare it with"),
        ("expired", "an earlier run was the same, but is older than max_age allows"),
        ("loaded:data", "data, which its code loads, means another version now"),
        ("saved:a:b", "a:b, under which its code saves, has a newer version that it did not save"),
        ("code", "the code of the step itself changed"),
        ("code:train.helper", "the code of train.helper changed"),
        ("parameter:rate", "parameter rate changed"),
        ("input:x", "input x has other content"),
        ("file:conf/a.yaml", "file conf/a.yaml changed"),
        ("source:train.model", "the code of train.model, a source dependency, changed"),
        ("cache_key", "its cache_key changed"),
        ("more", "functions or files changed that are not listed by name, for there are so many"),
        ("of another client", "of another client differs"),
        ("unknown:part", "unknown:part differs"),
    ],
)
def test_a_reason_is_put_in_words(reason: str, sentence: str) -> None:
    assert reason_sentence(reason) == sentence


@pytest.mark.parametrize(
    ("part", "new", "gone"),
    [
        ("code:train.helper", "it uses train.helper now", "it does not use train.helper any more"),
        ("parameter:rate", "parameter rate is part of the key now", "parameter rate is no part of the key any more"),
        ("input:x", "input x is part of the key now", "input x is no part of the key any more"),
        ("cache_key", "it has a cache_key now", "it has no cache_key any more"),
        ("unknown", "unknown differs", "unknown differs"),
    ],
)
def test_what_came_and_what_went_is_told(part: str, new: str, gone: str) -> None:
    assert (part_sentence(part, is_new=True), part_sentence(part, is_gone=True)) == (new, gone)


def test_an_argument_that_was_an_artifact_and_is_a_parameter_is_one_reason() -> None:
    assert cache_note(["input:m", "parameter:m", "code"]) == (
        "m was an artifact and is a parameter now, or the other way round; the code of the step itself changed"
    )
    assert cache_note(["input:m", "parameter:n"]) == "input m has other content; parameter n changed"


def test_the_values_of_a_parameter_are_told_where_both_are_known() -> None:
    before, now = {"rate": "0.1", "same": "1", "gone": "1"}, {"rate": "0.2", "same": "1"}
    assert value_sentence("parameter:rate", before, now) == " from 0.1 to 0.2"
    assert value_sentence("parameter:same", before, now) == ""
    assert value_sentence("parameter:gone", before, now) == ""
    assert value_sentence("input:rate", before, now) == ""


def test_long_values_are_cut() -> None:
    sentence = value_sentence("parameter:text", {"text": '"' + "x" * 100 + '"'}, {"text": "1"})
    assert sentence == f' from "{"x" * 56}... to 1'


def test_a_change_is_told_where_both_sides_are_known() -> None:
    assert change_sentence("v1", "v2") == " from v1 to v2"
    assert (change_sentence("v1", "v1"), change_sentence("", "v2"), change_sentence("v1", "")) == ("", "", "")
