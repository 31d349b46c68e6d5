"""Deleting many versions by rule: first a plan that says which, then exactly these or nothing.

The plan's token stands for the ids. Whoever executes it sends the same rule; in the transaction that deletes, the rule
is looked at again, and when it means other versions now (one was saved, used, or got an alias) nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.errors import EtagMismatch, InvalidField
from argosy_server.domain.pruning import PrunePlan, PruneRule
from argosy_server.usecases.artifacts.artifact_events import record_many_deleted
from argosy_server.usecases.ports import Transaction

SHOWN = 1000
"""At most so many versions are told one by one."""
_AT_ONCE = 1000


def plan_pruning(
    tx: Transaction, project: str, rule: PruneRule, include_used: bool
) -> tuple[PrunePlan, Sequence[ArtifactVersion]]:
    """Tell what would go, and the first of these versions; nothing is changed.

    Raises:
        InvalidField: the rule means every version.
    """
    if rule.is_empty:
        raise InvalidField(
            "name", "no rule is given; set name, pipeline_name, tag, created_until or keep_latest, or several of them"
        )
    plan = PrunePlan.make(tx.artifacts.prunable(project, rule), include_used=include_used)
    return plan, tx.artifacts.get_many(project, [version.id for version in plan.taken[:SHOWN]])


def prune_versions(
    tx: Transaction, project: str, rule: PruneRule, include_used: bool, token: str
) -> tuple[PrunePlan, Sequence[ArtifactVersion]]:
    """Delete what was planned; return it as it was. Bytes are swept once nothing else refers to them.

    Raises:
        InvalidField: the rule means every version.
        EtagMismatch: what would go now is not what was planned.
    """
    tx.artifacts.take_turn(project, [rule.name] if rule.name else [])
    plan, first = plan_pruning(tx, project, rule, include_used)
    if plan.token != token:
        raise EtagMismatch(
            f"the rule means {len(plan.taken)} versions now, which are not those that were planned; nothing was "
            "deleted: plan again",
            resource="plan",
        )
    ids = [version.id for version in plan.taken]
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        # Read before it goes: an event tells the tags a version had.
        going = tx.artifacts.get_many(project, part)
        tx.artifacts.delete_many(project, part)
        record_many_deleted(tx, project, going)
    return plan, first
