"""Which runner a pipeline means by ``runner=``."""

from __future__ import annotations

from typing import Any

from argosy.errors import DefinitionError
from argosy.execution.running.runner import Runner
from argosy.graph.near_matches import did_you_mean, listed

NAMES = ("local", "processes")


def choose_runner(said: Any) -> Runner:
    """Return the runner of this name, or the one that was given.

    Raises:
        DefinitionError: there is none of this name, or it is no runner.
    """
    if said == "local":
        from argosy.runners.local import LocalRunner

        return LocalRunner()
    if said == "processes":
        from argosy.runners.processes import ProcessRunner

        return ProcessRunner()
    if isinstance(said, str):
        raise DefinitionError(f"runner={said!r} is not known{did_you_mean(said, NAMES)}; it is {listed(NAMES)}")
    if not callable(getattr(said, "open", None)):
        raise DefinitionError(
            f"runner= is {listed(NAMES)} or an object with the method open(max_parallel), not a {type(said).__name__}"
        )
    runner: Runner = said
    return runner
