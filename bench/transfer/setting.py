"""How much work the benches do, and with whom they compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MEBI = 1 << 20


@dataclass(frozen=True)
class Setting:
    """How much to do.

    Attributes:
        rounds: how often each side is measured; the median counts.
        array_bytes: size of the large array.
        files: files in the directory that is saved.
        peer_files: files in the directory a peer gets.
        clients: clients at once.
        client_bytes: size of the array of each of them.
        warm_up: whether a first round does not count.
        venvs: folder of the peers' virtual environments; ``None`` compares with no peer.
    """

    rounds: int
    array_bytes: int
    files: int
    peer_files: int
    clients: int
    client_bytes: int
    warm_up: bool = True
    venvs: Path | None = None

    @property
    def array(self) -> str:
        """The large array in words."""
        return f"{self.array_bytes // MEBI} MiB array"


FULL = Setting(rounds=5, array_bytes=1024 * MEBI, files=10_000, peer_files=1_000, clients=8, client_bytes=256 * MEBI)
QUICK = Setting(
    rounds=1, array_bytes=16 * MEBI, files=100, peer_files=20, clients=2, client_bytes=4 * MEBI, warm_up=False
)
