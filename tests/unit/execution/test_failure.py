"""How an exception is described for the record, and how notes get onto it."""

from __future__ import annotations

from argosy.execution.failure import MAX_MESSAGE_BYTES, add_note, to_run_error
from argosy.v1.pipeline_pb2 import RunError


def test_an_exception_is_recorded_by_class_text_and_step() -> None:
    assert to_run_error(KeyError("x"), "fit") == RunError(type="builtins:KeyError", message="'x'", invocation="fit")


def test_a_long_text_is_cut_to_whole_characters() -> None:
    message = to_run_error(ValueError("é" * MAX_MESSAGE_BYTES), "fit").message
    assert message == "é" * (MAX_MESSAGE_BYTES // 2)


def test_a_text_that_is_no_unicode_can_be_recorded() -> None:
    assert to_run_error(ValueError("\ud800"), "fit").message == "?"


def test_notes_are_kept_in_order() -> None:
    error = ValueError("x")
    add_note(error, "first")
    add_note(error, "second")
    assert error.__notes__ == ["first", "second"]


def test_an_exception_that_refuses_notes_is_left_alone() -> None:
    class Strict(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise TypeError("strict")

        def add_note(self, note: str, /) -> None:
            raise TypeError("strict")

    add_note(Strict(), "lost")
