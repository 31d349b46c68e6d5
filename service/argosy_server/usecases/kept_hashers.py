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
    """Hashers by the location whose first bytes they have."""

    def __init__(self) -> None:
        """Keep none."""
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, BlobHasher] = OrderedDict()

    def put(self, location: str, hasher: BlobHasher) -> None:
        """Keep a hasher that nobody feeds any more."""
        with self._lock:
            self._kept[location] = hasher
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def take(self, location: str, size: int) -> BlobHasher:
        """Return a hasher that has no more than the first ``size`` bytes of a location, a new one if need be."""
        with self._lock:
            kept = self._kept.pop(location, None)
        return kept if kept is not None and kept.size <= size else BlobHasher()
