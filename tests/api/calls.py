"""Short ways to say a raw call, for tests that are about what the service answers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import grpc
import pytest
from blake3 import blake3
from google.rpc import error_details_pb2, status_pb2

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import artifact_service_pb2 as artifacts
from argosy.v1 import artifact_transfer_pb2, pipeline_pb2, pipeline_service_pb2, step_calls_pb2
from argosy.v1 import blob_service_pb2 as blobs
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy.v1.blob_service_pb2_grpc import BlobServiceStub
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceStub

LARGE = bytes(range(256)) * 4096 * 5
"""5 MiB: more than a row, an inline request and a message hold."""
CHUNK = 1 << 20


class Stubs(Protocol):
    """The three raw stubs of one service."""

    artifacts: ArtifactServiceStub
    blobs: BlobServiceStub
    pipelines: PipelineServiceStub


def new_request_id() -> str:
    return str(uuid.uuid4())


def digest_of(content: bytes) -> str:
    return "blake3:" + blake3(content).hexdigest()


def chunks_of(content: bytes) -> list[bytes]:
    return [content[start : start + CHUNK] for start in range(0, len(content), CHUNK)]


class Refusal:
    """The one way a call was refused."""

    def __init__(self, error: Any) -> None:
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details()
        trailers: dict[str, bytes] = {str(key): value for key, value in error.trailing_metadata() or ()}
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        infos = [detail for detail in status.details if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)]
        assert len(infos) == 1, "every status carries exactly one ErrorInfo"
        info = error_details_pb2.ErrorInfo()
        infos[0].Unpack(info)
        assert info.domain == "argosy"
        self.reason = info.reason
        self.metadata = dict(info.metadata)
        self.details = status.details
        self.fields = [
            violation.field
            for detail in status.details
            if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR)
            for violation in _unpack_bad_request(detail)
        ]


def _unpack_bad_request(detail: Any) -> list[Any]:
    bad_request = error_details_pb2.BadRequest()
    detail.Unpack(bad_request)
    return list(bad_request.field_violations)


class expect_refusal:
    """``with expect_refusal(NOT_FOUND, "BLOB_NOT_FOUND") as refused:`` and then ``refused.refusal``."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        self.code, self.reason = code, reason
        self.refusal: Refusal

    def __enter__(self) -> expect_refusal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if error is None:
            pytest.fail(f"the call was not refused; expected {self.code.name} / {self.reason}")
        if not isinstance(error, grpc.RpcError):
            return False
        self.refusal = Refusal(error)
        assert (self.refusal.code, self.refusal.reason) == (self.code, self.reason), self.refusal.message
        return True


def create_request(
    project: str, name: str, content: bytes = b"1", *, request_id: str = "", **spec: Any
) -> artifacts.CreateArtifactVersionRequest:
    """A version of one inline file ``data.bin``; ``spec`` sets fields of ArtifactSpec."""
    request = artifacts.CreateArtifactVersionRequest(
        project=project,
        request_id=request_id or new_request_id(),
        spec=nouns.ArtifactSpec(name=name, **{"format": "bytes", **spec}),
    )
    request.files.add(path="data.bin", inline_content=content)
    return request


def create(stubs: Stubs, project: str, name: str, content: bytes = b"1", **spec: Any) -> nouns.ArtifactVersion:
    return stubs.artifacts.CreateArtifactVersion(create_request(project, name, content, **spec)).artifact_version


def get(stubs: Stubs, project: str, **selector: str) -> nouns.ArtifactVersion:
    request = artifacts.GetArtifactVersionRequest(project=project, selector=nouns.VersionSelector(**selector))
    return stubs.artifacts.GetArtifactVersion(request).artifact_version


def get_many(
    stubs: Stubs, project: str, *names: str, most: int = 1 << 20
) -> Sequence[artifacts.GetArtifactVersionResult]:
    request = artifacts.BatchGetArtifactVersionsRequest(project=project, max_content_bytes=most)
    request.selectors.extend(nouns.VersionSelector(name=name) for name in names)
    return stubs.artifacts.BatchGetArtifactVersions(request).results


def get_contents(stubs: Stubs, project: str, most: int, **selector: str) -> list[bytes]:
    request = artifacts.GetArtifactVersionRequest(
        project=project, selector=nouns.VersionSelector(**selector), max_content_bytes=most
    )
    return list(stubs.artifacts.GetArtifactVersion(request).contents)


def download(stubs: Stubs, project: str, *, path: str = "", offset: int = 0, limit: int = 0, **selector: str) -> bytes:
    request = artifact_transfer_pb2.DownloadArtifactRequest(
        project=project, selector=nouns.VersionSelector(**selector), path=path, offset=offset, limit=limit
    )
    return b"".join(part.chunk for part in stubs.artifacts.DownloadArtifact(request))


