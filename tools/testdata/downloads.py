"""The downloads of ``resume.json``: streams of ReadBlob that break, and what a client asks for next.

Both readers of the Python SDK are run against them, the one that fills memory and the one that is a file.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from argosy.errors import ArgosyError
from argosy.transport.content_hash import digest_of
from argosy.transport.download.blob_file import BlobFile
from argosy.transport.download.byte_lanes import ByteLane
from argosy.transport.download.receive import receive_into
from argosy.v1.artifact_pb2 import ArtifactFile
from argosy.v1.blob_service_pb2 import ReadBlobResponse
from tools.testdata.scripted import MIB, SIZE, Step, Steps, content, ending, pause, refusal


def _read(offset: int, until: int, code: str = "OK", reason: str = "", failed: int = 0, **more: Any) -> Step:
    """Return a call of ReadBlob after so many failures in a row."""
    waited = {"pause": pause(failed)} if failed else {}
    return {
        "call": "ReadBlob",
        "offset": offset,
        **waited,
        "until": until,
        **more,
        "status": {"code": code, "reason": reason},
    }


def downloads() -> list[dict[str, Any]]:
    """Return the vectors."""
    done: dict[str, list[Step]] = {
        "nothing breaks": [_read(0, SIZE)],
        "a stream breaks between chunks": [_read(0, MIB, code="UNAVAILABLE"), _read(MIB, SIZE, failed=1)],
        "a stream breaks before its first byte": [_read(0, 0, code="UNAVAILABLE"), _read(0, SIZE, failed=1)],
        "a stream breaks inside a chunk": [_read(0, 70_001, code="UNAVAILABLE"), _read(70_001, SIZE, failed=1)],
        "a stream breaks twice": [
            _read(0, MIB, code="UNAVAILABLE"),
            _read(MIB, 2 * MIB, failed=1, code="UNAVAILABLE"),
            _read(2 * MIB, SIZE, failed=1),
        ],
        "the server is away for a while": [
            _read(0, MIB, code="UNAVAILABLE"),
            *(_read(MIB, MIB, failed=failed, code="UNAVAILABLE") for failed in range(1, 7)),
            _read(MIB, SIZE, failed=7),
        ],
        "a server drains": [_read(0, MIB, "UNAVAILABLE", "DRAINING"), _read(MIB, SIZE, failed=1)],
        "a stream stands still": [_read(0, MIB, "DEADLINE_EXCEEDED"), _read(MIB, SIZE, failed=1)],
        "a stream is cancelled by others": [_read(0, MIB, "CANCELLED"), _read(MIB, SIZE, failed=1)],
        "a message is cut in its middle": [_read(0, MIB, "INTERNAL"), _read(MIB, SIZE, failed=1)],
        "a proxy says something of its own": [_read(0, MIB, "UNKNOWN"), _read(MIB, SIZE, failed=1)],
        "a server has too many calls": [_read(0, 0, "RESOURCE_EXHAUSTED"), _read(0, SIZE, failed=1)],
    }
    refused: dict[str, tuple[list[Step], str]] = {
        "eight failures without progress": (
            [
                _read(0, 0, code="UNAVAILABLE"),
                *(_read(0, 0, failed=failed, code="UNAVAILABLE") for failed in range(1, 8)),
            ],
            "UNAVAILABLE",
        ),
        "the stored bytes are damaged": ([_read(0, MIB, "DATA_LOSS", "BLOB_CORRUPT")], "BLOB_CORRUPT"),
        "a defect of the service": ([_read(0, MIB, "INTERNAL", "INTERNAL")], "INTERNAL"),
        "the blob is gone": ([_read(0, 0, "NOT_FOUND", "BLOB_NOT_FOUND")], "BLOB_NOT_FOUND"),
        "a bit changes on its way": ([_read(0, SIZE, flip=MIB + 3)], "CORRUPT"),
        "a bit changes behind a break": (
            [_read(0, MIB, code="UNAVAILABLE"), _read(MIB, SIZE, failed=1, flip=SIZE - 1)],
            "CORRUPT",
        ),
        "more comes than there is": ([_read(0, SIZE + 1)], "CORRUPT"),
    }
    vectors = [{"name": name, "size_bytes": SIZE, "steps": steps, "result": "done"} for name, steps in done.items()]
    vectors += [
        {"name": name, "size_bytes": SIZE, "steps": steps, "result": result}
        for name, (steps, result) in refused.items()
    ]
    # Its end says nothing: a client may take it for a break, or for damage, but never for the whole.
    short = [_read(0, MIB), {**_read(MIB, SIZE), "pause": [0.0, 0.4]}]
    vectors.append(
        {"name": "a stream ends early", "size_bytes": SIZE, "steps": short, "result": "done", "may_stop": True}
    )
    for vector in vectors:
        _run_sdk(vector)
    return vectors


class _Stream:
    """One call of ReadBlob."""

    def __init__(self, messages: Iterator[ReadBlobResponse]) -> None:
        self._messages = messages

    def __iter__(self) -> Iterator[ReadBlobResponse]:
        return self._messages

    def __next__(self) -> ReadBlobResponse:
        return next(self._messages)

    def close(self) -> None:
        pass

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _Lane:
    """A way to a store that answers as a vector says."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def read_blob(self, digest: str, *, offset: int = 0, limit: int = 0) -> _Stream:
        return _Stream(self._messages(self._steps.take("ReadBlob", offset=offset)))

    def _messages(self, step: Step) -> Iterator[ReadBlobResponse]:
        there = bytearray(content()) + bytes(max(step["until"] - SIZE, 0))
        if "flip" in step:
            there[step["flip"]] ^= 1
        for at in range(step["offset"], step["until"], MIB):
            yield ReadBlobResponse(chunk=bytes(there[at : min(at + MIB, step["until"])]))
        if step["status"]["code"] != "OK":
            raise refusal(**step["status"])


def _run_sdk(vector: dict[str, Any]) -> None:
    """Let both readers of the SDK download from what a vector says.

    Raises:
        AssertionError: one does not what it says, or its bytes are others.
    """
    file = ArtifactFile(path="vector", digest=digest_of([content()], SIZE), size_bytes=SIZE)
    for reader in (_into_memory, _as_a_file):
        # A file whose stream had begun asks again at once: it may have been cut only because nobody read on.
        steps = Steps(vector, hurries=reader is _as_a_file)
        ended = "done"
        try:
            with _waiting(steps.wait):
                assert reader(cast("ByteLane", _Lane(steps)), file) == content(), vector["name"]
        except ArgosyError as error:
            ended = "done" if steps.may_stop else ending(error, vector["result"])
        assert ended == vector["result"], f"{vector['name']}: {ended}"
        steps.finish()


def _into_memory(lane: ByteLane, file: ArtifactFile) -> memoryview:
    target = memoryview(bytearray(SIZE))
    receive_into([lane], file, target, lambda count: None)
    return target


def _as_a_file(lane: ByteLane, file: ArtifactFile) -> bytes:
    with io.BufferedReader(BlobFile(lane, file), MIB) as stream:
        return stream.read()


@contextmanager
def _waiting(wait: Callable[[float], None]) -> Iterator[None]:
    with mock.patch("argosy.transport.rpc.retry.time", SimpleNamespace(sleep=wait, monotonic=time.monotonic)):
        yield
