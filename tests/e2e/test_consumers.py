"""``version.consumers()`` of a version that is used more often than anybody reads."""

from __future__ import annotations

import pytest

import argosy
from argosy.errors import ResourceExhaustedError
from argosy.v1.pipeline_pb2 import InputKind
from argosy.v1.step_calls_pb2 import StepInputSpec

INPUTS, STEPS = 1_000, 10


def use(version: argosy.ArtifactVersion, steps: int) -> None:
    """Give a version to so many steps of a run, to each as 1,000 inputs."""
    pipelines = argosy.Client().connection.pipelines
    run_id = pipelines.create_run("using").run.id
    kind = InputKind.INPUT_KIND_EXTERNAL
    inputs = [StepInputSpec(name=f"x{number}", kind=kind, version_ids=[version.id]) for number in range(INPUTS)]
    for number in range(steps):
        pipelines.start_step(run_id, f"use_{number}", "use", inputs=inputs)


def test_consumers_are_all_of_them_or_it_is_told(store: str) -> None:
    version = argosy.save_artifact(1, "data")
    use(version, STEPS)
    assert [step.invocation for step in version.consumers()] == [f"use_{number}" for number in range(STEPS)]
    use(version, 1)
    with pytest.raises(ResourceExhaustedError, match="data 1 was used more often than one answer holds") as refused:
        version.consumers()
    assert "names the first 10,000 uses" in str(refused.value)
