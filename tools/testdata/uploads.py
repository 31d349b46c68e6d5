"""``resume.json``: transfers that break, what the server says, and what a client does next.

What the Python SDK does as well is not only written here: its own loop is run against these answers.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, cast

import grpc
from google.rpc.error_details_pb2 import ErrorInfo

from argosy.errors import ArgosyError, ServiceError
from argosy.transport.blob_client import BlobClient
from argosy.transport.content_hash import digest_of
from argosy.transport.error_mapping import to_exception
from argosy.transport.upload_session import send_blob
from argosy.v1.blob_service_pb2 import Upload, UploadState
from argosy.v1.errors_pb2 import ErrorReason
from tools.testdata.digests import content_of
from tools.testdata.downloads import downloads
from tools.testdata.reasons import trailer

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
MIB = 1 << 20
SIZE = 3 * MIB + 7
Step = dict[str, Any]


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


def pause(failed: int) -> list[float]:
    """Return the shortest and the longest pause after so many failures in a row."""
    longest = min(5.0, 0.2 * 2**failed)
    return [longest / 2, longest]


UNAVAILABLE = status("UNAVAILABLE")
OPENED = create(upload(0, 0))
BROKEN = write(0, 1, UNAVAILABLE)
EXPIRED = status("NOT_FOUND", "UPLOAD_NOT_FOUND")

AS_THE_SDK: dict[str, list[Step]] = {
    "nothing breaks": [OPENED, write(0, 1), commit()],
    "the project has the bytes": [create(upload(0, 0, "COMMITTED"))],
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
}
SDK_REFUSES: dict[str, tuple[list[Step], str]] = {
    "eight failures without progress": (
        [OPENED, BROKEN, *(get(UNAVAILABLE, failed) for failed in range(1, 8))],
        "UNAVAILABLE",
    ),
    "the disk is full": ([OPENED, write(0, 1, status("RESOURCE_EXHAUSTED", "STORAGE_FULL"))], "STORAGE_FULL"),
    "the request is malformed": ([create(status("INVALID_ARGUMENT", "INVALID_FIELD"))], "INVALID_FIELD"),
    "a defect of the service": ([OPENED, write(0, 1, status("INTERNAL", "INTERNAL"))], "INTERNAL"),
}
# By docs/transfer.md; the SDK, which never shares or aborts an upload that it still writes, does without.
BY_THE_PAGE: dict[str, list[Step]] = {
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
}


def make() -> dict[str, Any]:
    """Return the file."""
    found = []
    for name, steps in AS_THE_SDK.items():
        _run_sdk(name, steps, "done")
        found.append({"name": name, "size_bytes": SIZE, "steps": steps, "result": "done"})
    for name, (steps, result) in SDK_REFUSES.items():
        _run_sdk(name, steps, result)
        found.append({"name": name, "size_bytes": SIZE, "steps": steps, "result": result})
    found += [
        {"name": name, "size_bytes": SIZE, "steps": steps, "result": "done"} for name, steps in BY_THE_PAGE.items()
    ]
    damaged = status("INVALID_ARGUMENT", "DIGEST_MISMATCH")
    again = [create(upload(0, 0), pause=[0.0, 5.0]), write(0, 1), commit()]
    steps = [OPENED, write(0, 1), commit(damaged), *again]
    found.append(
        {
            "name": "bytes were damaged on their way",
            "size_bytes": SIZE,
            "steps": steps,
            "result": "done",
            "may_stop": True,
        }
    )
    taken = [OPENED, write(0, 1, status("ABORTED", "SUPERSEDED"))]
    found.append({"name": "another client took over", "size_bytes": SIZE, "steps": taken, "result": "SUPERSEDED"})
    return {"about": ABOUT, "uploads": found, "downloads": downloads()}


class _Refusal(grpc.RpcError):
    """A status as a call of gRPC raises it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code)
        self._code, self._reason = code, reason

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode[self._code]

    def details(self) -> str:
        return self._reason or self._code

    def trailing_metadata(self) -> Any:
        info = [ErrorInfo(domain="argosy", reason=self._reason)] if self._reason else []
        return [("grpc-status-details-bin", base64.b64decode(trailer(self._code, self.details(), *info)))]


class _Answers:
    """A store that answers as a vector says and takes nothing else."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = list(steps)
        self._waited = 0.0

    def wait(self, seconds: float) -> None:
        self._waited = seconds

    def create_upload(self, *, digest: str, size_bytes: int) -> Upload:
        return self._upload(self._take("CreateUpload"))

    def get_upload(self, upload_id: str, deadline: float | None = None) -> Upload:
        return self._upload(self._take("GetUpload"))

    def write_upload(self, upload_id: str, chunks: Iterable[bytes], *, offset: int = 0, epoch: int = 0) -> int:
        sent = b"".join(chunks)
        assert sent == content_of(SIZE)[offset:]
        return int(self._take("WriteUpload", offset=offset, epoch=epoch)["committed_size"])

    def commit_upload(self, upload_id: str, digest: str, size_bytes: int) -> None:
        self._take("CommitUpload")

    def abort_upload(self, upload_id: str, deadline: float | None = None) -> None:
        assert self._steps == [], "given up too early"

    def finish(self) -> None:
        assert self._steps == [], f"ended before {self._steps}"

    def _take(self, call: str, **facts: int) -> Step:
        step = self._steps.pop(0)
        shortest, longest = step.get("pause", (0, 0))
        assert call == step["call"], f"{call} instead of {step}"
        assert facts.items() <= step.items(), f"{facts} instead of {step}"
        assert shortest <= self._waited <= longest, f"waited {self._waited} s before {step}"
        self._waited = 0.0
        answer: Step = step["answer"]
        if "status" in answer:
            raise to_exception(_Refusal(**answer["status"]), "nowhere")
        return answer

    @staticmethod
    def _upload(answer: Step) -> Upload:
        told = answer["upload"]
        state = UploadState.Value(f"UPLOAD_STATE_{told['state']}")
        return Upload(id=told["id"], state=state, committed_size=told["committed_size"], epoch=told["epoch"])


class _Content:
    """The content of a vector."""

    path = "vector"
    size_bytes = SIZE

    def chunks(self, start: int = 0, chunk_bytes: int = MIB) -> Iterable[bytes]:
        content = content_of(SIZE)
        return iter([content[at : at + chunk_bytes] for at in range(start, SIZE, chunk_bytes)])


def _run_sdk(name: str, steps: list[Step], result: str) -> None:
    """Let the SDK upload against these answers.

    Raises:
        AssertionError: it does not what the vector says.
    """
    answers, content = _Answers(steps), cast("Any", _Content())
    digest = digest_of([content_of(SIZE)], SIZE)
    ended = "done"
    try:
        send_blob(cast("BlobClient", answers), content, digest, MIB, lambda count: None, answers.wait)
    except ArgosyError as error:
        reason = error.reason if isinstance(error, ServiceError) else ""
        assert not reason or ErrorReason.Value(f"ERROR_REASON_{reason}")
        ended = reason or "UNAVAILABLE"
    assert ended == result, f"{name}: {ended}"
    answers.finish()
