"""``resume.json``: transfers that break, what the server says, and what a client does next.

None of it is only written here: the loops of the Python SDK are run against these answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from argosy.errors import ArgosyError
from argosy.transport.clients.blob_client import BlobClient
from argosy.transport.upload.upload_session import send_blob
from argosy.v1.blob_service_pb2 import Upload, UploadState
from tools.testdata.downloads import downloads
from tools.testdata.scripted import MIB, SIZE, Step, Steps, content, ending, pause, refusal

ABOUT = (
    "A server that plays a vector takes the calls of `steps` in order, each with the `offset` and `epoch` it names, "
    "and gives `answer`: an upload, a size, or a status (with an ErrorInfo where it has a reason). It answers a "
    "WriteUpload that ends with a status at once or after some chunks. `pause` is what the client waits before that "
    "call, in seconds: at least the first number, at most the second; 0 at first means that it need not. "
    "AbortUpload may come at any time behind the last step. The content is the one of digests.json. `result` is "
    "`done`, or the reason or code of the error; with `may_stop` the client may also end with an error where the "
    "vector goes on. `steps` of a download are calls of ReadBlob: it sends bytes from `offset` up to `until` (with "
    "bit 0 of the byte at `flip` changed; beyond the size they go on in the same way), then ends as `status` says. "
    "CORRUPT is the client's own word: the digest is another."
)


def upload(committed_size: int, epoch: int, state: str = "OPEN") -> Step:
    """Return the answer of CreateUpload and GetUpload."""
    return {"upload": {"id": "u1", "state": state, "committed_size": committed_size, "epoch": epoch}}


def status(code: str, reason: str = "") -> Step:
    """Return a refusal."""
    return {"status": {"code": code, "reason": reason}}


def create(answer: Step, **more: Any) -> Step:
    """Return a CreateUpload."""
    return {"call": "CreateUpload", **more, "answer": answer}


def get(answer: Step, failed: int = 1, **more: Any) -> Step:
    """Return a GetUpload after so many failures in a row."""
    return {"call": "GetUpload", "pause": pause(failed), **more, "answer": answer}


def write(offset: int, epoch: int, answer: Step | None = None, **more: Any) -> Step:
    """Return a WriteUpload, of all that follows ``offset`` unless it is answered with a refusal."""
    whole = {"committed_size": SIZE}
    return {"call": "WriteUpload", "offset": offset, "epoch": epoch, **more, "answer": answer or whole}


def commit(answer: Step | None = None) -> Step:
    """Return a CommitUpload."""
    return {"call": "CommitUpload", "answer": answer or {}}


UNAVAILABLE = status("UNAVAILABLE")
OPENED = create(upload(0, 0))
BROKEN = write(0, 1, UNAVAILABLE)
EXPIRED = status("NOT_FOUND", "UPLOAD_NOT_FOUND")

DONE: dict[str, list[Step]] = {
    "nothing breaks": [OPENED, write(0, 1), commit()],
    "the project has the bytes": [create(upload(0, 0, "COMMITTED"))],
    "the answer of the creation is lost": [
        create(UNAVAILABLE),
        create(upload(0, 0), pause=pause(1)),
        write(0, 1),
        commit(),
    ],
    "the server keeps another upload's bytes": [create(upload(MIB, 3)), write(MIB, 4), commit()],
    "a stream breaks and some is kept": [OPENED, BROKEN, get(upload(MIB, 1)), write(MIB, 2), commit()],
    "a stream breaks and nothing is kept": [OPENED, BROKEN, get(upload(0, 1)), write(0, 2), commit()],
    "what is kept ends inside a chunk": [OPENED, BROKEN, get(upload(MIB + 1, 1)), write(MIB + 1, 2), commit()],
    "the answer of a whole stream is lost": [OPENED, BROKEN, get(upload(SIZE, 1)), write(SIZE, 2), commit()],
    "a stream that never opened used no epoch": [OPENED, BROKEN, get(upload(0, 0)), write(0, 1), commit()],
    "other streams opened meanwhile": [OPENED, BROKEN, get(upload(0, 5)), write(0, 6), commit()],
    "the answer of the commit is lost": [OPENED, write(0, 1), commit(UNAVAILABLE), get(upload(SIZE, 1, "COMMITTED"))],
    "the commit never came": [OPENED, write(0, 1), commit(UNAVAILABLE), get(upload(SIZE, 1)), write(SIZE, 2), commit()],
    "a server drains": [
        OPENED,
        write(0, 1, status("UNAVAILABLE", "DRAINING")),
        get(upload(MIB, 1)),
        write(MIB, 2),
        commit(),
    ],
    "a stream stands still": [
        OPENED,
        write(0, 1, status("DEADLINE_EXCEEDED")),
        get(upload(0, 1)),
        write(0, 2),
        commit(),
    ],
    "a stream is cancelled by others": [
        OPENED,
        write(0, 1, status("CANCELLED")),
        get(upload(0, 1)),
        write(0, 2),
        commit(),
    ],
    "the server is away for a while": [
        OPENED,
        BROKEN,
        get(UNAVAILABLE),
        get(UNAVAILABLE, 2),
        get(UNAVAILABLE, 3),
        get(upload(MIB, 1), 4),
        write(MIB, 2),
        commit(),
    ],
    "progress starts the count again": [
        OPENED,
        BROKEN,
        *(
            step
            for kept in (1, 2, 3)
            for step in (get(upload(kept * MIB, kept)), write(kept * MIB, kept + 1, UNAVAILABLE))
        ),
        *(get(UNAVAILABLE, failed) for failed in range(1, 7)),
        get(upload(3 * MIB, 4), 7),
        write(3 * MIB, 5),
        commit(),
    ],
    "less is kept than was told": [
        OPENED,
        BROKEN,
        get(upload(2 * MIB, 1)),
        write(2 * MIB, 2, status("OUT_OF_RANGE", "WRITE_PAST_END")),
        get(upload(MIB, 2)),
        write(MIB, 3),
        commit(),
    ],
    "an earlier stream of this client opened late": [
        OPENED,
        BROKEN,
        get(upload(0, 0)),
        write(0, 1, status("ABORTED", "SUPERSEDED")),
        get(upload(MIB, 1), 2),
        write(MIB, 2),
        commit(),
    ],
    "the upload expired while the server was away": [
        OPENED,
        BROKEN,
        get(EXPIRED),
        create(upload(0, 0), pause=[0.0, pause(2)[1]]),
        write(0, 1),
        commit(),
    ],
    "the upload expired before it was written to": [
        OPENED,
        write(0, 1, EXPIRED),
        create(upload(0, 0), pause=[0.0, pause(1)[1]]),
        write(0, 1),
        commit(),
    ],
    "the upload was aborted meanwhile": [
        OPENED,
        BROKEN,
        get(upload(0, 1, "ABORTED")),
        create(upload(0, 0), pause=[0.0, 5.0]),
        write(0, 1),
        commit(),
    ],
    "a stream opens on an aborted upload": [
        OPENED,
        write(0, 1, status("FAILED_PRECONDITION", "ILLEGAL_TRANSITION")),
        create(upload(0, 0), pause=[0.0, 5.0]),
        write(0, 1),
        commit(),
    ],
    "a commit comes before a stream has ended well": [
        OPENED,
        write(0, 1),
        commit(status("FAILED_PRECONDITION", "ILLEGAL_TRANSITION")),
        get(upload(MIB, 1), pause=[0.0, 5.0]),
        write(MIB, 2),
        commit(),
    ],
    "too many calls at once": [
        OPENED,
        write(0, 1, status("RESOURCE_EXHAUSTED", "TOO_MUCH")),
        get(upload(0, 1)),
        write(0, 2),
        commit(),
    ],
    "a message is cut in its middle": [
        OPENED,
        write(0, 1, status("INTERNAL")),
        get(upload(MIB, 1)),
        write(MIB, 2),
        commit(),
    ],
    "a proxy says something of its own": [
        OPENED,
        write(0, 1, status("UNKNOWN")),
        get(upload(MIB, 1)),
        write(MIB, 2),
        commit(),
    ],
    "a server has too many calls": [
        OPENED,
        write(0, 1, status("RESOURCE_EXHAUSTED")),
        get(upload(0, 1)),
        write(0, 2),
        commit(),
    ],
}
REFUSED: dict[str, tuple[list[Step], str]] = {
    "eight failures without progress": (
        [OPENED, BROKEN, *(get(UNAVAILABLE, failed) for failed in range(1, 8))],
        "UNAVAILABLE",
    ),
    "the disk is full": ([OPENED, write(0, 1, status("RESOURCE_EXHAUSTED", "STORAGE_FULL"))], "STORAGE_FULL"),
    "the request is malformed": ([create(status("INVALID_ARGUMENT", "INVALID_FIELD"))], "INVALID_FIELD"),
    "a defect of the service": ([OPENED, write(0, 1, status("INTERNAL", "INTERNAL"))], "INTERNAL"),
    "another client took over": ([OPENED, write(0, 1, status("ABORTED", "SUPERSEDED"))], "SUPERSEDED"),
}


def make() -> dict[str, Any]:
    """Return the file."""
    vectors = [_vector(name, steps, "done") for name, steps in DONE.items()]
    vectors += [_vector(name, steps, result) for name, (steps, result) in REFUSED.items()]
    again = [create(upload(0, 0), pause=[0.0, 5.0]), write(0, 1), commit()]
    damaged = [OPENED, write(0, 1), commit(status("INVALID_ARGUMENT", "DIGEST_MISMATCH")), *again]
    vectors.append({**_vector("bytes were damaged on their way", damaged, "done"), "may_stop": True})
    for each in vectors:
        _run_sdk(each)
    return {"about": ABOUT, "uploads": vectors, "downloads": downloads()}


def _vector(name: str, steps: list[Step], result: str) -> dict[str, Any]:
    """Return an upload."""
    return {"name": name, "size_bytes": SIZE, "steps": steps, "result": result}


class _Store:
    """A store that answers as a vector says."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def create_upload(self, *, digest: str, size_bytes: int, request_id: str) -> Upload:
        return self._upload("CreateUpload")

    def get_upload(self, upload_id: str, deadline: float | None = None) -> Upload:
        return self._upload("GetUpload")

    def write_upload(self, upload_id: str, chunks: Iterable[memoryview], *, offset: int = 0, epoch: int = 0) -> int:
        sent = offset
        for chunk in chunks:
            assert chunk == content()[sent : sent + len(chunk)]
            sent += len(chunk)
        assert sent == SIZE
        return int(self._answer("WriteUpload", offset=offset, epoch=epoch)["committed_size"])

    def commit_upload(self, upload_id: str, digest: str, size_bytes: int) -> None:
        self._answer("CommitUpload")

    def abort_upload(self, upload_id: str, deadline: float | None = None) -> None:
        self._steps.finish()

    def _answer(self, call: str, **facts: int) -> Step:
        answer: Step = self._steps.take(call, **facts)["answer"]
        if "status" in answer:
            raise refusal(**answer["status"])
        return answer

    def _upload(self, call: str) -> Upload:
        told = self._answer(call)["upload"]
        state = UploadState.Value(f"UPLOAD_STATE_{told['state']}")
        return Upload(id=told["id"], state=state, committed_size=told["committed_size"], epoch=told["epoch"])


class _Content:
    """The content of a vector."""

    path = "vector"
    size_bytes = SIZE

    def chunks(self, start: int = 0, chunk_bytes: int = MIB) -> Iterator[memoryview]:
        return iter([content()[at : at + chunk_bytes] for at in range(start, SIZE, chunk_bytes)])


def _run_sdk(vector: dict[str, Any]) -> None:
    """Let the SDK upload against the answers of a vector.

    Raises:
        AssertionError: it does not what the vector says.
    """
    steps, source = Steps(vector), cast("Any", _Content())
    ended = "done"
    try:
        send_blob(cast("BlobClient", _Store(steps)), source, "", MIB, lambda count: None, steps.wait)
    except ArgosyError as error:
        ended = "done" if steps.may_stop else ending(error, vector["result"])
    assert ended == vector["result"], f"{vector['name']}: {ended}"
    steps.finish()
