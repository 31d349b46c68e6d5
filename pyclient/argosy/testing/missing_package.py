"""A process in which an installed distribution is not: as if it were uninstalled, for imports and its metadata."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from argosy.materializers.packages import installed_version


def comes_with_argosy(distribution: str) -> bool:
    """Tell whether Argosy requires a distribution, so that it is never missing where a value is loaded."""
    return _normalized(distribution) in _required()


@cache
def _required() -> frozenset[str]:
    """Return what is installed with Argosy, and with that, and so on; extras left out."""
    found: set[str] = set()
    waiting = ["argosy"]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needed = importlib.metadata.requires(name) or ()
        except importlib.metadata.PackageNotFoundError:  # for another system
            continue
        waiting += [_normalized(re.split(r"[^\w.-]", text, maxsplit=1)[0]) for text in needed if "extra ==" not in text]
    return frozenset(found)


def _normalized(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@contextmanager
def uninstalled(distribution: str) -> Iterator[None]:
    """Take a distribution away in this block, for what was not imported yet.

    The directory it is installed in is replaced by one that links to all else in it.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
        RuntimeError: a module of it is imported already.
    """
    found = importlib.metadata.distribution(distribution)
    owned = {Path(file).parts[0] for file in found.files or () if Path(file).parts[0] not in ("..", "__pycache__")}
    for name in owned:
        if Path(name).stem in sys.modules:
            raise RuntimeError(f"{Path(name).stem} of {distribution} is imported already, so it cannot be missing")
    installed_in = Path(str(found.locate_file(""))).resolve()
    before = list(sys.path)
    with tempfile.TemporaryDirectory(prefix="argosy-without-") as directory:
        for entry in installed_in.iterdir():
            if entry.name not in owned:
                (Path(directory) / entry.name).symlink_to(entry)
        sys.path[:] = [directory if Path(entry or ".").resolve() == installed_in else entry for entry in before]
        importlib.invalidate_caches()
        installed_version.cache_clear()
        try:
            yield
        finally:
            sys.path[:] = before
            installed_version.cache_clear()
