"""Tells the project's own code from installed libraries, whose versions are not part of a cache key."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import PurePath
from types import ModuleType

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_OWN = frozenset({"argosy", "argosy_server"})


def is_project_module(name: str) -> bool:
    """Tell whether the code of a module belongs to the user's project.

    Everything does that is neither part of Python nor installed, code typed at a prompt too.
    """
    top = name.partition(".")[0]
    if name == "__main__":
        return True
    if top in sys.stdlib_module_names or top in _OWN:
        return False
    location = _location(name)
    return location is None or not _INSTALLED.intersection(PurePath(location).parts)


def _location(name: str) -> str | None:
    """Return the file or folder of a module, ``None`` for one that was made without a file."""
    module = sys.modules.get(name)
    if isinstance(module, ModuleType):
        return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    return spec.origin or next(iter(spec.submodule_search_locations or ()), None)
