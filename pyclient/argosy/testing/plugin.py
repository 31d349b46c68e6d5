"""The fixtures pytest finds wherever Argosy is installed. Nothing of Argosy is loaded before a test asks for one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from argosy.testing import FrozenClock, IsolatedProject


@pytest.fixture
def argosy_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IsolatedProject]:
    """An empty store for this test; see argosy.testing.isolated_project."""
    from argosy.testing.isolation import isolated_project, variables

    # What the test sets by monkeypatch is undone after this ends, and last of all what is set here: to what it was.
    for name in variables():
        monkeypatch.setenv(name, os.environ.get(name, ""))
    with isolated_project(tmp_path) as project:
        yield project


@pytest.fixture
def argosy_clock() -> Iterator[FrozenClock]:
    """A clock of the embedded store that stands still until the test moves it; see argosy.testing.frozen_clock."""
    from argosy.testing.stopped_clock import frozen_clock

    with frozen_clock() as clock:
        yield clock
