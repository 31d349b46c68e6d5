"""A store to break whose bytes are in a bucket, with a proxy before the server and one before the bucket."""

from __future__ import annotations

from pathlib import Path

from tests.backends.object_store import ObjectStore
from tests.faults.s3_proxy import S3Proxy
from tests.faults.stand import MEBIBYTE, Stand, assert_clean, rows

PART_BYTES = 8 * MEBIBYTE
AT_RISK_BYTES = 5 * PART_BYTES
"""What may be lost with a server: four parts on their way, and the one that fills."""


class BucketStand(Stand):
    """As a :class:`Stand`; the bytes go through ``store`` to the bucket."""

    def __init__(self, data: Path, bucket: ObjectStore, store: S3Proxy, *options: str) -> None:
        """Start; the environment must lead to the proxy ``store``."""
        self.bucket = bucket
        self.store = store
        # The way through the server is what is broken here.
        self._always = (f"--blobs={bucket.url}", "--no-signed-transfers", "--sweep-interval=0")
        super().__init__(data, *self._always, *options)

    def restart_with(self, *options: str) -> None:
        """Start the server anew with other options."""
        super().restart_with(*self._always, *options)

    def kept(self) -> int:
        """Return how much of the one open upload the server would go on with."""
        return max((size for (size,) in rows(self.data, "SELECT size FROM uploads WHERE state = 'open'")), default=0)

    def assert_clean(self, *, damage: str = "", code: int = 0) -> None:
        """Hold the store to what must always be true, past the proxy; see the function of this name."""
        assert_clean(self.data, bucket=self.bucket, damage=damage, code=code)
