"""For each refusal the contract lists: calls that provoke it. ``test_listed_errors`` proves that none is left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import artifact_service_pb2 as artifacts
from argosy.v1 import artifact_transfer_pb2, lineage_pb2, pruning_pb2, step_cache_pb2, step_calls_pb2
from argosy.v1 import blob_service_pb2 as blobs
from argosy.v1 import pipeline_pb2 as states
from argosy.v1 import pipeline_service_pb2 as pipelines
from argosy.v1.blob_pb2 import NewBlob
from argosy.v1.transfer_grants_pb2 import CreateTransferGrantsRequest
from tests.api import calls
from tests.api.conftest import Service
from tests.api.past_the_service import alter, flip_first_bit_of, rows

ABSENT = "3a92ae32-a764-4420-98ba-07da8f742b76"
TOO_LARGE = bytes((2 << 20) + 1)
Trigger = Callable[[Service, str], object]


def method_of(stubs: Service, name: str) -> Callable[[Any], Any]:
    """The stub's method of this name, of whichever service has it."""
    owner = next(stub for stub in (stubs.artifacts, stubs.blobs, stubs.pipelines) if hasattr(stub, name))
    found: Callable[[Any], Any] = getattr(owner, name)
    return found


def send(stubs: Service, project: str, method: str, **fields: Any) -> Any:
    """Send a mutation of this project; ``fields`` over what makes it well-formed."""
    request_class = REQUESTS[method]
    defaults = {"project": project, "request_id": calls.new_request_id(), **WELL_FORMED.get(method, {})}
    return method_of(stubs, method)(request_class(**{**defaults, **fields}))


SPEC = nouns.ArtifactSpec(name="weights", format="bytes")
ONE_FILE = nouns.NewArtifactFile(path="data.bin", inline_content=b"1")
REQUESTS: dict[str, Any] = {
    "CreateArtifactVersion": artifacts.CreateArtifactVersionRequest,
    "BatchCreateArtifactVersions": artifacts.BatchCreateArtifactVersionsRequest,
    "UpdateArtifactVersion": artifacts.UpdateArtifactVersionRequest,
    "SetAlias": artifacts.SetAliasRequest,
    "DeleteAlias": artifacts.DeleteAliasRequest,
    "DeleteArtifactVersion": artifacts.DeleteArtifactVersionRequest,
    "PruneArtifactVersions": pruning_pb2.PruneArtifactVersionsRequest,
    "CreateUpload": blobs.CreateUploadRequest,
    "CommitUpload": blobs.CommitUploadRequest,
    "AbortUpload": blobs.AbortUploadRequest,
    "CreateRun": pipelines.CreateRunRequest,
    "RenewRun": pipelines.RenewRunRequest,
    "StartStep": step_calls_pb2.StartStepRequest,
    "CompleteStep": step_calls_pb2.CompleteStepRequest,
    "FailStep": step_calls_pb2.FailStepRequest,
    "FinishRun": pipelines.FinishRunRequest,
    "CancelRun": pipelines.CancelRunRequest,
    "ResumeRun": pipelines.ResumeRunRequest,
    "EvictCache": step_cache_pb2.EvictCacheRequest,
}
WELL_FORMED: dict[str, dict[str, Any]] = {
    "CreateArtifactVersion": {"spec": SPEC, "files": [ONE_FILE]},
    "BatchCreateArtifactVersions": {"versions": [nouns.NewArtifactVersion(spec=SPEC, files=[ONE_FILE])]},
    "UpdateArtifactVersion": {"id": ABSENT, "update_mask": FieldMask(paths=["tags"])},
    "SetAlias": {"alias": "prod", "selector": nouns.VersionSelector(id=ABSENT)},
    "DeleteAlias": {"name": "weights", "alias": "prod"},
    "DeleteArtifactVersion": {"id": ABSENT},
    "PruneArtifactVersions": {"name": "weights", "plan": "0-of-others"},
    "CommitUpload": {"upload_id": ABSENT, "digest": calls.digest_of(b"x"), "size_bytes": 1},
    "AbortUpload": {"upload_id": ABSENT},
    "CreateRun": {"pipeline_name": "training"},
    "RenewRun": {"run_id": ABSENT},
    "StartStep": {"run_id": ABSENT, "invocation": "fit", "step_name": "fit"},
    "CompleteStep": {"step_run_id": ABSENT, "attempt_token": "token"},
    "FailStep": {"step_run_id": ABSENT, "attempt_token": "token", "state": states.STEP_STATE_FAILED},
    "FinishRun": {"run_id": ABSENT, "state": states.RUN_STATE_COMPLETED},
    "CancelRun": {"run_id": ABSENT},
    "ResumeRun": {"run_id": ABSENT},
    "EvictCache": {"everything": True},
}


