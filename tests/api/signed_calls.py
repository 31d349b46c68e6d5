"""A server whose bytes are in a bucket, and short ways to say what its clients do past it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
import urllib3

from argosy.v1 import blob_service_pb2 as blobs
from argosy.v1 import transfer_grants_pb2
from tests.api.calls import digest_of, new_request_id
from tests.api.conftest import Service, service_on
from tests.api.server_process import ServerProcess
from tests.backends.object_store import KINDS, ObjectStore, new_bucket

PART = 5 << 20
CONTENT = os.urandom(2 * PART + 1000)
"""Two parts of the least size, and a shorter one."""
CHECKED = pytest.mark.parametrize("stubs", ["versitygw"], indirect=True)
"""Only where signatures and checksums are really checked: moto believes all of them."""
SIGNED_URL = transfer_grants_pb2.TRANSFER_METHOD_SIGNED_URL


@dataclass
class SignedService(Service):
    """A service whose bytes are in a bucket."""

    store: ObjectStore
    server: ServerProcess
    http: urllib3.PoolManager


@contextmanager
def signed_service(store: ObjectStore, home: Path, **settings: str) -> Iterator[SignedService]:
    """A server over a bucket, with further settings in its environment."""
    options = (f"--blobs={store.url}", "--durability=process", "--log-level=debug", "--sweep-interval=0")
    with (
        ServerProcess(home, *options, **{**store.environment, **settings}) as server,
        server.channel() as channel,
        urllib3.PoolManager(retries=False, timeout=60) as http,
    ):
        service = service_on("server", home, channel)
        yield SignedService(**vars(service), store=store, server=server, http=http)


@pytest.fixture(scope="module", params=KINDS)
def stubs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedService]:
    """A server over a bucket of each kind."""
    with signed_service(new_bucket(request.param), tmp_path_factory.mktemp("signed") / "data") as service:
        yield service


def parts_of(content: bytes, size: int = PART) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


def described(number: int, part: bytes) -> transfer_grants_pb2.UploadPart:
    return transfer_grants_pb2.UploadPart(number=number, size_bytes=len(part), sha256=sha256(part).digest())


def ask(
    stubs: Service, project: str, upload_id: str, *parts: transfer_grants_pb2.UploadPart, epoch: int = 0
) -> transfer_grants_pb2.CreateTransferGrantsResponse:
    request = transfer_grants_pb2.CreateTransferGrantsRequest(
        project=project, method=SIGNED_URL, write_upload_id=upload_id, write_epoch=epoch, write_parts=parts
    )
    return stubs.blobs.CreateTransferGrants(request)


def ask_to_read(stubs: Service, project: str, *digests: str) -> list[str]:
    request = transfer_grants_pb2.CreateTransferGrantsRequest(project=project, method=SIGNED_URL, read_digests=digests)
    return list(stubs.blobs.CreateTransferGrants(request).read_urls)


def put(stubs: SignedService, how: transfer_grants_pb2.SignedPut, part: bytes, **headers: str) -> int:
    """Send a part as one is told to, but for ``headers``; return the status of the answer."""
    sent = {**how.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return stubs.http.request("PUT", how.url, body=part, headers=sent).status


def send(stubs: SignedService, project: str, upload_id: str, content: bytes) -> int:
    """Send all parts; return the epoch."""
    parts = parts_of(content)
    asked = [described(number, part) for number, part in enumerate(parts, 1)]
    granted = ask(stubs, project, upload_id, *asked)
    statuses = [put(stubs, how, part) for how, part in zip(granted.write_puts, parts, strict=True)]
    assert statuses == [200] * len(parts)
    return granted.write_epoch


def commit_request(
    project: str, upload_id: str, content: bytes, *, checksums: bytes = b""
) -> blobs.CommitUploadRequest:
    return blobs.CommitUploadRequest(
        project=project,
        request_id=new_request_id(),
        upload_id=upload_id,
        digest=digest_of(content),
        size_bytes=len(content),
        piece_checksums=checksums,
    )


def fetched(stubs: SignedService, url: str, **headers: str) -> bytes:
    answer = stubs.http.request("GET", url, headers=headers)
    assert answer.status in (200, 206), answer.data
    return answer.data
