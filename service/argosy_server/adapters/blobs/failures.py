"""Failures of disks as the service's refusals, with the cure."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from argosy_server.domain.errors import DomainError, StorageFull, StorageUnavailable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CURES = {
    errno.EROFS: "it is mounted read-only; mount it writable or choose another place",
    errno.EACCES: "this user may not use it; change its owner or mode, or choose another place",
    errno.EPERM: "this user may not use it; change its owner or mode, or choose another place",
    errno.EIO: "the device reports an error; check the disk",
    errno.ENOTDIR: "a file is in the way; remove it or choose another place",
    errno.EEXIST: "a file is in the way; remove it or choose another place",
    errno.EMFILE: "this process has too many open files; raise its limit (ulimit -n)",
}


def translate(error: OSError, root: str) -> DomainError:
    """Return the refusal that stands for an error of the operating system or a remote storage.

    Args:
        error: what was raised.
        root: what the storage is called in messages.
    """
    if error.errno in _FULL:
        return StorageFull(
            f"no room left for blobs in {root} ({error.strerror}); free space there, reading still works"
        )
    cure = _CURES.get(error.errno or 0, "try again, and look at the storage if it lasts")
    return StorageUnavailable(f"blobs in {root} cannot be reached ({error.strerror or error}): {cure}")


@contextmanager
def translated(root: str) -> Iterator[None]:
    """Raise the refusal for whatever ``OSError`` the block raises, but let a missing file be a missing file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise translate(error, root) from error