def with_a_used_request_id(method: str) -> Trigger:
    def trigger(stubs: Service, project: str) -> object:
        used = calls.new_request_id()
        stubs.blobs.CreateUpload(blobs.CreateUploadRequest(project=project, request_id=used))
        if method == "CreateUpload":
            digest = calls.digest_of(b"x")
            return send(stubs, project, method, request_id=used, digest=digest, size_bytes=1)
        return send(stubs, project, method, request_id=used)

    return trigger


def with_an_absent_id(method: str) -> Trigger:
    return lambda stubs, project: send(stubs, project, method)


def with_a_forged_page_token(request_class: Any, method: str) -> Trigger:
    return lambda stubs, project: method_of(stubs, method)(request_class(project=project, page_token="forged"))


def get_lineage_of_an_absent_version(stubs: Service, project: str) -> object:
    selector = nouns.VersionSelector(id=ABSENT)
    return stubs.artifacts.GetLineage(lineage_pb2.GetLineageRequest(project=project, selector=selector))


def upload(stubs: Service, project: str, **fields: Any) -> object:
    """An UploadArtifact stream whose spec has these fields."""
    first, *rest = calls.upload_parts(project, "weights", b"1")
    for name, value in fields.items():
        setattr(first.start.spec, name, value)
    return stubs.artifacts.UploadArtifact(iter([first, *rest]))


def upload_a_reused_id(stubs: Service, project: str) -> object:
    used = calls.new_request_id()
    stubs.artifacts.UploadArtifact(calls.upload_parts(project, "weights", b"1", request_id=used))
    return stubs.artifacts.UploadArtifact(calls.upload_parts(project, "weights", b"2", request_id=used))


def upload_a_large_chunk(stubs: Service, project: str) -> object:
    start = next(calls.upload_parts(project, "weights", b""))
    return stubs.artifacts.UploadArtifact(iter([start, artifact_transfer_pb2.UploadArtifactRequest(chunk=TOO_LARGE)]))


def create_a_taken_label(stubs: Service, project: str) -> object:
    calls.create(stubs, project, "weights", version="best")
    return calls.create(stubs, project, "weights", version="best")


def upload_a_taken_label(stubs: Service, project: str) -> object:
    calls.create(stubs, project, "weights", version="best")
    return upload(stubs, project, version="best")


def create_of_absent_bytes(stubs: Service, project: str) -> object:
    request = calls.create_request(project, "weights")
    request.files.add(path="absent", digest=calls.digest_of(b"absent"))
    return stubs.artifacts.CreateArtifactVersion(request)


def update_with_a_stale_etag(stubs: Service, project: str) -> object:
    version = calls.create(stubs, project, "weights")
    for _ in range(2):
        send(stubs, project, "UpdateArtifactVersion", id=version.id, tags=["a"], etag=version.etag)
    return None


def delete_a_used_version(stubs: Service, project: str) -> object:
    started = calls.start_step(stubs, calls.start_run(stubs, project))
    made = calls.complete_step(stubs, project, started, weights=b"1").outputs[0].version
    return send(stubs, project, "DeleteArtifactVersion", id=made.id)


def download_damaged_bytes(stubs: Service, project: str) -> object:
    content = project.encode() * 2000
    calls.create(stubs, project, "weights", content)
    flip_first_bit_of(stubs, content)
    return calls.download(stubs, project, name="weights")


def get_damaged_bytes(stubs: Service, project: str) -> object:
    content = project.encode() * 2000
    calls.create(stubs, project, "weights", content)
    flip_first_bit_of(stubs, content)
    return calls.get_contents(stubs, project, 1 << 20, name="weights")


def read_damaged_bytes(stubs: Service, project: str) -> object:
    content = project.encode() * 2000
    digest = calls.put_blob(stubs, project, content)
    flip_first_bit_of(stubs, content)
    return calls.read_blob(stubs, project, digest)


def download_past_the_end(stubs: Service, project: str) -> object:
    calls.create(stubs, project, "weights", b"1")
    return calls.download(stubs, project, name="weights", offset=2)


