"""What needs no ``Client`` takes what the client's own method takes: nothing drifts apart unnoticed."""

from __future__ import annotations

import inspect

import pytest

import argosy

METHODS = {
    "delete_artifact": "delete_artifact_version",
    "get_artifact": "get_artifact_version",
    "list_artifact_versions": "list_artifact_versions",
    "load_artifact": "load_artifact",
    "prune_artifacts": "prune_artifacts",
    "register_artifact": "register_artifact",
    "save_artifact": "save_artifact",
    "save_artifacts": "save_artifacts",
    "watch_artifacts": "watch_artifacts",
}
"""Each function of the package, and the method that does the same in a store and project of one's own."""


@pytest.mark.parametrize(("function", "method"), METHODS.items())
def test_a_function_takes_what_the_method_takes(function: str, method: str) -> None:
    taken = inspect.signature(getattr(argosy, function)).parameters.values()
    _, *by_the_method = inspect.signature(getattr(argosy.Client, method)).parameters.values()
    assert [(each.name, each.kind, each.default) for each in taken] == [
        (each.name, each.kind, each.default) for each in by_the_method
    ]


def test_a_function_that_a_client_has_too_is_among_them() -> None:
    functions = {name for name in argosy.__all__ if inspect.isfunction(getattr(argosy, name))}
    assert {name for name in functions if hasattr(argosy.Client, name)} - METHODS.keys() == set()
