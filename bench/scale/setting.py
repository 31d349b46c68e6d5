"""How much work the benches of scale do."""

from __future__ import annotations

from dataclasses import dataclass

from bench.transfer.setting import MEBI
from tests.backends.object_store import KINDS, Kind


@dataclass(frozen=True)
class Setting:
    """How much to do.

    Attributes:
        rounds: how often each side is measured; the median counts.
        seconds: how long calls are counted in a round.
        counts: how many versions the stores have that single questions are asked of.
        calls: how often each question for one version is asked; others take longer, and are asked less often.
        kinds: which object stores.
        array_bytes: size of the array that goes to each of them.
        clients: clients that save an array at once.
        client_bytes: size of the array of each of them.
        warm_up: whether a first round does not count, where bytes are moved.
    """

    rounds: int
    seconds: float
    counts: tuple[int, ...]
    calls: int
    kinds: tuple[Kind, ...]
    array_bytes: int
    clients: int
    client_bytes: int
    warm_up: bool = True


FULL = Setting(
    rounds=5,
    seconds=2.0,
    counts=(10_000, 1_000_000),
    calls=1000,
    kinds=KINDS,
    array_bytes=256 * MEBI,
    clients=4,
    client_bytes=128 * MEBI,
)
# The arrays are large enough for signed URLs.
QUICK = Setting(
    rounds=1,
    seconds=0.1,
    counts=(1000,),
    calls=20,
    kinds=("versitygw",),
    array_bytes=72 * MEBI,
    clients=2,
    client_bytes=72 * MEBI,
    warm_up=False,
)
