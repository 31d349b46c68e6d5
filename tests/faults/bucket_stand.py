"""A store to break whose bytes are in a bucket, with a proxy before the server and one before the bucket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.backends.object_store import ObjectStore
from tests.faults.s3_proxy import S3Proxy
from tests.faults.stand import MEBIBYTE, PATIENCE, Stand, rows

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

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``argosy-server`` on the store as an operator does, past the proxy."""
        command = [sys.executable, "-m", "argosy_server", *arguments]
        settings = {name: value for name, value in os.environ.items() if not name.startswith(("ARGOSY_", "AWS_"))}
        return subprocess.run(
            [*command, f"--data={self.data}", f"--blobs={self.bucket.url}", "-o", "json"],
            capture_output=True,
            text=True,
            check=False,
            env={**settings, **self.bucket.environment},
            timeout=PATIENCE,
        )

    def assert_clean(self, *, damage: str = "", code: int = 0) -> None:
        """Let all leases run out, sweep, and hold the store to what must always be true.

        Args:
            damage: the one kind of damage that was done to one blob, if any.
            code: what ``verify`` ends with then.
        """
        rows(self.data, "UPDATE uploads SET expires_at = 0")
        rows(self.data, "UPDATE blobs SET lease_expires_at = 0")
        swept = self.command("gc", "--execute", "--grace=0s")
        assert (swept.returncode, swept.stderr) == (0, ""), swept
        verified = self.command("verify")
        found = json.loads(verified.stdout)
        assert (verified.returncode, found["damage_counts"]) == (code, {damage: 1} if damage else {}), verified
        assert (found["uploads_under_way"], found["orphans"]["count"]) == (0, 0)
        recorded = dict(rows(self.data, "SELECT location, size FROM blobs WHERE location <> ''"))
        stored = {key: size for key, size in self.bucket.objects().items() if key != "store-id"}
        assert stored.keys() <= recorded.keys()
        assert damage or stored == recorded
        assert self.bucket.unfinished() == []
        referenced = {digest for (digest,) in rows(self.data, "SELECT DISTINCT digest FROM version_files")}
        assert {digest for (digest,) in rows(self.data, "SELECT digest FROM blobs")} == referenced
