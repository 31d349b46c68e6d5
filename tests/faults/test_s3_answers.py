"""An object store in trouble: what passes is tried again, what does not is told, and no wrong byte is given or kept."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from argosy.config import resolve
from argosy_server.adapters.blobs.s3 import bucket as s3_bucket
from argosy_server.adapters.blobs.s3 import writer as s3_writer
from argosy_server.adapters.blobs.s3.storage import S3Storage
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.domain.identifiers import new_id
from tests.adapters.test_blobs_s3 import CONTENT, PART, end_with, write_in_chunks
from tests.backends.bucket import bucket
from tests.backends.object_store import ObjectStore
from tests.contracts.blob_storage import MIB, get, location
from tests.faults.proxy import Proxy
from tests.faults.s3_proxy import Fault, S3Proxy, answers, cuts_after, is_slow, loses_the_answer, resets

__all__ = ["bucket", "location"]

PASSING: dict[str, Fault] = {
    "503": answers(503, "SlowDown"),
    "500": answers(500, "InternalError"),
    "409": answers(409, "OperationAborted"),
    "412": answers(412, "PreconditionFailed"),
    "reset": resets,
    "lost answer": loses_the_answer,
    "slow": is_slow,
}


@pytest.fixture
def proxy(bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Proxy]:
    with S3Proxy(bucket.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture
def storage(
    request: pytest.FixtureRequest, bucket: ObjectStore, proxy: S3Proxy, monkeypatch: pytest.MonkeyPatch
) -> S3Storage:
    """Gives up sooner than a server does where an answer does not come; an answer that does may take its time."""
    if getattr(request.node, "callspec", None) and request.node.callspec.params.get("fault") == "slow":
        monkeypatch.setattr(s3_bucket, "READ_SECONDS", 2.0)
        monkeypatch.setattr(s3_bucket, "JOIN_SECONDS", 3.0)
    return S3Storage(bucket.url, part_bytes=PART)


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize(
    "operation", ["put_object", "create_multipart_upload", "upload_part", "complete_multipart_upload"]
)
def test_what_passes_is_tried_again_and_leaves_nothing_behind(
    bucket: ObjectStore, proxy: S3Proxy, storage: S3Storage, location: str, operation: str, fault: str
) -> None:
    content = CONTENT[: PART - 1] if operation == "put_object" else CONTENT
    proxy.goes_wrong(operation, PASSING[fault])
    write_in_chunks(storage, location, content)
    needed = {"upload_part": 3}.get(operation, 1)
    # An object that was made although the answer was lost is not made again.
    expected = needed if (operation, fault) == ("complete_multipart_upload", "lost answer") else needed + 1
    assert proxy.count(operation) == expected
    assert get(storage, location, 0, len(content)) == content
    assert (bucket.objects(), bucket.unfinished()) == ({location: len(content)}, [])


@pytest.mark.parametrize("fault", [name for name in PASSING if name != "lost answer"])
@pytest.mark.parametrize("operation", ["get_object", "head_object", "list_multipart_uploads", "list_objects_v2"])
def test_questions_are_asked_again(
    proxy: S3Proxy, storage: S3Storage, location: str, operation: str, fault: str
) -> None:
    storage.open_writer(location).finish()
    proxy.goes_wrong(operation, PASSING[fault])
    assert storage.owner() is None
    assert storage.size(location) == 0
    assert list(storage.locations()) == [location]


@pytest.mark.parametrize("kept", [0, 1, MIB, MIB + 17])
def test_an_answer_that_ends_too_early_is_noticed_and_only_the_rest_is_asked_for(
    proxy: S3Proxy, storage: S3Storage, location: str, kept: int
) -> None:
    write_in_chunks(storage, location, CONTENT)
    start, stop = 5, len(CONTENT) - 3
    proxy.goes_wrong("get_object", cuts_after(kept))
    assert get(storage, location, start, stop) == CONTENT[start:stop]
    asked = [request.headers["range"] for request in proxy.seen if request.operation == "get_object"]
    assert asked[0] == f"bytes={start}-{stop - 1}"
    rest = re.fullmatch(rf"bytes=(\d+)-{stop - 1}", asked[1])
    assert rest is not None
    assert start + kept - MIB < int(rest[1]) <= start + kept
    assert len(asked) == 2


def test_no_more_is_read_than_was_asked_for(proxy: S3Proxy, storage: S3Storage, location: str) -> None:
    write_in_chunks(storage, location, CONTENT)
    assert get(storage, location, 7, 3 * MIB) == CONTENT[7 : 3 * MIB]
    assert [request.headers["range"] for request in proxy.seen if request.operation == "get_object"] == [
        f"bytes=7-{3 * MIB - 1}"
    ]


def test_answers_that_always_end_too_early_are_told_at_last(proxy: S3Proxy, storage: S3Storage, location: str) -> None:
    write_in_chunks(storage, location, CONTENT)
    storage.bucket.patience = 1.0
    proxy.goes_wrong("get_object", cuts_after(0), times=1000)
    with pytest.raises(StorageUnavailable, match="answers end before they are complete"):
        get(storage, location, 0, len(CONTENT))


def test_a_store_that_stays_in_trouble_is_told_and_what_was_sent_is_kept(
    bucket: ObjectStore, proxy: S3Proxy, storage: S3Storage, location: str
) -> None:
    writer = storage.open_writer(location)
    writer.write(CONTENT[: PART + 1])
    while writer.mark() < PART:
        pass
    storage.bucket.patience = 0.5
    proxy.goes_wrong("*", answers(503, "SlowDown"), times=1000)
    with pytest.raises(StorageUnavailable, match="it asks for fewer requests; try again later"):
        end_with(writer, CONTENT[PART + 1 :])
    assert writer.salvage() == PART
    proxy.goes_well()
    later = storage.resume_writer(location, PART)
    assert later is not None
    assert later.known == PART
    end_with(later, CONTENT[PART:])
    assert get(storage, location, 0, len(CONTENT)) == CONTENT
    assert bucket.unfinished() == []


@pytest.mark.parametrize(
    "operation", ["put_object", "create_multipart_upload", "upload_part", "complete_multipart_upload"]
)
def test_a_condition_that_never_holds_although_none_was_made_is_told_with_the_store(
    proxy: S3Proxy, storage: S3Storage, location: str, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.bucket.patience = 0.5
    monkeypatch.setattr(s3_writer, "JOIN_SECONDS", 0.5)
    proxy.goes_wrong(operation, answers(412, "PreconditionFailed"), times=1000)
    with pytest.raises(StorageUnavailable, match=r"PreconditionFailed.*try again, and look at the store") as caught:
        write_in_chunks(storage, location, CONTENT[: PART - 1] if operation == "put_object" else CONTENT)
    assert storage.bucket.url in str(caught.value)


def test_a_store_that_takes_no_connection_is_given_up_sooner_than_one_in_trouble(
    bucket: ObjectStore, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_bucket, "NOBODY_SECONDS", 0.5)
    with Proxy(bucket.port) as way:
        monkeypatch.setenv("AWS_ENDPOINT_URL", way.address.replace("grpc:", "http:"))
        storage = S3Storage(bucket.url)
        storage.bucket.patience = 3600.0
        way.refuse()
        way.cut()
        with pytest.raises(StorageUnavailable, match="nothing answers at its address"):
            storage.size(location)


@pytest.mark.parametrize("operation", ["put_object", "create_multipart_upload"])
@pytest.mark.parametrize("code", ["NoSuchKey", "404"])
def test_a_store_that_misses_what_is_only_about_to_be_written_is_told_with_the_store(
    proxy: S3Proxy, storage: S3Storage, location: str, operation: str, code: str
) -> None:
    proxy.goes_wrong(operation, answers(404, code))
    with pytest.raises(
        StorageUnavailable, match=rf"\({code}\): in trouble; try again, and look at the store"
    ) as caught:
        write_in_chunks(storage, location, CONTENT[: PART - 1] if operation == "put_object" else CONTENT)
    assert storage.bucket.url in str(caught.value)


def test_a_store_that_knows_no_conditions_is_claimed_all_the_same(proxy: S3Proxy, storage: S3Storage) -> None:
    store_id = new_id()
    proxy.goes_wrong("put_object", answers(501, "NotImplemented"))
    assert storage.claim(store_id) == store_id
    [_, last] = [request for request in proxy.seen if request.operation == "put_object"]
    assert "if-none-match" not in last.headers


def test_a_store_whose_condition_says_that_somebody_was_first_is_asked_who(
    bucket: ObjectStore, proxy: S3Proxy, storage: S3Storage
) -> None:
    first = new_id()

    def somebody_is_first(handler: object, request: object) -> None:
        key = f"{bucket.prefix}/store-id"
        bucket.client().put_object(Bucket=bucket.bucket, Key=key, Body=first.encode())
        answers(412, "PreconditionFailed")(handler, request)  # type: ignore[arg-type]  # what the proxy gives

    proxy.goes_wrong("put_object", somebody_is_first)
    assert storage.claim(new_id()) == first


def test_a_claim_whose_answer_was_lost_is_ours(proxy: S3Proxy, storage: S3Storage) -> None:
    store_id = new_id()
    proxy.goes_wrong("put_object", loses_the_answer)
    assert storage.claim(store_id) == store_id


def test_a_store_that_gives_no_ranges_is_refused(
    bucket: ObjectStore, storage: S3Storage, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_in_chunks(storage, location, CONTENT)
    once = storage.bucket.once
    monkeypatch.setattr(
        storage.bucket,
        "once",
        lambda call, **facts: once(call, **{name: fact for name, fact in facts.items() if name != "Range"}),
    )
    with pytest.raises(StorageUnavailable, match="does not give ranges of objects"):
        get(storage, location, 1, 2)


def test_the_server_gives_up_before_its_clients_do() -> None:
    client = resolve()
    slowest = s3_bucket.PATIENCE_SECONDS + s3_bucket.CONNECT_SECONDS + s3_bucket.READ_SECONDS
    assert slowest < client.unary_deadline
    assert client.idle_timeout > s3_bucket.JOIN_SECONDS + s3_bucket.CONNECT_SECONDS
