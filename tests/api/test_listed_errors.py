"""Every refusal the ``Errors:`` lists of the contract promise is provoked over the wire, none left out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import artifact_service_pb2 as artifacts
from argosy.v1 import pipeline_service_pb2 as pipelines
from argosy.v1 import step_cache_pb2
from argosy.v1 import transfer_grants_pb2 as grants
from argosy_server.embedded import open_channel
from tests.api import calls, log_triggers, run_calls, triggers, watch_triggers
from tests.api.conftest import Service, service_on
from tests.api.triggers import Trigger

PROTOS = Path(__file__).resolve().parents[2] / "protos/argosy/v1"
RPC = re.compile(r"((?:  //[^\n]*\n)+)  rpc (\w+)")
LISTED = re.compile(r"- ([A-Z_]+) / ([A-Z_]+):")
MUTATIONS = [method for method in triggers.REQUESTS if method != "RenewRun"]
OF_A_RUN = ["RenewRun", "StartStep", "FinishRun", "CancelRun", "ResumeRun"]
OF_A_RUNNER = ["RenewRun", "StartStep", "FinishRun"]
OF_A_STEP = ["CompleteStep", "FailStep"]

TRIGGERS: dict[tuple[str, str], Trigger] = {
    **{(method, "REQUEST_ID_REUSED"): triggers.with_a_used_request_id(method) for method in MUTATIONS},
    **{(method, "RUN_NOT_FOUND"): triggers.with_an_absent_id(method) for method in [*OF_A_RUN, *OF_A_STEP]},
    **{(method, "UPLOAD_NOT_FOUND"): triggers.with_an_absent_id(method) for method in ["CommitUpload", "AbortUpload"]},
    **{
        (method, "ARTIFACT_NOT_FOUND"): triggers.with_an_absent_id(method)
        for method in ["UpdateArtifactVersion", "SetAlias", "DeleteAlias", "DeleteArtifactVersion"]
    },
    **{(method, "LEASE_EXPIRED"): triggers.in_an_abandoned_run(method) for method in [*OF_A_RUNNER, *OF_A_STEP]},
    **{(method, "ILLEGAL_TRANSITION"): triggers.in_a_finished_run(method) for method in [*OF_A_RUN, *OF_A_STEP]},
    **{(method, "SUPERSEDED"): triggers.with_a_stale_token(method) for method in OF_A_STEP},
    **{(method, "SUPERSEDED"): triggers.as_a_replaced_runner(method) for method in OF_A_RUNNER},
    **{
        (method, "CURSOR_EXPIRED"): triggers.with_a_forged_page_token(request, method)
        for method, request in {
            "ListArtifacts": artifacts.ListArtifactsRequest,
            "ListArtifactVersions": artifacts.ListArtifactVersionsRequest,
            "ListRuns": pipelines.ListRunsRequest,
            "ListPipelines": pipelines.ListPipelinesRequest,
            "ListCacheEntries": step_cache_pb2.ListCacheEntriesRequest,
        }.items()
    },
    ("CreateArtifactVersion", "VERSION_EXISTS"): triggers.create_a_taken_label,
    ("CreateArtifactVersion", "BLOB_MISSING"): triggers.create_of_absent_bytes,
    ("CreateArtifactVersion", "LIMIT_EXCEEDED"): lambda s, p: calls.create(s, p, "weights", bytes((1 << 20) + 1)),
    ("CreateArtifactVersion", "DIGEST_MISMATCH"): lambda s, p: triggers.send(
        s, p, "CreateArtifactVersion", files=[triggers.changed_on_the_way()]
    ),
    ("CreateArtifactVersion", "RUN_NOT_FOUND"): lambda s, p: calls.create(s, p, "w", step_run_id=triggers.ABSENT),
    ("CreateArtifactVersion", "SUPERSEDED"): lambda s, p: calls.create(s, p, "w", **run_calls.given_up_attempt(s, p)),
    ("BatchCreateArtifactVersions", "LIMIT_EXCEEDED"): lambda s, p: triggers.batch_create(s, p, 1001, 1),
    ("BatchGetArtifactVersions", "LIMIT_EXCEEDED"): lambda s, p: calls.get_many(s, p, *["weights"] * 1001),
    ("GetArtifactVersion", "ARTIFACT_NOT_FOUND"): lambda s, p: calls.get(s, p, name="absent"),
    ("GetLineage", "ARTIFACT_NOT_FOUND"): triggers.get_lineage_of_an_absent_version,
    ("GetArtifactVersion", "BLOB_CORRUPT"): triggers.get_damaged_bytes,
    ("UpdateArtifactVersion", "ETAG_MISMATCH"): triggers.update_with_a_stale_etag,
    ("DeleteArtifactVersion", "VERSION_IN_USE"): triggers.delete_a_used_version,
    ("PruneArtifactVersions", "ETAG_MISMATCH"): lambda s, p: triggers.send(s, p, "PruneArtifactVersions"),
    ("UploadArtifact", "VERSION_EXISTS"): triggers.upload_a_taken_label,
    ("UploadArtifact", "DIGEST_MISMATCH"): lambda s, p: s.artifacts.UploadArtifact(
        calls.upload_parts(p, "weights", b"x", size=2)
    ),
    ("UploadArtifact", "INVALID_STREAM"): lambda s, p: s.artifacts.UploadArtifact(iter([])),
    ("UploadArtifact", "LIMIT_EXCEEDED"): triggers.upload_a_large_chunk,
    ("UploadArtifact", "REQUEST_ID_REUSED"): triggers.upload_a_reused_id,
    ("UploadArtifact", "RUN_NOT_FOUND"): lambda s, p: triggers.upload(s, p, step_run_id=triggers.ABSENT),
    ("UploadArtifact", "SUPERSEDED"): lambda s, p: triggers.upload(s, p, **run_calls.given_up_attempt(s, p)),
    ("DownloadArtifact", "ARTIFACT_NOT_FOUND"): lambda s, p: calls.download(s, p, name="absent"),
    ("DownloadArtifact", "READ_PAST_END"): triggers.download_past_the_end,
    ("DownloadArtifact", "BLOB_CORRUPT"): triggers.download_damaged_bytes,
    ("FindMissingBlobs", "LIMIT_EXCEEDED"): lambda s, p: calls.missing(s, p, *[calls.digest_of(b"x")] * 16_385),
    ("BatchUploadBlobs", "LIMIT_EXCEEDED"): lambda s, p: triggers.batch_upload(s, p, *[b"x"] * 1001),
    ("BatchReadBlobs", "LIMIT_EXCEEDED"): lambda s, p: triggers.batch_read(s, p, *[calls.digest_of(b"x")] * 1001),
    ("GetUpload", "UPLOAD_NOT_FOUND"): lambda s, p: calls.get_upload(s, p, triggers.ABSENT),
    ("CreateTransferGrants", "LIMIT_EXCEEDED"): lambda s, p: triggers.grant(s, p, *[calls.digest_of(b"x")] * 1001),
    ("CreateTransferGrants", "BLOB_NOT_FOUND"): lambda s, p: triggers.grant(s, p, calls.digest_of(b"absent")),
    ("CreateTransferGrants", "UPLOAD_NOT_FOUND"): lambda s, p: triggers.grant(s, p, upload_id=triggers.ABSENT),
    ("CreateTransferGrants", "ILLEGAL_TRANSITION"): lambda s, p: triggers.grant(
        s, p, upload_id=triggers.committed(s, p)
    ),
    ("CreateTransferGrants", "DIRECT_ACCESS_REFUSED"): lambda s, p: triggers.grant(s, p, token="0" * 64),
    ("CreateTransferGrants", "SIGNED_TRANSFERS_REFUSED"): lambda s, p: s.blobs.CreateTransferGrants(
        grants.CreateTransferGrantsRequest(project=p, method=grants.TRANSFER_METHOD_SIGNED_URL)
    ),
    ("WriteUpload", "SUPERSEDED"): triggers.write_superseded,
    ("WriteUpload", "ILLEGAL_TRANSITION"): triggers.write_to_an_aborted_upload,
    ("WriteUpload", "INVALID_STREAM"): triggers.write_without_open,
    ("WriteUpload", "LIMIT_EXCEEDED"): triggers.write_a_large_chunk,
    ("WriteUpload", "UPLOAD_NOT_FOUND"): lambda s, p: s.blobs.WriteUpload(calls.write_parts(p, triggers.ABSENT, b"x")),
    ("WriteUpload", "WRITE_PAST_END"): triggers.write_from_an_offset,
    ("CommitUpload", "ILLEGAL_TRANSITION"): lambda s, p: calls.commit(s, p, calls.open_upload(s, p).id, b""),
    ("CommitUpload", "DIGEST_MISMATCH"): triggers.commit_other_bytes,
    ("CommitUpload", "BLOB_NOT_FOUND"): triggers.commit_what_was_deleted_since,
    ("AbortUpload", "ILLEGAL_TRANSITION"): lambda s, p: triggers.send(
        s, p, "AbortUpload", upload_id=triggers.committed(s, p)
    ),
    ("ReadBlob", "BLOB_CORRUPT"): triggers.read_damaged_bytes,
    ("ReadBlob", "BLOB_NOT_FOUND"): lambda s, p: calls.read_blob(s, p, calls.digest_of(b"absent")),
    ("ReadBlob", "READ_PAST_END"): lambda s, p: calls.read_blob(s, p, calls.put_blob(s, p, b"x"), 2),
    ("CreateRun", "RUN_EXISTS"): triggers.create_a_taken_run,
    ("ResumeRun", "RUN_EXISTS"): triggers.resume_a_run_whose_name_was_taken,
    ("ExplainCache", "RUN_NOT_FOUND"): triggers.explain_an_absent_run,
    ("StartStep", "ARTIFACT_NOT_FOUND"): triggers.start_with_an_absent_input,
    ("CompleteStep", "VERSION_EXISTS"): triggers.complete_with_a_taken_label,
    ("CompleteStep", "BLOB_MISSING"): triggers.complete_with_absent_bytes,
    ("CompleteStep", "LIMIT_EXCEEDED"): triggers.complete_with_too_much,
    ("CompleteStep", "DIGEST_MISMATCH"): triggers.complete_with_other_bytes,
    ("CompleteStep", "ARTIFACT_NOT_FOUND"): lambda s, p: triggers.complete(
        s, p, triggers.ONE_FILE, loaded=triggers.ABSENT
    ),
    ("GetRun", "RUN_NOT_FOUND"): triggers.get_run,
    ("WatchArtifacts", "CURSOR_EXPIRED"): watch_triggers.watch_from_a_forged_cursor,
    ("WatchRun", "RUN_NOT_FOUND"): watch_triggers.watch_an_absent_run,
    ("AppendStepLogs", "SUPERSEDED"): lambda s, p: log_triggers.append_logs(s, p, token="stale"),
    ("AppendStepLogs", "RUN_NOT_FOUND"): lambda s, p: log_triggers.append_logs(s, p, step_run_id=triggers.ABSENT),
    ("GetStepLogs", "RUN_NOT_FOUND"): lambda s, p: log_triggers.get_logs(s, p, step_run_id=triggers.ABSENT),
    ("GetStepLogs", "CURSOR_EXPIRED"): lambda s, p: log_triggers.get_logs(s, p, position="forged"),
}

INLINE = nouns.NewArtifactFile(path="x", inline_content=bytes(1 << 20))
WHEN_FULL: dict[str, Trigger] = {
    "BatchCreateArtifactVersions": lambda s, p: triggers.batch_create(s, p, 1, 1 << 20),
    "BatchUploadBlobs": lambda s, p: triggers.batch_upload(s, p, bytes(1 << 20)),
    "CreateArtifactVersion": lambda s, p: calls.create(s, p, "weights", bytes(1 << 20)),
    "UploadArtifact": lambda s, p: s.artifacts.UploadArtifact(calls.upload_parts(p, "weights", calls.LARGE)),
    "WriteUpload": lambda s, p: s.blobs.WriteUpload(calls.write_parts(p, calls.open_upload(s, p).id, calls.LARGE)),
    "CompleteStep": lambda s, p: triggers.complete(s, p, INLINE),
    "AppendStepLogs": log_triggers.append_until_full,
}

WHEN_STALLED = ("WatchArtifacts", "WatchRun")
"""What a server alone can refuse: ``test_watch_delivery`` takes nothing from it for long enough."""
WHEN_SIGNED = ("CreateTransferGrants", "CommitUpload")
"""What is SUPERSEDED only where the bytes are in a bucket: ``test_signed_transfers`` has one."""


def listed() -> dict[tuple[str, str], str]:
    """Status code of each (RPC, reason) the contract lists."""
    return {
        (method, reason): code
        for path in PROTOS.glob("*_service.proto")
        for comment, method in RPC.findall(path.read_text())
        for code, reason in LISTED.findall(comment)
    }


CODES = listed()


def test_each_listed_refusal_has_a_trigger_and_each_trigger_is_listed() -> None:
    full = ((method, "STORAGE_FULL") for method in WHEN_FULL)
    stalled = ((method, "WATCH_STALLED") for method in WHEN_STALLED)
    signed = ((method, "SUPERSEDED") for method in WHEN_SIGNED)
    assert {*TRIGGERS, *full, *stalled, *signed} == set(CODES)


@pytest.mark.parametrize(("method", "reason"), sorted(TRIGGERS), ids=lambda part: str(part))
def test_a_listed_refusal_comes_with_its_code_and_reason(
    stubs: Service, project: str, method: str, reason: str
) -> None:
    code = grpc.StatusCode[CODES[method, reason]]
    with calls.expect_refusal(code, reason):
        TRIGGERS[method, reason](stubs, project)


@pytest.fixture
def full_store(small_disk: Path) -> Iterator[Service]:
    """A store on a disk with half a MiB left."""
    with open_channel(small_disk / "home") as channel:
        with (small_disk / "filler").open("wb") as filler:
            free = os.statvfs(small_disk)
            filler.write(bytes(free.f_bavail * free.f_frsize - (1 << 19)))
        yield service_on("embedded", small_disk / "home", channel)


@pytest.mark.parametrize("method", WHEN_FULL)
def test_a_full_disk_is_told_as_listed(full_store: Service, method: str) -> None:
    with calls.expect_refusal(grpc.StatusCode[CODES[method, "STORAGE_FULL"]], "STORAGE_FULL"):
        WHEN_FULL[method](full_store, "default")
