"""Digests of the bytes of broken uploads, as far as this process has computed them.

The state of a digest cannot be stored, so another process hashes what is kept again. This one need not; and when
hashing takes so long that the client loses patience, the next attempt goes on where the last one was.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from argosy_server.domain.blob import BlobHasher

MOST = 256
"""A hasher takes a few kilobytes; what is forgotten is computed again."""


class KeptHashers:
    """Hashers by the location whose first bytes they have, in each of the places where a later stream may go on."""

    def __init__(self) -> None:
        """Keep none."""
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, list[BlobHasher]] = OrderedDict()

    def put(self, location: str, *hashers: BlobHasher) -> None:
        """Keep hashers that nobody feeds any more, instead of those of before."""
        with self._lock:
            self._kept[location] = list(hashers)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def take(self, location: str, size: int) -> BlobHasher:
        """Return the hasher that has most of the first ``size`` bytes of a location and no more, or a new one."""
        with self._lock:
            kept = self._kept.pop(location, [])
        fitting = [hasher for hasher in kept if hasher.size <= size]
        return max(fitting, key=lambda hasher: hasher.size, default=BlobHasher())
