from __future__ import annotations

import pytest

from argosy.v1 import artifact_pb2, pipeline_pb2
from argosy_server.api.messages.message_limit import MAX_MESSAGE_BYTES
from argosy_server.api.messages.reply_size import check_reply, fit
from argosy_server.domain.errors import LimitExceeded


def step(metadata: int = 0, parameters: int = 0, loaded: int = 0) -> pipeline_pb2.StepRun:
    """A step run of an output with metadata, parameters, and loaded versions of 1 KiB."""
    made = pipeline_pb2.StepRun(invocation="fit", parameters={"p": "x" * parameters})
    version = artifact_pb2.ArtifactVersion(name="out", metadata={"m": "x" * metadata}, tags=["t"], aliases=["a"])
    made.outputs.add(name="output", version=version)
    for _ in range(loaded):
        made.loaded.add(name="x" * 1024)
    return made


def test_what_fits_stays_as_it_is() -> None:
    assert fit(step(1000, 1000, 10)) == step(1000, 1000, 10)


def test_facts_of_versions_go_first_then_parameters_then_lineage_and_outputs_never() -> None:
    facts = fit(step(metadata=MAX_MESSAGE_BYTES, parameters=10))
    assert (dict(facts.outputs[0].version.metadata), list(facts.outputs[0].version.tags)) == ({}, [])
    assert (facts.parameters["p"], facts.outputs[0].version.name) == ("x" * 10, "out")
    parameters = fit(step(parameters=MAX_MESSAGE_BYTES, loaded=1))
    assert (dict(parameters.parameters), len(parameters.loaded)) == ({}, 1)
    lineage = fit(step(loaded=5000))
    assert (len(lineage.loaded), lineage.outputs[0].version.name) == (0, "out")


def test_a_run_keeps_its_steps_as_long_as_their_names_fit() -> None:
    run = fit(pipeline_pb2.Run(name="run", steps=[step(metadata=1 << 20) for _ in range(10)]))
    assert [len(given.outputs[0].version.metadata) for given in run.steps] == [0] * 10
    crowded = fit(pipeline_pb2.Run(name="run", steps=[step()] * 200_000))
    assert (crowded.name, len(crowded.steps)) == ("run", 0)


def test_a_reply_over_the_limit_is_refused() -> None:
    assert check_reply(bytes(MAX_MESSAGE_BYTES)) == bytes(MAX_MESSAGE_BYTES)
    with pytest.raises(LimitExceeded, match="nothing was changed"):
        check_reply(bytes(MAX_MESSAGE_BYTES + 1))
