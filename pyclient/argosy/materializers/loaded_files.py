"""Directories for loaded files. They live as long as the process and are removed when it ends.

A killed process leaves its directory ``argosy-loaded-*`` behind, in the system's temporary
directory or below the root given to :func:`set_root`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from pathlib import Path

_lock = threading.Lock()
_root: Path | None = None
_home: tuple[int, Path | None, Path] | None = None


def set_root(root: Path | None) -> None:
    """Place directories made from now on below ``root``; ``None`` means the system's temporary directory."""
    global _root
    with _lock:
        _root = root


def fresh_directory() -> Path:
    """Return a new empty directory that lives until this process ends."""
    global _home
    with _lock:
        # A forked child must neither use nor remove the home of its parent.
        if _home is None or _home[:2] != (os.getpid(), _root) or not _home[2].is_dir():
            if _root is not None:
                _root.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix="argosy-loaded-", dir=_root))
            _home = (os.getpid(), _root, made)
            atexit.register(_remove, os.getpid(), made)
        return Path(tempfile.mkdtemp(dir=_home[2]))


def _remove(owner: int, directory: Path) -> None:
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
