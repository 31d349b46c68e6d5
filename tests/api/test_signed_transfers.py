"""URLs of the object store: who gets them, and what they are good for."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode

from argosy.v1 import blob_service_pb2 as blobs
from argosy.v1 import transfer_grants_pb2
from argosy_server.adapters.blobs import open_signed_transfers, open_storage
from tests.api.calls import (
    digest_of,
    expect_refusal,
    get_upload,
    open_upload,
    put_blob,
    read_blob,
)
from tests.api.conftest import service_on
from tests.api.server_process import ServerProcess
from tests.api.signed_calls import (
    CHECKED,
    CONTENT,
    PART,
    SignedService,
    ask,
    ask_to_read,
    commit_request,
    described,
    fetched,
    put,
    send,
    stubs,
)
from tests.faults.stand import rows
from tests.waiting import wait_until

__all__ = ["stubs"]


def test_a_server_over_a_bucket_tells_when_and_how_to_pass_it_by(stubs: SignedService) -> None:
    told = stubs.blobs.GetCapabilities(blobs.GetCapabilitiesRequest(project="default")).signed_transfers
    lifetime = told.lifetime.ToTimedelta().total_seconds()
    assert (told.min_bytes, told.part_bytes, told.max_parts, lifetime) == (64 << 20, 16 << 20, 10_000, 900)


def test_small_blobs_have_no_url_and_others_one_each_in_order(stubs: SignedService, project: str) -> None:
    contents = [os.urandom(100_000), b"a row", os.urandom(40_000)]
    digests = [put_blob(stubs, project, content) for content in contents]
    urls = ask_to_read(stubs, project, *digests)
    assert urls[1] == ""
    assert [fetched(stubs, urls[at]) for at in (0, 2)] == [contents[0], contents[2]]


def test_blobs_and_uploads_of_another_project_are_not_found(stubs: SignedService, project: str) -> None:
    digest = put_blob(stubs, project, os.urandom(100_000))
    upload = open_upload(stubs, project)
    with expect_refusal(StatusCode.NOT_FOUND, "BLOB_NOT_FOUND"):
        ask_to_read(stubs, f"{project}-other", digest)
    with expect_refusal(StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND"):
        ask(stubs, f"{project}-other", upload.id)


@CHECKED
def test_the_store_takes_nothing_but_what_was_told(stubs: SignedService, project: str) -> None:
    upload = open_upload(stubs, project)
    good, other = os.urandom(PART), os.urandom(PART)
    granted = ask(stubs, project, upload.id, described(1, good))
    (how,) = granted.write_puts
    assert put(stubs, how, other) == 400
    assert put(stubs, how, other, x_amz_checksum_sha256=b64encode(sha256(other).digest()).decode()) == 403
    assert put(stubs, how, good[:-1], Content_Length=str(PART - 1)) == 403
    assert put(stubs, how, good + b"!", Content_Length=str(PART + 1)) == 403
    assert put(stubs, transfer_grants_pb2.SignedPut(url=how.url, headers={"Content-Length": str(PART)}), good) == 403
    assert ask(stubs, project, upload.id, epoch=granted.write_epoch).kept_parts == []
    assert put(stubs, how, good) == 200
    assert ask(stubs, project, upload.id, epoch=granted.write_epoch).kept_parts == [1]


@CHECKED
def test_a_url_stands_for_one_part_of_one_upload_and_for_writing_only(stubs: SignedService, project: str) -> None:
    part = os.urandom(PART)
    mine, others = (open_upload(stubs, project) for _ in range(2))
    (how,) = ask(stubs, project, mine.id, described(1, part)).write_puts
    (of_another,) = ask(stubs, project, others.id, described(1, part)).write_puts
    path, query = how.url.split("?")
    bent = [
        how.url.replace("partNumber=1", "partNumber=2"),
        f"{of_another.url.split('?')[0]}?{query}",
        f"{path}?{of_another.url.split('?')[1]}",
        how.url.replace("X-Amz-Expires=900", "X-Amz-Expires=86400"),
    ]
    assert [put(stubs, transfer_grants_pb2.SignedPut(url=url, headers=how.headers), part) for url in bent] == [403] * 4
    methods = [stubs.http.request(name, how.url, body=part, headers=dict(how.headers)) for name in ("GET", "DELETE")]
    assert [answer.status for answer in methods] == [403, 403]
    assert put(stubs, how, part) == 200


@CHECKED
def test_a_url_expires(stubs: SignedService, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = os.urandom(100_000)
    digest = put_blob(stubs, project, content)
    store = stubs.store
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    signed = open_signed_transfers(open_storage(store.url, durability="full"), offered=True)
    ((location,),) = rows(stubs.home, f"SELECT location FROM blobs WHERE project = '{project}'")
    assert signed is not None
    url = signed.storage.sign_read(location, timedelta(seconds=1))
    (fresh,) = ask_to_read(stubs, project, digest)
    assert (stubs.http.request("GET", fresh).data, "X-Amz-Expires=900" in fresh) == (content, True)
    wait_until(lambda: stubs.http.request("GET", url).status == 403, "the URL expires")


@pytest.mark.parametrize(
    ("part", "reason", "field"),
    [
        ({"number": 0}, "LIMIT_EXCEEDED", None),
        ({"number": 10_001}, "LIMIT_EXCEEDED", None),
        ({"size_bytes": 0}, "INVALID_FIELD", "write_parts[0].size_bytes"),
        ({"size_bytes": (5 << 30) + 1}, "INVALID_FIELD", "write_parts[0].size_bytes"),
        ({"sha256": b"short"}, "INVALID_FIELD", "write_parts[0].sha256"),
    ],
)
def test_what_is_no_part_is_refused_and_takes_nothing_over(
    stubs: SignedService, project: str, part: dict[str, Any], reason: str, field: str | None
) -> None:
    upload = open_upload(stubs, project)
    wrong = transfer_grants_pb2.UploadPart(**{"number": 1, "size_bytes": 1, "sha256": bytes(32), **part})
    with expect_refusal(StatusCode.INVALID_ARGUMENT, reason) as refused:
        ask(stubs, project, upload.id, wrong)
    assert refused.refusal.fields == [field] * (field is not None)
    assert get_upload(stubs, project, upload.id).epoch == 0


def test_a_part_that_is_named_twice_is_refused_and_takes_nothing_over(stubs: SignedService, project: str) -> None:
    upload = open_upload(stubs, project)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        ask(stubs, project, upload.id, described(1, b"one"), described(2, b"two"), described(1, b"other"))
    assert refused.refusal.fields == ["write_parts[2].number"]
    assert get_upload(stubs, project, upload.id).epoch == 0


def test_parts_without_an_upload_and_methods_of_another_age_are_refused(stubs: SignedService, project: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        ask(stubs, project, "", described(1, b"x"))
    assert refused.refusal.fields == ["write_parts"]
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        stubs.blobs.CreateTransferGrants(
            transfer_grants_pb2.CreateTransferGrantsRequest(project=project, method=7)  # type: ignore[arg-type]  # of another age
        )
    assert refused.refusal.fields == ["method"]


def test_the_server_logs_no_url_and_nothing_one_could_be_made_of(stubs: SignedService, project: str) -> None:
    upload = open_upload(stubs, project)
    send(stubs, project, upload.id, CONTENT)
    stubs.blobs.CommitUpload(commit_request(project, upload.id, CONTENT))
    fetched(stubs, *ask_to_read(stubs, project, digest_of(CONTENT)))
    log = stubs.server.log()
    assert "/argosy.v1.BlobService/CreateTransferGrants" in log
    assert not re.search("X-Amz|AWS4|[Ss]ignature|uploadId", log)


@pytest.mark.parametrize(
    ("options", "environment"), [(["--no-signed-transfers"], {}), ([], {"ARGOSY_SERVER_SIGNED_TRANSFERS": "0"})]
)
def test_a_server_signs_nothing_when_it_is_told_not_to_but_takes_what_another_one_signed(
    stubs: SignedService, project: str, tmp_path: Path, options: list[str], environment: dict[str, str]
) -> None:
    upload = open_upload(stubs, project)
    send(stubs, project, upload.id, CONTENT)
    where = [f"--blobs={stubs.store.url}", f"--database=sqlite:///{stubs.home / 'metadata.db'}", "--durability=process"]
    with (
        ServerProcess(tmp_path / "data", *where, *options, **stubs.store.environment, **environment) as server,
        server.channel() as channel,
    ):
        other = service_on("server", stubs.home, channel)
        told = other.blobs.GetCapabilities(blobs.GetCapabilitiesRequest(project=project))
        assert not told.HasField("signed_transfers")
        with expect_refusal(StatusCode.PERMISSION_DENIED, "SIGNED_TRANSFERS_REFUSED"):
            ask(other, project, upload.id)
        with expect_refusal(StatusCode.PERMISSION_DENIED, "SIGNED_TRANSFERS_REFUSED"):
            ask_to_read(other, project, digest_of(CONTENT))
        other.blobs.CommitUpload(commit_request(project, upload.id, CONTENT))
    assert read_blob(stubs, project, digest_of(CONTENT)) == CONTENT
