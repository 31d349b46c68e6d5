"""Which steps of a graph may start, when."""

from __future__ import annotations

from collections.abc import Sequence

import argosy
from argosy.execution.running.plan import Plan
from argosy.graph.model import Graph


@argosy.step
def node() -> int:
    return 1


def graph_of(**upstream: Sequence[str]) -> Graph:
    @argosy.pipeline
    def made() -> None:
        for name, after in upstream.items():
            node.with_options(name=name, after=list(after))()

    return made.record()


def taken(plan: Plan) -> list[str]:
    found = []
    while plan.next() is not None:
        found.append(plan.take())
    return found


DIAMOND = graph_of(a=[], b=["a"], c=["a"], d=["b", "c"])


def test_steps_start_when_all_they_wait_for_has_ended() -> None:
    plan = Plan(DIAMOND, ["d"], (), ())
    assert taken(plan) == ["a"]
    plan.end("a")
    assert taken(plan) == ["b", "c"]
    plan.end("b")
    assert taken(plan) == []
    plan.end("c")
    assert taken(plan) == ["d"]


def test_only_what_is_wanted_runs_with_what_it_waits_for() -> None:
    plan = Plan(DIAMOND, ["b"], (), ())
    assert taken(plan) == ["a"]
    plan.end("a")
    assert taken(plan) == ["b"]


def test_what_has_ended_does_not_run_again() -> None:
    plan = Plan(DIAMOND, DIAMOND.invocations, {"a", "b"}, ())
    assert taken(plan) == ["c"]
    plan.end("c")
    assert taken(plan) == ["d"]


def test_what_waits_for_a_failed_step_never_starts() -> None:
    plan = Plan(graph_of(a=[], b=["a"], c=["b"], d=[], e=["d"]), ["c", "e"], (), ())
    assert taken(plan) == ["a", "d"]
    plan.fail("a")
    plan.end("d")
    assert taken(plan) == ["e"]


def test_what_failed_before_is_remembered() -> None:
    plan = Plan(DIAMOND, ["d"], {"a", "c"}, {"b"})
    assert taken(plan) == []


def test_ready_steps_start_in_the_order_of_their_calls() -> None:
    assert taken(Plan(graph_of(z=[], y=[], x=[]), ["x", "y", "z"], (), ())) == ["z", "y", "x"]


def test_nothing_starts_once_it_was_cleared() -> None:
    plan = Plan(DIAMOND, ["d"], (), ())
    plan.take()
    plan.clear()
    plan.end("a")
    assert plan.next() is None
