"""What the checker judges: the history of the actors, and what every replica says in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.soak.content import Reading
from tests.soak.journal import Operation


@dataclass(frozen=True)
class FoundVersion:
    """A version a replica lists in the end.

    Attributes:
        token: what its metadata say, ``None`` for one without, as outputs of steps are.
        reading: what loading it gave, ``None`` when it could not be loaded, or was through another replica.
        error: why it could not, ``""`` when it could or was not tried.
    """

    id: str
    project: str
    name: str
    version: str
    tags: tuple[str, ...]
    aliases: tuple[str, ...]
    token: str | None
    step: str | None
    reading: Reading | None = field(compare=False)
    error: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.project} {self.name!r} version {self.version} ({self.id})"


@dataclass(frozen=True)
class FoundStep:
    """A step run in the end: its state, and ids by name of what it returned."""

    id: str
    run: str
    invocation: str
    status: str
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class ProjectTruth:
    """What one replica says of one project in the end.

    Attributes:
        versions: all that are live, by id.
        steps: all steps of all runs.
        events: all events since the beginning.
        known: for each id somebody named whether it is ``live``, ``deleted`` or ``absent``.
    """

    replica: str
    project: str
    versions: Mapping[str, FoundVersion]
    steps: Sequence[FoundStep]
    events: Sequence[Mapping[str, Any]]
    known: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """Everything about one soak.

    Attributes:
        history: all operations, by the time they began.
        truths: what each replica says of each project.
        verified: what ``argosy-server verify`` says, after leases have run out and garbage was collected.
        memory: for each process of a server the bytes it held, by time.
        defects: what servers logged that nobody made them do.
        failures: processes that ended, or did not, against all expectation.
    """

    history: Sequence[Operation]
    truths: Sequence[ProjectTruth]
    verified: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, Sequence[int]] = field(default_factory=dict)
    defects: Sequence[str] = ()
    failures: Sequence[str] = ()

    def of_project(self, project: str) -> ProjectTruth:
        """Return what the first replica says; rules that compare replicas look at all of them."""
        return next(truth for truth in self.truths if truth.project == project)

    @property
    def projects(self) -> list[str]:
        """All projects."""
        return sorted({truth.project for truth in self.truths})


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold.

    Attributes:
        rule: its name.
        told: what is wrong.
        proof: the operations that prove it.
    """

    rule: str
    told: str
    proof: Sequence[Operation] = ()

    def __str__(self) -> str:
        return "\n".join([f"[{self.rule}] {self.told}", *(f"    {operation}" for operation in self.proof)])
