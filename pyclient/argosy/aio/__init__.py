"""What services need of the SDK, for asyncio: the same store and protocol, and an event loop that is never kept.

    model = await argosy.aio.load_artifact("model", alias="prod")

Calls are made on the event loop. Values are made, hashed and cut in threads, so that memory and threads stay bounded
however many loads and saves run at once. With no server configured the embedded store works too, in threads. What
people, scripts and pipelines do, such as registering, pruning, lineage, logs and the cache, only ``argosy`` has.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argosy.aio.artifact_events import ArtifactEvent, ArtifactEvents
    from argosy.aio.artifact_version import ArtifactVersion
    from argosy.aio.client import Client
    from argosy.aio.functions import get_artifact, load_artifact, save_artifact, watch_artifacts
    from argosy.aio.run_record import PipelineRun

_HOMES = {
    "ArtifactEvent": "artifact_events",
    "ArtifactEvents": "artifact_events",
    "ArtifactVersion": "artifact_version",
    "Client": "client",
    "PipelineRun": "run_record",
    "get_artifact": "functions",
    "load_artifact": "functions",
    "save_artifact": "functions",
    "watch_artifacts": "functions",
}

__all__ = [
    "ArtifactEvent",
    "ArtifactEvents",
    "ArtifactVersion",
    "Client",
    "PipelineRun",
    "get_artifact",
    "load_artifact",
    "save_artifact",
    "watch_artifacts",
]


if not TYPE_CHECKING:  # checkers know the names from above, and would take any other for one, too

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used (PEP 562)."""
        if name not in _HOMES:
            raise AttributeError(f"module 'argosy.aio' has no attribute {name!r}")
        found = getattr(importlib.import_module(f"argosy.aio.{_HOMES[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
