"""Keeping answers small enough: gRPC refuses a larger one where it arrives, when the work is done already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from argosy.v1 import artifact_pb2, pipeline_pb2
from argosy_server.api.messages.message_limit import MAX_MESSAGE_BYTES
from argosy_server.domain.errors import LimitExceeded

MAX_PART_BYTES = MAX_MESSAGE_BYTES - (512 << 10)
"""Most bytes of a run or step run, so that there is room for what stands around it."""

M = TypeVar("M", bound=pipeline_pb2.Run | pipeline_pb2.StepRun)


def fit(message: M) -> M:
    """Leave out what the contract allows to leave out, in its order, as long as the message is too large."""
    steps = message.steps if isinstance(message, pipeline_pb2.Run) else [message]
    for leave_out in (_facts, _parameters, _lineage):
        if message.ByteSize() <= MAX_PART_BYTES:
            return message
        for step in steps:
            leave_out(step)
    if isinstance(message, pipeline_pb2.Run) and message.ByteSize() > MAX_PART_BYTES:
        del message.steps[:]
    return message


def check_reply(reply: bytes) -> bytes:
    """Return a serialized answer that can be received. Call it inside the transaction: a refusal changes nothing.

    Raises:
        LimitExceeded: it is too large.
    """
    if len(reply) > MAX_MESSAGE_BYTES:
        raise LimitExceeded(
            f"the answer would have {len(reply)} bytes, and a message has at most {MAX_MESSAGE_BYTES}; "
            "nothing was changed, send less at once",
            limit=MAX_MESSAGE_BYTES,
        )
    return reply


def _facts(step: pipeline_pb2.StepRun) -> None:
    for version in _versions(step):
        for field in ("metadata", "description", "tags", "aliases"):
            version.ClearField(field)
    step.ClearField("metadata")


def _parameters(step: pipeline_pb2.StepRun) -> None:
    for field in ("parameters", "attempts"):
        step.ClearField(field)


def _lineage(step: pipeline_pb2.StepRun) -> None:
    for field in ("inputs", "saved", "loaded", "upstream"):
        step.ClearField(field)


def _versions(step: pipeline_pb2.StepRun) -> Iterator[artifact_pb2.ArtifactVersion]:
    for given in step.inputs:
        yield from given.versions
    for output in step.outputs:
        yield output.version
    yield from step.saved
    yield from step.loaded
