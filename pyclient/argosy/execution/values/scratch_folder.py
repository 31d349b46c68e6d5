"""Hidden folders in which downloads grow. What a program that was killed left of one, the next beside it removes."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_NAME = re.compile(r"\.argosy-[0-9a-f]{32}")


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Give an empty hidden folder in ``parent``, which is made when it is not there; it is gone when the block ends.

    The folder is locked for as long as the program lives, so one that is not locked was left behind. Where folders
    cannot be locked, as on Windows and some network file systems, nobody can tell, and what was left stays.

    Raises:
        OSError: the folder cannot be made.
    """
    folder, lock = _make(parent)
    try:
        _remove_left(parent)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _make(parent: Path) -> tuple[Path, int | None]:
    """Make a folder and lock it; return it and what holds the lock."""
    while True:
        folder = parent / f".argosy-{uuid.uuid4().hex}"
        folder.mkdir(parents=True)
        try:
            lock = _lock(folder)
        except (BlockingIOError, FileNotFoundError):
            continue  # another program found it before it was locked, and removes it
        except OSError:
            return folder, None
        if lock is None or folder.exists():
            return folder, lock
        os.close(lock)


def _remove_left(parent: Path) -> None:
    with contextlib.suppress(OSError):  # a directory that may be written to and not be listed
        for name in filter(_NAME.fullmatch, os.listdir(parent)):
            with contextlib.suppress(OSError):  # in use, a file, somebody else's, or where nothing can be locked
                lock = _lock(parent / name)
                if lock is not None:
                    shutil.rmtree(parent / name, ignore_errors=True)
                    os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder; return what holds the lock until it is closed, ``None`` on Windows.

    Raises:
        BlockingIOError: it is locked already.
        OSError: it cannot be locked.
    """
    if sys.platform == "win32":
        return None
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
