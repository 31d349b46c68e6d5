"""Hooks are called with what they take, and never change what they are called for."""

from __future__ import annotations

import functools
import warnings

import pytest

from argosy.execution.running.hooks import HookWarning, call_hooks


def test_a_hook_is_given_as_many_arguments_as_it_takes() -> None:
    heard: list[object] = []
    hooks = (
        lambda: heard.append("none"),
        lambda error: heard.append(error),
        lambda error, step: heard.append((error, step)),
        lambda *all_of_them: heard.append(all_of_them),
        lambda error=0, *, option=1: heard.append(error),
        functools.partial(lambda kept, error: heard.append((kept, error)), "kept"),
        heard.append,
    )
    call_hooks(hooks, "on_failure", "step 'fit'", 1, 2)
    assert heard == ["none", 1, (1, 2), (1, 2), 1, ("kept", 1), 1]


def test_one_that_raises_is_named_and_the_others_are_called() -> None:
    heard: list[int] = []

    def broken() -> None:
        raise ValueError("no network")

    with pytest.warns(HookWarning, match=r"on_start hook .*broken of step 'fit' raised ValueError: no network") as told:
        call_hooks((broken, lambda: heard.append(1)), "on_start", "step 'fit'")
    assert heard == [1]
    assert (told[0].filename, told[0].lineno) == (__file__, broken.__code__.co_firstlineno)


def test_one_that_raises_changes_nothing_also_where_warnings_are_errors() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("error")
        call_hooks((lambda: 1 / 0,), "on_start", "step 'fit'")
    assert [warning.category for warning in told] == [HookWarning]


def test_what_stops_the_program_is_let_through() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_hooks((interrupted,), "on_start", "step 'fit'")
