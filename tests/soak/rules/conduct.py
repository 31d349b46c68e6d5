"""How servers and clients behave while they are broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.soak.evidence import Evidence, Violation

AWAY = ("UnavailableError", "DeadlineError", "killed")
"""What anybody may be told while servers, databases and clients die."""
ALSO: Mapping[str, tuple[str, ...]] = {
    "save": ("AlreadyExistsError",),  # a label that another one took
    "load": ("NotFoundError",),  # other rules say when it may not be
    "delete": ("ConflictError",),  # a plan that is not what would go now
    "run": ("SaveOutputError",),  # an output could not be saved, because the store was away
}
GROWTH_BYTES = 200 << 20
"""What a process of a server may hold more in the end than in the beginning, whatever it was asked."""


def errors_are_those_of_the_contract(evidence: Evidence) -> Iterator[Violation]:
    """Nobody is told anything but that the store is away, or what the contract says."""
    for operation in evidence.history:
        if operation.error and not operation.error.startswith((*AWAY, *ALSO.get(operation.kind, ()))):
            yield Violation("errors-are-those-of-the-contract", f"an unexpected error: {operation.error}", [operation])


def processes_end_when_told(evidence: Evidence) -> Iterator[Violation]:
    """No server and no client ends by itself, and every watcher is told of the end."""
    for failure in evidence.failures:
        yield Violation("processes-end-when-told", failure)


def servers_log_no_defect(evidence: Evidence) -> Iterator[Violation]:
    """What a server did not expect, it logs, also where nobody is told: a sweep that fails, a thread that ends."""
    for defect in evidence.defects:
        yield Violation("servers-log-no-defect", defect)


def memory_is_bounded(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 7: what a server holds does not grow with what it was asked."""
    for process, samples in evidence.memory.items():
        grown = samples[-1] - samples[0]
        if grown > GROWTH_BYTES:
            told = f"{process} held {samples[0] >> 20} MiB in the beginning and {samples[-1] >> 20} MiB in the end"
            yield Violation("memory-is-bounded", told)
