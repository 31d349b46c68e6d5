"""What a soak prints: a table, and for each violation the lines that prove it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.soak.evidence import Evidence, Violation
from tests.soak.soak import Soaked

MOST_SHOWN = 5
"""Violations of one rule that are shown with their proof."""


def report(soaked: Soaked, violations: Sequence[Violation], rules: Iterable[str]) -> str:
    """Return the whole report."""
    return "\n".join(
        [*_operations(soaked.evidence), *_seconds(soaked), "", *_faults(soaked), "", *_verdict(violations, rules)]
    )


def _operations(evidence: Evidence) -> Iterable[str]:
    counts = Counter((operation.kind, operation.outcome) for operation in evidence.history)
    yield f"{'operation':<20}{'ok':>8}{'refused':>9}{'unknown':>9}"
    for kind in sorted({kind for kind, _ in counts}):
        ok, refused, unknown = (counts[kind, outcome] for outcome in ("ok", "fail", "unknown"))
        yield f"{kind:<20}{ok:>8}{refused:>9}{unknown:>9}"
    versions = sum(len(evidence.of_project(project).versions) for project in evidence.projects)
    events = sum(len(evidence.of_project(project).events) for project in evidence.projects)
    yield f"in the end: {versions} versions and {events} events, read through every replica"
    memory = [samples for samples in evidence.memory.values() if samples]
    if memory:
        yield f"most memory of a server process: {max(map(max, memory)) >> 20} MiB"


def _seconds(soaked: Soaked) -> Iterable[str]:
    yield "seconds: " + ", ".join(f"{part} {seconds:.1f}" for part, seconds in soaked.seconds.items())


def _faults(soaked: Soaked) -> Iterable[str]:
    yield f"{'fault':<20}{'times':>8}"
    for fault, count in sorted(soaked.faults.items()) or [("none", 0)]:
        yield f"{fault:<20}{count:>8}"


def _verdict(violations: Sequence[Violation], rules: Iterable[str]) -> Iterable[str]:
    counts = Counter(violation.rule for violation in violations)
    yield f"{'rule':<36}{'violations':>11}"
    for rule in rules:
        yield f"{rule:<36}{counts[rule]:>11}"
    shown: Counter[str] = Counter()
    for violation in violations:
        shown[violation.rule] += 1
        if shown[violation.rule] <= MOST_SHOWN:
            yield ""
            yield str(violation)
