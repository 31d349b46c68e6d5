"""What the code of a step tells about its outputs, in several threads at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from argosy.execution.context import StepContext
from argosy.execution.running.told_metadata import tag_output
from tests.waiting import PATIENCE


def test_tags_that_threads_give_at_once_are_all_kept() -> None:
    step = StepContext("run", "id", "training", "fit", "fit")
    together = threading.Barrier(2)

    def tags(name: str) -> Iterator[str]:
        together.wait(PATIENCE)
        yield name

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: tag_output(step, "weights", tags(name)), ["fast", "small"]))
    assert sorted(step.output_tags["weights"]) == ["fast", "small"]
