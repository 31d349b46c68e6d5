"""Directories for loaded files. They live as long as the process and are removed when it ends.

A killed process leaves its directory ``argosy-loaded-*`` behind, in the system's temporary directory.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from pathlib import Path

_lock = threading.Lock()
_home: tuple[int, Path] | None = None
"""The process that made the directory, and the directory."""


def fresh_directory() -> Path:
    """Return a new empty directory that lives until this process ends."""
    global _home
    with _lock:
        # A forked child must neither use nor remove the home of its parent.
        if _home is None or _home[0] != os.getpid() or not _home[1].is_dir():
            _home = (os.getpid(), Path(tempfile.mkdtemp(prefix="argosy-loaded-")))
            atexit.register(_remove, *_home)
        return Path(tempfile.mkdtemp(dir=_home[1]))


def remove_loaded() -> None:
    """Remove what this process loaded, for one that ends without the interpreter's goodbye, as a fork does."""
    if _home is not None:
        _remove(*_home)


def _remove(owner: int, directory: Path) -> None:
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
