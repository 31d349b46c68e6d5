"""An alias is a register: whoever reads it gets what was written last, as if all had stood in one queue.

Every write has a value of its own, so it can be decided in one pass over the zones of the values (Gibbons and Korach,
Testing Shared Memories, 1997): the zone of a value reaches from the first end of an operation on it to the last
beginning of one. Where the first end comes first, the register must have had the value all through the zone, so two of
these must not meet; otherwise it may have had it at any moment of the zone, which must not lie inside one of those.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.soak.evidence import Evidence, Violation
from tests.soak.journal import NEVER, Operation, of_kind

MOST_PROOF = 12
"""Operations shown of one violation."""
NOTHING = ""
"""What an alias points at that was never set."""


@dataclass(frozen=True)
class Access:
    """A read or write of one value."""

    value: str
    is_write: bool
    operation: Operation


@dataclass(frozen=True)
class Zone:
    """When a register must, or may, have had a value."""

    accesses: Sequence[Access]

    @property
    def first_end(self) -> int:
        """When the first operation on the value had ended; it was there then."""
        return min(access.operation.ended for access in self.accesses)

    @property
    def last_beginning(self) -> int:
        """When the last operation on it began; it was there afterwards."""
        return max(access.operation.began for access in self.accesses)

    @property
    def is_forward(self) -> bool:
        """Whether it was there all the time between two moments."""
        return self.first_end < self.last_beginning


def aliases_are_registers(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 1: reads of an alias are linearizable with its writes."""
    for accesses in registers(evidence).values():
        yield from check_register(accesses)
    for truth in evidence.truths:
        yield from _last_write_stays(evidence, truth.replica, truth.project)


def aliased_versions_stay(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 8: pruning never plans to take what an alias points at."""
    kept: dict[str, Operation | None] = {}
    for operation in evidence.history:
        if operation.kind == "alias_set" and "token" not in operation.arguments:
            # Only its actor moves it; where the end of a move is not known, nobody knows where it points.
            if operation.outcome != "fail":
                kept[operation.actor] = operation if operation.outcome == "ok" else None
        elif operation.kind == "delete" and len(operation.arguments["ids"]) == 1:
            pointing = kept.get(operation.actor)
            if pointing is not None and pointing.arguments["id"] in operation.arguments["ids"]:
                kept[operation.actor] = None  # by force, which it may
        elif operation.kind == "prune_plan":
            pointing = kept.get(operation.actor)
            if pointing is not None and pointing.arguments["id"] in operation.result.get("ids", ()):
                told = f"pruning would take {pointing.arguments['id']}, which an alias points at"
                yield Violation("aliased-versions-stay", told, [pointing, operation])


def registers(evidence: Evidence) -> dict[tuple[str, str, str], list[Access]]:
    """Return all accesses of each alias that many write, by project, artifact and alias."""
    found: dict[tuple[str, str, str], list[Access]] = {}
    for operation in of_kind(evidence.history, "save", "alias_set", "alias_get", "load"):
        alias, name = operation.arguments.get("alias"), operation.arguments.get("name")
        writes = operation.kind in {"save", "alias_set"}
        if not alias or not name or operation.outcome == "fail" or (operation.outcome == "unknown" and not writes):
            continue
        value = (operation.arguments if writes else operation.result).get("token", NOTHING) or NOTHING
        if operation.kind == "alias_set" and "token" not in operation.arguments:
            continue  # an alias only its actor moves, between versions it pointed at before
        found.setdefault((operation.project, name, alias), []).append(Access(value, writes, operation))
    return found


def check_register(accesses: Sequence[Access]) -> Iterator[Violation]:
    """Yield why the accesses of one register cannot have stood in one queue."""
    values: dict[str, list[Access]] = {}
    for access in accesses:
        values.setdefault(access.value, []).append(access)
    zones: list[Zone] = []
    for value, found in values.items():
        writes = [access for access in found if access.is_write]
        reads = [access for access in found if not access.is_write]
        if not writes and value != NOTHING:
            yield Violation("aliases-are-registers", f"nobody wrote {value!r}", _operations(reads))
        elif writes and reads and min(read.operation.ended for read in reads) < writes[0].operation.began:
            yield Violation("aliases-are-registers", f"{value!r} was read before it was written", _operations(found))
        elif value == NOTHING:
            # It was written before everything.
            late = max(found, key=lambda access: access.operation.began)
            zones.append(Zone([Access(NOTHING, True, _before_all(late.operation)), *found]))
        elif reads or writes[0].operation.ended < NEVER:
            zones.append(Zone(found))
    yield from _conflicts(zones)


def _conflicts(zones: Sequence[Zone]) -> Iterator[Violation]:
    forward = sorted((zone for zone in zones if zone.is_forward), key=lambda zone: zone.first_end)
    for earlier, later in pairwise(forward):
        if later.first_end < earlier.last_beginning:
            told = (
                f"{earlier.accesses[0].value!r} was there before and after {later.accesses[0].value!r} was, and was "
                "written once"
            )
            yield Violation("aliases-are-registers", told, _operations([*earlier.accesses, *later.accesses]))
    beginnings = [zone.first_end for zone in forward]
    for zone in zones:
        # Forward zones that do not meet stand in line, so the one that began last before is the one around it, if any.
        place = bisect_left(beginnings, zone.last_beginning) - 1
        if zone.is_forward or place < 0 or forward[place].last_beginning <= zone.first_end:
            continue
        around = forward[place]
        told = f"{zone.accesses[0].value!r} was written while {around.accesses[0].value!r} was there all the time"
        yield Violation("aliases-are-registers", told, _operations([*zone.accesses, *around.accesses]))


def _last_write_stays(evidence: Evidence, replica: str, project: str) -> Iterator[Violation]:
    """In the end an alias points at something no acknowledged write has followed."""
    truth = next(one for one in evidence.truths if (one.replica, one.project) == (replica, project))
    for (of_project, name, alias), accesses in registers(evidence).items():
        if of_project != project:
            continue
        pointed = [one for one in truth.versions.values() if one.name == name and alias in one.aliases]
        value = (pointed[0].token or NOTHING) if pointed else NOTHING
        writes = [access for access in accesses if access.is_write]
        own = [access.operation for access in writes if access.value == value]
        ended = own[0].ended if own else 0
        later = [access.operation for access in writes if access.operation.began > ended]
        acknowledged = [operation for operation in later if operation.outcome == "ok"]
        if len(pointed) > 1 or acknowledged:
            told = f"{replica}: {alias!r} of {name!r} points at {[str(one) for one in pointed]} in the end"
            yield Violation("aliases-are-registers", told, [*own, *acknowledged[-1:]])


def _before_all(like: Operation) -> Operation:
    return Operation("store", "store", (), "alias_set", like.project, {}, 0, 0, "ok")


def _operations(accesses: Sequence[Access]) -> list[Operation]:
    found = {id(access.operation): access.operation for access in accesses}
    return sorted(found.values(), key=lambda operation: operation.began)[:MOST_PROOF]
