"""Names of files that only Windows takes for something else are refused there alone."""

from __future__ import annotations

import os

import pytest

from argosy.errors import MaterializerError
from argosy.materializers.path import checked_name

STRANGE = ["C:x", "a:b", "CON", "nul.txt", "com1", "LPT9.log", "a.", "a ", "what?", "conin$"]


PLAIN = ["console", "a.b", ".hidden", "nullable.txt", "com10", "e con"]


def refused(names: list[str]) -> list[str]:
    """Return those of the names that are refused for what they are on Windows."""
    found = []
    for name in names:
        try:
            checked_name(name, "a place")
        except MaterializerError as error:
            found += [name] if "on Windows" in str(error) else []
    return found


def test_a_name_that_windows_has_no_file_for_is_refused_there_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(STRANGE + PLAIN) == []
    with monkeypatch.context() as patched:  # and no longer: pytest would take its own paths for those of Windows
        patched.setattr(os, "name", "nt")
        there = refused(STRANGE + PLAIN)
    assert there == STRANGE
