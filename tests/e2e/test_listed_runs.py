"""Runs in lists: what is known of them, and their steps once they are asked for."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

import argosy
import argosy.aio
from argosy.errors import PreconditionError


@argosy.step
def numbers() -> list[int]:
    return [1, 2, 3]


def test_runs_and_pipelines_are_listed_newest_first_and_their_steps_are_read_when_asked_for(home: Path) -> None:
    @argosy.pipeline
    def adding() -> None:
        numbers()

    @argosy.pipeline
    def other() -> None:
        numbers()

    first, second, third = adding(), other(), adding()
    client = argosy.Client()
    assert [run.id for run in client.list_runs()] == [third.id, second.id, first.id]
    assert [run.id for run in client.list_runs("adding", status="completed")] == [third.id, first.id]
    assert list(client.list_runs(status="failed")) == []
    assert [(item.name, item.run_count) for item in client.list_pipelines()] == [("adding", 2), ("other", 1)]
    for listed in (next(iter(client.list_runs("other"))), [*client.list_pipelines()][1].latest_run):
        assert repr(listed) == f"<PipelineRun {listed.name!r} completed>"
        assert listed.steps["numbers"].output == second.steps["numbers"].output
        assert "numbers" in listed._repr_html_()
        with pytest.raises(KeyError, match=re.escape("has no step 'number' (did you mean 'numbers'?); its steps are")):
            listed.steps["number"]


def test_a_run_out_of_a_list_says_how_to_get_its_steps(home: Path) -> None:
    @argosy.pipeline
    def counting() -> None:
        numbers()

    counting()

    async def listed() -> None:
        async with argosy.aio.Client() as client:
            run = await anext(client.list_runs())
            with pytest.raises(PreconditionError, match=re.escape("read them by `(await run.reload()).steps`")):
                _ = run.steps
            assert list((await run.reload()).steps) == ["numbers"]

    asyncio.run(listed())
