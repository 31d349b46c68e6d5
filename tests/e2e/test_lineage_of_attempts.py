"""Lineage of steps that were tried again: what an attempt made came from what that attempt used, from nothing else."""

from __future__ import annotations

from typing import Annotated

import pytest

import argosy


@argosy.step(enable_cache=False, retry=1)
def improve() -> Annotated[str, "best"]:
    settings: str = argosy.load_artifact("settings")
    argosy.save_artifact(f"tried {settings}", "trial")
    if settings == "old":
        argosy.save_artifact("new", "settings")
        raise ValueError(settings)
    return settings


@argosy.pipeline
def improving() -> None:
    improve()


def test_what_a_retried_step_made_came_from_what_that_attempt_loaded(store: str) -> None:
    argosy.save_artifact("old", "settings")
    best = improving().steps["improve"].output
    assert [str(version) for version in best.lineage("up").upstream] == ["settings 2", "settings 1"]
    assert [str(version) for version in argosy.get_artifact("trial", 1).lineage("up").upstream] == ["settings 1"]
    settings = argosy.get_artifact("settings", 2).lineage()
    assert [str(version) for version in settings.upstream] == ["settings 1"]
    assert [str(version) for version in settings.downstream] == ["trial 2", "best 1"]
    assert [(step.attempt, step.status) for step in settings.steps] == [(1, "failed"), (2, "completed")]


@argosy.step(enable_cache=False)
def weigh(settings: str) -> Annotated[str, "weighed"]:
    argosy.save_artifact(settings, "draft")
    if settings == "old":
        raise ValueError(settings)
    return settings


@argosy.pipeline
def weighing() -> None:
    weigh(argosy.ExternalArtifact(name="settings"))


def test_what_a_resumed_step_made_came_from_what_that_attempt_was_given(store: str) -> None:
    argosy.save_artifact("old", "settings")
    with pytest.raises(ValueError, match="old"):
        weighing()
    argosy.save_artifact("new", "settings")
    weighing.resume(next(iter(argosy.Client().list_runs())))
    for number in (1, 2):
        draft = argosy.get_artifact("draft", number).lineage("up")
        assert [str(version) for version in draft.upstream] == [f"settings {number}"]
        assert [(edge.step.attempt, edge.relation) for edge in draft.edges] == [(number, "saved"), (number, "external")]
    assert [str(version) for version in argosy.get_artifact("settings", 1).lineage("down").downstream] == ["draft 1"]
