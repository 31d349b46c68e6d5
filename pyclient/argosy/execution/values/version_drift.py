"""Loading with other libraries than a value was saved with: warned about, and named where it fails for one's lack."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from argosy.errors import MaterializerError
from argosy.graph.source_location import caller_location
from argosy.materializers.packages import FACT, VersionDriftWarning, drifted, missing, recorded_versions
from argosy.v1.artifact_pb2 import ArtifactVersion


@contextmanager
def libraries_of(version: ArtifactVersion) -> Iterator[None]:
    """Load a version in this block: warn of libraries that drifted, and tell which is missing when it fails.

    Raises:
        MaterializerError: it was raised in the block; if a recorded library is not installed, the message names it and
            the command that installs it.
    """
    text = version.metadata.get(FACT)
    if text is None:
        yield
        return
    recorded = recorded_versions(_decoded(text))
    for name, here in drifted(recorded).items():
        _warn(version, name, recorded[name], here)
    try:
        yield
    except MaterializerError as error:
        lacking = missing(recorded)
        if not lacking:
            raise
        needed = " ".join(f"'{name}=={saved_with}'" for name, saved_with in lacking.items())
        raise type(error)(
            f"{error}; {version.name!r} version {version.version} was saved with {_listed(lacking)}, which is not "
            f"installed here: pip install {needed}"
        ) from error


def _warn(version: ArtifactVersion, name: str, saved_with: str, here: str) -> None:
    location = caller_location()
    warnings.warn_explicit(
        f"{version.name!r} version {version.version} was saved with {name} {saved_with} and is loaded with {here}, "
        f"which may make another value of it; to be sure, pip install '{name}=={saved_with}', or load it once there "
        f"and save it again here",
        VersionDriftWarning,
        location.file,
        location.line,
    )


def _listed(versions: dict[str, str]) -> str:
    return " and ".join(f"{name} {saved_with}" for name, saved_with in versions.items())


def _decoded(text: str) -> object:
    try:
        found: object = json.loads(text)
    except ValueError:  # whoever wrote this is no writer of ours
        return None
    return found
