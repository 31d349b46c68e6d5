from __future__ import annotations

from pathlib import Path

import pytest

from argosy_server.adapters.metadata.connections import file_system
from argosy_server.adapters.metadata.connections.file_system import network_type, refuse_network_file_system
from argosy_server.domain.errors import StorageUnavailable

MOUNTS = """\
/dev/vda / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
filer:/home /home nfs4 rw,vers=4.2 0 0
/dev/sdb /home/ana/local xfs rw 0 0
//win/share /mnt/with\\040space cifs rw 0 0
me@host: /mnt/ssh fuse.sshfs rw 0 0
/dev/sdc /mnt/over ext4 rw 0 0
bucket /mnt/over fuse.s3fs rw 0 0
host0 /srv 9p rw 0 0
broken line
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/lib/argosy/meta.db", None),
        ("/home/ana/meta.db", "nfs4"),
        ("/home", "nfs4"),
        ("/homes/meta.db", None),
        ("/home/ana/local/meta.db", None),
        ("/home/ana/localhost/meta.db", "nfs4"),
        ("/mnt/with space/meta.db", "cifs"),
        ("/mnt/ssh/a/b/meta.db", "fuse.sshfs"),
        ("/mnt/over/meta.db", "fuse.s3fs"),
        ("/srv/meta.db", "9p"),
    ],
)
def test_the_deepest_mount_decides(path: str, expected: str | None) -> None:
    assert network_type(path, MOUNTS) == expected


def test_a_network_root_holds_everything() -> None:
    assert network_type("/x", "filer:/ / nfs rw 0 0\n") == "nfs"


def test_a_network_file_system_is_refused_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mounts"
    table.write_text(f"filer:/ {tmp_path} nfs rw 0 0\n")
    monkeypatch.setattr(file_system, "MOUNT_TABLE", table)

    with pytest.raises(StorageUnavailable, match=r"network file system \(nfs\).*choose a local directory"):
        refuse_network_file_system(tmp_path / "new" / "meta.db")


def test_systems_without_a_mount_table_are_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_system, "MOUNT_TABLE", tmp_path / "absent")

    refuse_network_file_system(tmp_path / "meta.db")
