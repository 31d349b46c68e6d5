"""What users prove their own code with, under pytest. Nothing is loaded before it is used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argosy.testing.isolation import IsolatedProject, isolated_project
    from argosy.testing.materializer_contract import MaterializerContract
    from argosy.testing.step_runs import StepResult, run_step
    from argosy.testing.stopped_clock import FrozenClock, frozen_clock

_HOMES = {
    "FrozenClock": "stopped_clock",
    "IsolatedProject": "isolation",
    "MaterializerContract": "materializer_contract",
    "StepResult": "step_runs",
    "frozen_clock": "stopped_clock",
    "isolated_project": "isolation",
    "run_step": "step_runs",
}

__all__ = [
    "FrozenClock",
    "IsolatedProject",
    "MaterializerContract",
    "StepResult",
    "frozen_clock",
    "isolated_project",
    "run_step",
]


if not TYPE_CHECKING:  # checkers know the names from above, and would take any other for one, too

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used (PEP 562)."""
        if name not in _HOMES:
            raise AttributeError(f"module 'argosy.testing' has no attribute {name!r}")
        found: object = getattr(importlib.import_module(f"argosy.testing.{_HOMES[name]}"), name)
        globals()[name] = found
        return found
