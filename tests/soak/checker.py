"""All rules, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.soak.evidence import Evidence, Violation
from tests.soak.rules.aliases import aliased_versions_stay, aliases_are_registers
from tests.soak.rules.conduct import (
    errors_are_those_of_the_contract,
    memory_is_bounded,
    processes_end_when_told,
    servers_log_no_defect,
)
from tests.soak.rules.events import events_are_what_happened, replicas_tell_the_same, watchers_see_each_event_once
from tests.soak.rules.lineages import lineage_points_at_what_was_there, outputs_come_together
from tests.soak.rules.numbers import (
    latest_is_fresh,
    numbers_have_no_gap,
    request_ids_count_once,
    tags_are_as_told,
)
from tests.soak.rules.values import (
    acknowledged_saves,
    deleted_stay_deleted,
    no_failed_save_is_visible,
    nothing_is_left_over,
    projects_are_apart,
    reachable_bytes,
    right_bytes,
)

RULES: tuple[Callable[[Evidence], Iterator[Violation]], ...] = (
    acknowledged_saves,
    reachable_bytes,
    right_bytes,
    no_failed_save_is_visible,
    nothing_is_left_over,
    numbers_have_no_gap,
    latest_is_fresh,
    request_ids_count_once,
    deleted_stay_deleted,
    tags_are_as_told,
    outputs_come_together,
    lineage_points_at_what_was_there,
    aliases_are_registers,
    aliased_versions_stay,
    projects_are_apart,
    watchers_see_each_event_once,
    events_are_what_happened,
    replicas_tell_the_same,
    errors_are_those_of_the_contract,
    processes_end_when_told,
    servers_log_no_defect,
    memory_is_bounded,
)


def rule_name(rule: Callable[[Evidence], Iterator[Violation]]) -> str:
    """Return what a rule is called."""
    return rule.__name__.replace("_", "-")


def check(evidence: Evidence) -> list[Violation]:
    """Return everything that is wrong."""
    return [violation for rule in RULES for violation in rule(evidence)]
