from __future__ import annotations

from argosy_server.domain.pruning import Prunable, PrunePlan, PruneRule

FREE = Prunable("a", 1, is_used=False, is_aliased=False)
USED = Prunable("b", 10, is_used=True, is_aliased=False)
ALIASED = Prunable("c", 100, is_used=False, is_aliased=True)
BOTH = Prunable("d", 1000, is_used=True, is_aliased=True)


def test_what_an_alias_points_at_or_a_run_used_stays() -> None:
    plan = PrunePlan.make([FREE, USED, ALIASED, BOTH], include_used=False)
    assert (plan.taken, plan.size, plan.used_count, plan.aliased_count) == ([FREE], 1, 1, 2)


def test_what_an_alias_points_at_stays_also_when_used_ones_go() -> None:
    plan = PrunePlan.make([FREE, USED, ALIASED, BOTH], include_used=True)
    assert (plan.taken, plan.size, plan.used_count, plan.aliased_count) == ([FREE, USED], 11, 0, 2)


def test_a_token_stands_for_exactly_these_versions() -> None:
    token = PrunePlan([FREE, USED], 0, 0).token
    assert token == PrunePlan([FREE, USED], 7, 7).token
    others = [[FREE], [USED, FREE], [FREE, ALIASED], []]
    assert all(PrunePlan(taken, 0, 0).token != token for taken in others)


def test_a_rule_without_parts_is_empty() -> None:
    assert PruneRule().is_empty
    assert not PruneRule(keep_latest=1).is_empty