def write_superseded(stubs: Service, project: str) -> object:
    upload_id = calls.open_upload(stubs, project).id

    def overtaken() -> Iterator[blobs.WriteUploadRequest]:
        yield from calls.write_parts(project, upload_id, b"first")
        wait_for_stream(stubs, upload_id)
        stubs.blobs.WriteUpload(calls.write_parts(project, upload_id, b"second"))
        yield blobs.WriteUploadRequest(chunk=b"more")

    return stubs.blobs.WriteUpload(overtaken())


def wait_for_stream(stubs: Service, upload_id: str) -> None:
    """Wait until the server has seen a stream of this upload, which raises its epoch."""
    deadline = time.monotonic() + 30
    while rows(stubs, "SELECT epoch FROM uploads WHERE id = :id", id=upload_id) == [(0,)]:
        assert time.monotonic() < deadline, "the stream was not seen"
        time.sleep(0.01)


def write_to_an_aborted_upload(stubs: Service, project: str) -> object:
    upload_id = calls.open_upload(stubs, project).id
    send(stubs, project, "AbortUpload", upload_id=upload_id)
    return stubs.blobs.WriteUpload(calls.write_parts(project, upload_id, b"x"))


def write_without_open(stubs: Service, project: str) -> object:
    return stubs.blobs.WriteUpload(iter([blobs.WriteUploadRequest(chunk=b"x")]))


def write_a_large_chunk(stubs: Service, project: str) -> object:
    opened = next(calls.write_parts(project, calls.open_upload(stubs, project).id, b""))
    return stubs.blobs.WriteUpload(iter([opened, blobs.WriteUploadRequest(chunk=TOO_LARGE)]))


def write_from_an_offset(stubs: Service, project: str) -> object:
    upload_id = calls.open_upload(stubs, project).id
    return stubs.blobs.WriteUpload(calls.write_parts(project, upload_id, b"x", offset=1))


def committed(stubs: Service, project: str) -> str:
    """A committed upload of ``x``."""
    upload_id = calls.open_upload(stubs, project).id
    stubs.blobs.WriteUpload(calls.write_parts(project, upload_id, b"x"))
    calls.commit(stubs, project, upload_id, b"x")
    return upload_id


def batch_create(stubs: Service, project: str, count: int, size: int) -> object:
    """So many versions of one inline file of this size."""
    file = nouns.NewArtifactFile(path="data.bin", inline_content=bytes(size))
    versions = [nouns.NewArtifactVersion(spec=SPEC, files=[file])] * count
    return send(stubs, project, "BatchCreateArtifactVersions", versions=versions)


def batch_upload(stubs: Service, project: str, *contents: bytes) -> object:
    new = [NewBlob(digest=calls.digest_of(content), content=content) for content in contents]
    return stubs.blobs.BatchUploadBlobs(blobs.BatchUploadBlobsRequest(project=project, blobs=new))


def batch_read(stubs: Service, project: str, *digests: str) -> object:
    return stubs.blobs.BatchReadBlobs(blobs.BatchReadBlobsRequest(project=project, digests=digests))


def grant(stubs: Service, project: str, *digests: str, upload_id: str = "", token: str = "") -> object:
    """Ask for the files of blobs and of an upload as one who may do anything, unless another token is given."""
    token = token or (stubs.home / "blobs/.write-token").read_text()
    request = CreateTransferGrantsRequest(project=project, token=token, read_digests=digests, write_upload_id=upload_id)
    return stubs.blobs.CreateTransferGrants(request)


def commit_other_bytes(stubs: Service, project: str) -> object:
    upload_id = calls.open_upload(stubs, project).id
    stubs.blobs.WriteUpload(calls.write_parts(project, upload_id, b"x"))
    return calls.commit(stubs, project, upload_id, b"y")


def commit_what_was_deleted_since(stubs: Service, project: str) -> object:
    upload_id = committed(stubs, project)
    alter(stubs, "UPDATE blobs SET state = 'deleting' WHERE project = :project", project=project)
    return send(stubs, project, "CommitUpload", upload_id=upload_id)


def abandoned(stubs: Service, project: str) -> tuple[states.Run, step_calls_pb2.StartStepResponse]:
    """A run with a running step whose lease has expired."""
    run = calls.start_run(stubs, project)
    started = calls.start_step(stubs, run)
    alter(stubs, "UPDATE runs SET lease_expires_at = 0 WHERE id = :id", id=run.id)
    return run, started


