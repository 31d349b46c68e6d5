"""Network file systems, on which SQLite's shared memory and locks do not hold."""

from __future__ import annotations

import os
import re
from pathlib import Path

from argosy_server.domain.errors import StorageUnavailable

MOUNT_TABLE = Path("/proc/mounts")
NETWORK_TYPES = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.ceph", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs",
        "fuse.goofys", "fuse.juicefs", "fuse.mount-s3", "fuse.mountpoint-s3", "fuse.rclone", "fuse.s3fs",
        "fuse.smbnetfs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs",
    }
)  # fmt: skip
_OCTAL = re.compile(r"\\([0-7]{3})")


def network_type(path: str, mount_table: str) -> str | None:
    """Return the type of the network file system an absolute, resolved path lies on, ``None`` for a local one.

    Args:
        path: the path; it need not exist.
        mount_table: the text of ``/proc/mounts``.
    """
    found, found_at = "", -1
    for line in mount_table.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mount_point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[1]).rstrip("/")
        # The longest mount point holds the path; of several at one place the last one covers the others.
        if len(mount_point) >= found_at and (path == mount_point or path.startswith(mount_point + "/")):
            found, found_at = fields[2], len(mount_point)
    return found if found in NETWORK_TYPES else None


def refuse_network_file_system(path: Path) -> None:
    """Refuse a place for SQLite that several machines may share. Systems without a mount table are not checked.

    Raises:
        StorageUnavailable: the file would lie on a network file system.
    """
    try:
        table = MOUNT_TABLE.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    kind = network_type(os.path.realpath(path), table)
    if kind is not None:
        raise StorageUnavailable(
            f"{path} lies on a network file system ({kind}), where SQLite's locks do not hold; "
            "choose a local directory, or a PostgreSQL database",
            resource=f"database {path}",
        )
