"""``argosy.current_step``: what a step may ask about itself."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Literal

import pytest

import argosy


@argosy.step
def told() -> Annotated[dict[str, str], "told"]:
    step = argosy.current_step()
    assert step is not None
    run = argosy.Client().get_run(step.run_id)
    return {"run": run.name, "step": step.invocation, "output": step.outputs["told"], "of": step.pipeline}


@argosy.step(retry=1, enable_cache=False)
def attempts() -> int:
    step = argosy.current_step()
    assert step is not None
    if step.attempt == 1:
        raise OSError("not yet")
    return step.attempt


@argosy.step
def threaded() -> list[str]:
    names: list[str] = []
    thread = threading.Thread(target=lambda: names.append(getattr(argosy.current_step(), "name", "none")))
    thread.start()
    thread.join()
    return names


@argosy.pipeline
def telling() -> None:
    told()
    told.with_options(output_names="told_again")()
    attempts()
    threaded()


@pytest.mark.parametrize("runner", ["local", "processes"])
def test_a_step_knows_its_run_itself_and_its_outputs(home: Path, runner: Literal["local", "processes"]) -> None:
    run = telling.with_options(runner=runner)()
    outputs = {name: record.output.load() for name, record in run.steps.items()}
    assert outputs["told"] == {"run": run.name, "step": "told", "output": "told", "of": "telling"}
    assert outputs["told_2"] == {"run": run.name, "step": "told_2", "output": "told_again", "of": "telling"}
    assert (outputs["attempts"], outputs["threaded"]) == (2, ["threaded"])


def test_outside_of_a_step_there_is_none() -> None:
    @argosy.step
    def asking() -> bool:
        return argosy.current_step() is None

    assert argosy.current_step() is None
    assert asking()
