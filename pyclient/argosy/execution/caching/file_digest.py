"""A digest of what a file or a whole directory contains.

Names count, times and permissions do not. A file is read again only when it may have changed: what is known of it is
kept in the process together with its size, its number and its times.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from argosy.execution.caching.joined_digest import digest_of
from argosy.execution.caching.value_digest import UnhashableValueError

_PIECE = 8 << 20
_SETTLED_NS = 2_000_000_000
"""A file written less than this before it was read may be written again without a visible change of its times."""
_known: dict[str, tuple[tuple[int, ...], str]] = {}


def path_digest(path: Path) -> str:
    """Return the digest of a file, or of a directory with all below it.

    Raises:
        OSError: it does not exist, or cannot be read.
        UnhashableValueError: it, or something in it, is neither file nor directory, or a link leads into itself.
    """
    if stat.S_ISDIR(path.stat().st_mode):
        return digest_of(map(os.fsencode, ("directory", *_tree(path, "", ()))))
    return file_digest(path)


def file_digest(path: Path) -> str:
    """Return the digest of a file's bytes.

    Raises:
        OSError: it does not exist, or cannot be read.
        UnhashableValueError: it is no file.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UnhashableValueError(f"{path} is neither a file nor a directory")
    state = _state(found)
    known = _known.get(str(path))
    if known is not None and known[0] == state:
        return known[1]
    hasher = blake3(max_threads=blake3.AUTO)
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            hasher.update(piece)
        settled = _state(os.fstat(file.fileno())) == state
    digest = hasher.hexdigest()
    if settled and time.time_ns() - found.st_mtime_ns > _SETTLED_NS:
        _known[str(path)] = (state, digest)
    return digest


def _state(found: os.stat_result) -> tuple[int, ...]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def _tree(directory: Path, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[str]:
    """Yield name and digest of everything below a directory, in an order that is the same everywhere."""
    here = directory.stat()
    identity = (here.st_dev, here.st_ino)
    if identity in above:
        raise UnhashableValueError(f"{directory} is a link to a directory it lies in")
    yield f"{prefix}/"
    for name in sorted(os.listdir(directory), key=os.fsencode):
        path, shown = directory / name, f"{prefix}/{name}"
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            if not path.is_symlink():  # it was removed since it was listed
                raise
            yield from (shown, f"link to {path.readlink()}")
            continue
        if stat.S_ISDIR(mode):
            yield from _tree(path, shown, (*above, identity))
        else:
            yield from (shown, file_digest(path))
