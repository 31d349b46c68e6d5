"""What a soak consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

PROJECTS = ("soak-a", "soak-b")
END = "soak-end"
"""Name of the artifact that is saved after everything else."""
Fault = Literal[
    "kill_worker",
    "kill_replica",
    "stop_replica",
    "reload",
    "pause_worker",
    "stop_database",
    "stop_store",
    "kill_actor",
]
ALL_FAULTS: tuple[Fault, ...] = (
    *("kill_worker", "kill_replica", "stop_replica", "reload", "pause_worker", "stop_database", "stop_store"),
    *("kill_worker", "pause_worker", "stop_database", "stop_store", "kill_actor", "kill_actor", "kill_actor"),
)
"""What the nemesis chooses from; what stands several times it chooses as much more often."""
FULL_CREW = {
    "saver": 3,
    "repeater": 1,
    "aliaser": 3,
    "tagger": 1,
    "remover": 2,
    "runner": 2,
    "inspector": 1,
    "watcher": 3,
}


@dataclass(frozen=True)
class Plan:
    """One soak.

    Attributes:
        seed: of everything that is chosen at random.
        seconds: after so many the actors are told to stop.
        operations: rounds of each actor; when all have made theirs, the soak is over earlier. 0: as many as fit.
        crew: how many actors of each kind; they are dealt out to the projects in turn.
        pause: the most seconds an actor rests between two rounds.
        faults: what the nemesis chooses from; empty for none.
        fault_pause: least and most seconds between two faults.
        replicas: how many servers there are.
        workers: processes of each; 0 for servers of one process.
        blobs: where the bytes are.
        sweep_interval: seconds between two sweeps of the leader.
        patience: a watcher that has seen nothing new for so many seconds after the last event is given up.
        verifies: whether leases run out in the end, garbage is collected and ``verify`` runs, before all is read.
        mutant: the bug of the servers, one of ``tests.soak.mutants``; empty for none.
    """

    seed: int
    seconds: float
    operations: int = 0
    crew: Mapping[str, int] = field(default_factory=lambda: dict(FULL_CREW))
    pause: float = 0.15
    faults: tuple[Fault, ...] = ALL_FAULTS
    fault_pause: tuple[float, float] = (1.0, 4.0)
    replicas: int = 2
    workers: int = 2
    blobs: Literal["moto", "versitygw", "folder"] = "versitygw"
    sweep_interval: float = 2.0
    patience: float = 30.0
    verifies: bool = True
    mutant: str = ""

    def without(self, fault: Fault) -> Plan:
        """Return the plan without one of its faults."""
        return replace(self, faults=tuple(one for one in self.faults if one != fault))