def in_an_abandoned_run(method: str) -> Trigger:
    def trigger(stubs: Service, project: str) -> object:
        run, started = abandoned(stubs, project)
        if method in {"CompleteStep", "FailStep"}:
            step = {"step_run_id": started.step_run.id, "attempt_token": started.attempt_token}
            return send(stubs, project, method, **step)
        return send(stubs, project, method, run_id=run.id)

    return trigger


def in_a_finished_run(method: str) -> Trigger:
    def trigger(stubs: Service, project: str) -> object:
        run = calls.start_run(stubs, project)
        started = calls.start_step(stubs, run)
        calls.complete_step(stubs, project, started)
        if method in {"CompleteStep", "FailStep"}:
            step = {"step_run_id": started.step_run.id, "attempt_token": started.attempt_token}
            return send(stubs, project, method, **step)
        calls.finish_run(stubs, run)
        return send(stubs, project, method, run_id=run.id)

    return trigger


def with_a_stale_token(method: str) -> Trigger:
    def trigger(stubs: Service, project: str) -> object:
        started = calls.start_step(stubs, calls.start_run(stubs, project))
        return send(stubs, project, method, step_run_id=started.step_run.id, attempt_token="stale")

    return trigger


def as_a_replaced_runner(method: str) -> Trigger:
    def trigger(stubs: Service, project: str) -> object:
        created = send(stubs, project, "CreateRun")
        alter(stubs, "UPDATE runs SET lease_expires_at = 0 WHERE id = :id", id=created.run.id)
        send(stubs, project, "ResumeRun", run_id=created.run.id)
        return send(stubs, project, method, run_id=created.run.id, driver_token=created.driver_token)

    return trigger


def resume_a_run_whose_name_was_taken(stubs: Service, project: str) -> object:
    lost = calls.start_run(stubs, project, name="nightly")
    alter(stubs, "UPDATE runs SET lease_expires_at = 0 WHERE id = :id", id=lost.id)
    calls.start_run(stubs, project, name="nightly")
    return send(stubs, project, "ResumeRun", run_id=lost.id)


def explain_an_absent_run(stubs: Service, project: str) -> object:
    request = step_cache_pb2.ExplainCacheRequest(project=project, run="absent", invocation="fit")
    return stubs.pipelines.ExplainCache(request)


def start_with_an_absent_input(stubs: Service, project: str) -> object:
    spec = step_calls_pb2.StepInputSpec(name="x", kind=states.INPUT_KIND_EXTERNAL, version_ids=[ABSENT])
    return calls.start_step(stubs, calls.start_run(stubs, project), inputs=[spec])


def create_a_taken_run(stubs: Service, project: str) -> object:
    calls.start_run(stubs, project, name="nightly")
    return calls.start_run(stubs, project, name="nightly")


def complete(
    stubs: Service, project: str, *files: nouns.NewArtifactFile, version: str = "", loaded: str = ""
) -> object:
    """Complete a step with one output of these files."""
    started = calls.start_step(stubs, calls.start_run(stubs, project))
    spec = nouns.ArtifactSpec(name="weights", format="bytes", version=version)
    output = step_calls_pb2.NewStepOutput(name="weights", spec=spec, files=files)
    selector = nouns.VersionSelector(id=loaded)
    inputs = [step_calls_pb2.LoadedInput(selector=selector, version_id=loaded)] if loaded else []
    step = {"step_run_id": started.step_run.id, "attempt_token": started.attempt_token}
    return send(stubs, project, "CompleteStep", **step, outputs=[output], loaded=inputs)


def complete_with_a_taken_label(stubs: Service, project: str) -> object:
    calls.create(stubs, project, "weights", version="best")
    return complete(stubs, project, nouns.NewArtifactFile(path="x", inline_content=b"1"), version="best")


def complete_with_absent_bytes(stubs: Service, project: str) -> object:
    return complete(stubs, project, nouns.NewArtifactFile(path="x", digest=calls.digest_of(b"absent")))


def complete_with_other_bytes(stubs: Service, project: str) -> object:
    return complete(stubs, project, changed_on_the_way())


def changed_on_the_way() -> nouns.NewArtifactFile:
    return nouns.NewArtifactFile(path="x", inline_content=b"2", inline_digest=calls.digest_of(b"1"))


def complete_with_too_much(stubs: Service, project: str) -> object:
    return complete(stubs, project, nouns.NewArtifactFile(path="x", inline_content=bytes((1 << 20) + 1)))


def get_run(stubs: Service, project: str) -> object:
    return stubs.pipelines.GetRun(pipelines.GetRunRequest(project=project, run="absent"))
