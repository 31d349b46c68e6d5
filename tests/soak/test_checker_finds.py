"""The checker finds each bug of ``mutants`` in servers that have it.

That it finds nothing where nothing is wrong is what ``make soak`` shows, with more of everything and for longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from tests.soak.checker import check
from tests.soak.mutants import MUTANTS
from tests.soak.plan import Plan
from tests.soak.soak import soak


@dataclass(frozen=True)
class Hunt:
    """How a bug is found: by which rule, and by whose doing."""

    rule: str
    crew: Mapping[str, int] = field(default_factory=lambda: {"saver": 1})
    operations: int = 40
    blobs: Literal["moto", "folder"] = "folder"
    sweep_interval: float = 0.5


HUNTS: Mapping[str, Hunt] = {
    "acknowledges_before_commit": Hunt("acknowledged-saves"),
    "stores_bytes_after_the_version": Hunt("reachable-bytes", blobs="moto"),
    "mixes_up_files": Hunt("right-bytes"),
    "damages_bytes_it_reads": Hunt("reachable-bytes"),
    "leaves_numbers_out": Hunt("numbers-have-no-gap"),
    "forgets_request_ids": Hunt("request-ids-count-once", {"repeater": 1}, operations=5),
    # Often enough that no crew has ended, and all been read, between two sweeps.
    "sweeps_what_is_referred_to": Hunt("reachable-bytes", sweep_interval=0.05),
    "prunes_what_an_alias_points_at": Hunt("aliased-versions-stay", {"remover": 1}, operations=120),
    "loses_moves_of_aliases": Hunt("aliases-are-registers", {"aliaser": 2}, operations=60),
    "looks_into_other_projects": Hunt("projects-are-apart", {"saver": 3}),
    "shows_outputs_one_by_one": Hunt("outputs-come-together", {"runner": 1, "inspector": 1}, operations=5),
    "writes_events_outside_the_transaction": Hunt("events-are-what-happened"),
    "skips_an_event_after_a_cursor": Hunt("watchers-see-each-event-once", {"saver": 1, "watcher": 1}, operations=120),
    "tells_of_nothing_new": Hunt("processes-end-when-told", {"saver": 1, "watcher": 1}, operations=120),
    "keeps_what_it_was_sent": Hunt("memory-is-bounded", operations=60),
    "fails_now_and_then": Hunt("errors-are-those-of-the-contract", {"aliaser": 1}),
}


def test_every_bug_is_looked_for() -> None:
    assert HUNTS.keys() == MUTANTS.keys()


@pytest.mark.parametrize("mutant", HUNTS)
def test_the_checker_finds(mutant: str, tmp_path: Path) -> None:
    hunt = HUNTS[mutant]
    plan = Plan(
        seed=5,
        seconds=60,
        operations=hunt.operations,
        crew=hunt.crew,
        pause=0.01,
        faults=(),
        replicas=1,
        workers=0,
        blobs=hunt.blobs,
        sweep_interval=hunt.sweep_interval,
        patience=3,
        verifies=False,
        mutant=mutant,
    )

    violations = check(soak(plan, tmp_path).evidence)

    assert hunt.rule in {violation.rule for violation in violations}