def upload_parts(
    project: str, name: str, content: bytes, *, digest: str = "", size: int = -1, request_id: str = ""
) -> Iterator[artifact_transfer_pb2.UploadArtifactRequest]:
    """A whole, well-formed UploadArtifact stream; digest and size may lie."""
    start = artifact_transfer_pb2.UploadArtifactStart(
        project=project,
        request_id=request_id or new_request_id(),
        spec=nouns.ArtifactSpec(name=name, format="bytes"),
        path="data.bin",
    )
    yield artifact_transfer_pb2.UploadArtifactRequest(start=start)
    for chunk in chunks_of(content):
        yield artifact_transfer_pb2.UploadArtifactRequest(chunk=chunk)
    finish = artifact_transfer_pb2.UploadArtifactFinish(
        digest=digest or digest_of(content), size_bytes=len(content) if size < 0 else size
    )
    yield artifact_transfer_pb2.UploadArtifactRequest(finish=finish)


def open_upload(stubs: Stubs, project: str, **declared: Any) -> blobs.Upload:
    request = blobs.CreateUploadRequest(project=project, request_id=new_request_id(), **declared)
    return stubs.blobs.CreateUpload(request).upload


def get_upload(stubs: Stubs, project: str, upload_id: str) -> blobs.Upload:
    return stubs.blobs.GetUpload(blobs.GetUploadRequest(project=project, upload_id=upload_id)).upload


def write_parts(
    project: str, upload_id: str, content: bytes, *, offset: int = 0, epoch: int = 0
) -> Iterator[blobs.WriteUploadRequest]:
    opening = blobs.WriteUploadOpen(project=project, upload_id=upload_id, offset=offset, epoch=epoch)
    yield blobs.WriteUploadRequest(open=opening)
    for chunk in chunks_of(content):
        yield blobs.WriteUploadRequest(chunk=chunk)


def commit(stubs: Stubs, project: str, upload_id: str, content: bytes) -> blobs.CommitUploadResponse:
    request = blobs.CommitUploadRequest(
        project=project,
        request_id=new_request_id(),
        upload_id=upload_id,
        digest=digest_of(content),
        size_bytes=len(content),
    )
    return stubs.blobs.CommitUpload(request)


def put_blob(stubs: Stubs, project: str, content: bytes) -> str:
    """Upload a blob by the session RPCs and return its digest."""
    upload = open_upload(stubs, project)
    stubs.blobs.WriteUpload(write_parts(project, upload.id, content))
    return commit(stubs, project, upload.id, content).digest


def read_blob(stubs: Stubs, project: str, digest: str, offset: int = 0, limit: int = 0) -> bytes:
    request = blobs.ReadBlobRequest(project=project, digest=digest, offset=offset, limit=limit)
    return b"".join(part.chunk for part in stubs.blobs.ReadBlob(request))


def missing(stubs: Stubs, project: str, *digests: str) -> list[str]:
    request = blobs.FindMissingBlobsRequest(project=project, digests=digests)
    return list(stubs.blobs.FindMissingBlobs(request).missing_digests)


def start_run(stubs: Stubs, project: str, pipeline: str = "training", name: str = "") -> pipeline_pb2.Run:
    request = pipeline_service_pb2.CreateRunRequest(
        project=project, request_id=new_request_id(), pipeline_name=pipeline, name=name
    )
    return stubs.pipelines.CreateRun(request).run


def start_step(
    stubs: Stubs, run: pipeline_pb2.Run, invocation: str = "fit", *, cache_key: str = "", **fields: Any
) -> step_calls_pb2.StartStepResponse:
    request = step_calls_pb2.StartStepRequest(
        project=run.project,
        request_id=new_request_id(),
        run_id=run.id,
        invocation=invocation,
        step_name=invocation,
        cache_key=cache_key,
        **fields,
    )
    return stubs.pipelines.StartStep(request)


def complete_step(
    stubs: Stubs,
    project: str,
    started: step_calls_pb2.StartStepResponse,
    loaded: Sequence[step_calls_pb2.LoadedInput] = (),
    **outputs: bytes,
) -> pipeline_pb2.StepRun:
    """Complete a step with outputs ``name=content``, saved under the artifact of the same name."""
    request = step_calls_pb2.CompleteStepRequest(
        project=project,
        request_id=new_request_id(),
        step_run_id=started.step_run.id,
        attempt_token=started.attempt_token,
        loaded=loaded,
    )
    for name, content in outputs.items():
        output = request.outputs.add(name=name, spec=nouns.ArtifactSpec(name=name, format="bytes"))
        output.files.add(path="data.bin", inline_content=content)
    return stubs.pipelines.CompleteStep(request).step_run


def finish_run(stubs: Stubs, run: pipeline_pb2.Run, state: str = "COMPLETED") -> pipeline_pb2.Run:
    request = pipeline_service_pb2.FinishRunRequest(
        project=run.project,
        request_id=new_request_id(),
        run_id=run.id,
        state=pipeline_pb2.RunState.Value(f"RUN_STATE_{state}"),
    )
    return stubs.pipelines.FinishRun(request).run


def get_run(stubs: Stubs, project: str, run: str) -> pipeline_pb2.Run:
    return stubs.pipelines.GetRun(pipeline_service_pb2.GetRunRequest(project=project, run=run)).run
