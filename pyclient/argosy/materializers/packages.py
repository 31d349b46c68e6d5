"""The libraries that the bytes of a value depend on: recorded when it is saved, compared when it is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

FACT = "argosy.packages"
"""Key of the metadata that tells the libraries: an object of distribution name -> version."""

_VERSION = re.compile(r"(?:\d+!)?(\d+)(?:\.(\d+))?")
_MINOR_VERSIONS_DIFFER = frozenset({"scikit-learn"})
"""Libraries that promise nothing from one minor version to the next, although they are at 1.0 or above."""


class VersionDriftWarning(UserWarning):
    """A value is loaded with another version of its library, or another state of its class, than it was saved with."""


@cache
def installed_version(distribution: str) -> str | None:
    """Return the version of a distribution that is installed, ``None`` when it is not."""
    # Imported late: it costs more than all else that saving a small value takes.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def installed_versions(distributions: Iterable[str]) -> dict[str, str]:
    """Return the version of each distribution that is installed; others are left out."""
    found = {name: installed_version(name) for name in sorted(set(distributions))}
    return {name: version for name, version in found.items() if version is not None}


def recorded_versions(fact: Any) -> dict[str, str]:
    """Return what a version records of its libraries; anything that is not of this form says nothing."""
    if not isinstance(fact, Mapping):
        return {}
    return {str(name): version for name, version in fact.items() if isinstance(version, str)}


def drifted(recorded: Mapping[str, str]) -> dict[str, str]:
    """Return the libraries of which a version is installed that may read other things into the same bytes.

    That is another major version, or another minor one where it is below 1.0 or the library promises nothing between
    minor versions.
    """
    found = {}
    for name, saved_with in recorded.items():
        here = installed_version(name)
        if here is not None and _line_of(name, saved_with) != _line_of(name, here):
            found[name] = here
    return found


def missing(recorded: Mapping[str, str]) -> dict[str, str]:
    """Return the recorded libraries that are not installed."""
    return {name: version for name, version in recorded.items() if installed_version(name) is None}


def _line_of(name: str, version: str) -> tuple[str, ...]:
    """Return the part of a version that says what is compatible with it."""
    match = _VERSION.match(version)
    if match is None:
        return (version,)
    major, minor = match[1], match[2] or "0"
    return (major, minor) if int(major) == 0 or name in _MINOR_VERSIONS_DIFFER else (major,)
