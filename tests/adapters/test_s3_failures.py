"""What is wrong with a bucket, or the way to it, is told when it is opened, with the cure and without secrets."""

from __future__ import annotations

import datetime
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import botocore.auth
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    SSLError,
)

from argosy_server.adapters.blobs import open_storage
from argosy_server.adapters.blobs.fsspec_storage import FsspecStorage
from argosy_server.adapters.blobs.s3 import storage as s3_storage
from argosy_server.adapters.blobs.s3.bucket import Bucket
from argosy_server.adapters.blobs.s3.failures import is_transient, refusal
from argosy_server.adapters.blobs.s3.storage import S3Storage
from argosy_server.domain.errors import DomainError, StorageFull, StorageUnavailable
from tests.backends.bucket import lead_to
from tests.backends.object_store import ACCESS_KEY, SECRET_KEY, ObjectStore, new_bucket
from tests.contracts.blob_storage import put

WRONG_SECRET = "not-the-secret-of-anybody"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """One of a server that checks what it is sent."""
    return lead_to(new_bucket("versitygw"), monkeypatch)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for what will not come."""
    monkeypatch.setattr(s3_storage, "START_SECONDS", 0.0)


def refused(url: str) -> str:
    with pytest.raises(StorageUnavailable) as caught:
        open_storage(url, durability="full")
    return str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"AWS_SECRET_ACCESS_KEY": WRONG_SECRET}, "the secret key is wrong; correct AWS_ACCESS_KEY_ID and AWS_SECRET"),
        ({"AWS_ACCESS_KEY_ID": "NOBODYSKEY"}, "it does not know the access key; correct AWS_ACCESS_KEY_ID"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no credentials were found; set AWS_ACCESS_KEY_ID"),
        ({"AWS_PROFILE": "nobody"}, "The config profile (nobody) could not be found; correct the AWS settings"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "nothing answers at its address; look at AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "http://nowhere.invalid"}, "nothing answers at its address; look at AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "minio:9000"}, "Invalid endpoint: minio:9000; correct the AWS settings"),
        (
            {"AWS_ENDPOINT_URL": f"http://{ACCESS_KEY}:{SECRET_KEY}@127.0.0.1:9000"},
            "AWS_ENDPOINT_URL holds credentials, which would be logged; take them out",
        ),
    ],
    ids=["secret", "key", "none", "profile", "port", "host", "endpoint", "endpoint with credentials"],
)
@pytest.mark.usefixtures("hasty")
def test_wrong_settings_are_refused_with_the_cure_and_no_secret(
    bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], words: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    told = refused(bucket.url)
    assert words in told
    for secret in (SECRET_KEY, WRONG_SECRET, "Signature=", "X-Amz"):
        assert secret not in told


@pytest.mark.parametrize(
    "url",
    [
        f"s3://{ACCESS_KEY}:{SECRET_KEY}@bucket/prefix",
        f"s3://{ACCESS_KEY}:some/{SECRET_KEY}@bucket",
        f"s3://{SECRET_KEY}@bucket",
        f"s3a://{ACCESS_KEY}:{SECRET_KEY}",
    ],
    ids=["user and password", "password with a slash", "user", "no bucket"],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL") as caught:
        open_storage(url, durability="full")
    assert SECRET_KEY not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///prefix",
        "s3://ab",
        f"s3://{'a' * 64}",
        "s3://Bucket",
        "s3://a_bucket",
        "s3://Bad_Bucket!",
        "s3://bucket-",
        "s3://a..bucket",
        "s3://192.168.1.1",
        "s3://bucket/../x",
        "s3://bucket/a/.",
        "s3://bucket/a?versionId=1",
    ],
)
def test_a_url_that_names_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL of a bucket; write s3://BUCKET or s3://BUCKET/PREFIX"):
        open_storage(url, durability="full")


def test_a_bucket_that_is_not_there_is_refused_and_not_made(bucket: ObjectStore) -> None:
    told = refused(f"s3://{bucket.bucket}-new/prefix")
    assert f"there is no bucket {bucket.bucket}-new; create it, or correct the URL or AWS_ENDPOINT_URL" in told
    assert f"{bucket.bucket}-new" not in {found["Name"] for found in bucket.client().list_buckets()["Buckets"]}


def test_a_clock_that_is_wrong_is_named(bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = botocore.auth.get_current_datetime

    def an_hour_late(*arguments: object, **options: object) -> datetime.datetime:
        now: datetime.datetime = real(*arguments, **options)
        return now - datetime.timedelta(hours=1)

    monkeypatch.setattr(botocore.auth, "get_current_datetime", an_hour_late)
    assert "the clock of this machine differs too much from that of the store; set it" in refused(bucket.url)


def test_credentials_that_are_taken_away_meanwhile_are_named_when_they_are_used(
    bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(bucket.url, durability="full")
    put(storage, "ab/one", b"1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", WRONG_SECRET)
    # The settings are read when a process opens its first connection.
    monkeypatch.setattr(storage.bucket, "_clients", {})  # type: ignore[attr-defined]  # of the storage of buckets
    uses: list[Callable[[], object]] = [
        lambda: put(storage, "ab/two", b"2"),
        lambda: list(storage.read("ab/one", 0, 1)),
        lambda: list(storage.locations()),
        lambda: storage.delete("ab/one"),
    ]
    for use in uses:
        with pytest.raises(StorageUnavailable, match="the secret key is wrong") as caught:
            use()
        assert WRONG_SECRET not in str(caught.value)
    # The answer to HEAD has no room for a reason.
    with pytest.raises(StorageUnavailable, match="these credentials may not do that"):
        storage.size("ab/one")


def test_a_bucket_that_vanished_does_not_make_its_objects_count_as_lost(bucket: ObjectStore) -> None:
    storage = open_storage(bucket.url, durability="full")
    put(storage, "ab/one", b"1")
    client = bucket.client()
    for key in bucket.objects():
        client.delete_object(Bucket=bucket.bucket, Key=f"{bucket.prefix}/{key}")
    client.delete_bucket(Bucket=bucket.bucket)
    uses: list[Callable[[], object]] = [
        lambda: storage.size("ab/one"),
        lambda: list(storage.read("ab/one", 0, 1)),
        lambda: list(storage.locations()),
        lambda: put(storage, "ab/two", b"2"),
    ]
    for use in uses:
        with pytest.raises(StorageUnavailable, match="there is no such bucket; create it, or correct the URL"):
            use()


def answer(code: str, status: int, operation: str = "PutObject", message: str = "") -> ClientError:
    facts = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(facts, operation)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            answer("AccessDenied", 403),
            StorageUnavailable,
            "refuses PutObject (AccessDenied): these credentials may not",
        ),
        (answer("403", 403, "HeadObject"), StorageUnavailable, "refuses HeadObject (403): these credentials may not"),
        (answer("PreconditionFailed", 412), StorageUnavailable, "it says that a condition does not hold"),
        (answer("ExpiredToken", 400), StorageUnavailable, "the session token has expired; get new credentials"),
        (answer("PermanentRedirect", 301), StorageUnavailable, "in another region; set AWS_DEFAULT_REGION"),
        (
            answer("AuthorizationHeaderMalformed", 400),
            StorageUnavailable,
            "the region is wrong; set AWS_DEFAULT_REGION",
        ),
        (answer("QuotaExceeded", 403), StorageFull, "no room left for blobs"),
        (answer("XMinioStorageFull", 507), StorageFull, "no room left for blobs"),
        (answer("NeverHeardOf", 400, message="its own words"), StorageUnavailable, "its own words; try again"),
        (answer("SlowDown", 503), StorageUnavailable, "it asks for fewer requests; try again later"),
        (SSLError(endpoint_url="", error=""), StorageUnavailable, "is not trusted; set AWS_CA_BUNDLE"),
        (ReadTimeoutError(endpoint_url="", error=""), StorageUnavailable, "it answers too slowly"),
        (HTTPClientError(error=""), StorageUnavailable, "the connection broke (HTTPClientError); try again"),
    ],
    ids=lambda value: value.response["Error"]["Code"] if isinstance(value, ClientError) else "",
)
def test_every_answer_is_a_refusal_with_a_cure(error: Exception, kind: type[DomainError], words: str) -> None:
    told = refusal(error, "s3://bucket")
    assert type(told) is kind
    assert words in str(told)
    assert "s3://bucket" in str(told)


def test_only_what_may_pass_is_tried_again() -> None:
    passing: list[Exception] = [answer(code, 409) for code in ("OperationAborted", "ConditionalRequestConflict")]
    passing += [answer(str(status), status) for status in (412, 429, 500, 502, 503, 504)]
    passing += [
        answer("PreconditionFailed", 412),
        answer("SlowDown", 503),
        answer("RequestTimeout", 400),
        answer("BadDigest", 400),
    ]
    passing += [HTTPClientError(error=""), IncompleteReadError(actual_bytes=1, expected_bytes=2)]
    passing += [ReadTimeoutError(endpoint_url="", error=""), EndpointConnectionError(endpoint_url="")]
    lasting = [answer(code, 403) for code in ("AccessDenied", "SignatureDoesNotMatch", "RequestTimeTooSkewed")]
    lasting += [answer("NoSuchKey", 404), answer("InvalidPart", 400)]
    assert [error for error in passing if not is_transient(error)] == []
    assert [error for error in [*lasting, SSLError(endpoint_url="", error="")] if is_transient(error)] == []


def test_what_the_libraries_log_of_signatures_is_not_logged(
    bucket: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        put(open_storage(bucket.url, durability="full"), "ab/one", b"1")
    for secret in (SECRET_KEY, ACCESS_KEY, "Signature", "AWS4-HMAC"):
        assert secret not in caplog.text


@pytest.mark.parametrize("name", ["abc", "my-bucket", "a.b.c", "9" * 63])
def test_what_a_bucket_may_be_called_is_taken(name: str) -> None:
    bucket = Bucket(f"s3://{name}/a..b/c.d")
    assert (bucket.name, bucket.prefix) == (name, "a..b/c.d")


@pytest.mark.parametrize("url", ["gs://", "gs:///prefix", "abfs://@account/x", "abfs://container@", "gs://b/../x"])
def test_a_url_of_another_store_that_names_no_bucket_is_refused_before_its_package_is_asked_for(url: str) -> None:
    with pytest.raises(ValueError, match=r"is no URL of a bucket; write (gs|abfs)://BUCKET"):
        open_storage(url, durability="full")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("abfs://cont@acct.dfs.core.windows.net/x", "abfs://cont@acct.dfs.core.windows.net/x"),
        ("abfs://cont@acct.dfs.core.windows.net/x?sig=hunter2", "abfs://cont@acct.dfs.core.windows.net/x?…"),
        ("abfs://cont:hunter2@acct.dfs.core.windows.net/x", "abfs://…@acct.dfs.core.windows.net/x"),
    ],
)
def test_a_container_is_told_with_the_package_to_install_and_a_secret_is_not(
    url: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "adlfs", None)  # not installed, whatever is
    with pytest.raises(ValueError, match="Install adlfs") as caught:
        open_storage(url, durability="full")
    assert str(caught.value).startswith(f"{told}: ")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["gs", "gcs", "abfs"])
def test_other_stores_go_to_fsspec_and_a_missing_package_is_named(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("gcsfs", "adlfs"):
        monkeypatch.setitem(sys.modules, package, None)  # not installed, whatever is
    with pytest.raises(ValueError, match=f"{scheme}://bucket/prefix: .*(gcsfs|adlfs)"):
        open_storage(f"{scheme}://bucket/prefix", durability="full")


def test_without_its_package_a_bucket_is_refused_with_the_command_that_installs_it() -> None:
    code = (
        "import sys; sys.modules['botocore'] = None; from argosy_server.adapters.blobs import open_storage\n"
        "try: open_storage('s3://bucket', durability='full')\n"
        "except ValueError as error: print(error)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "s3 URLs need the package botocore; pip install 'argosy[s3]'\n"


def test_only_a_bucket_loads_what_it_needs(tmp_path: Path) -> None:
    code = (
        "import sys; from argosy_server.adapters.blobs import open_storage; "
        f"open_storage({str(tmp_path)!r}, durability='full'); print('botocore' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"


def test_a_bucket_is_kept_by_the_storage_of_buckets(bucket: ObjectStore) -> None:
    for scheme in ("s3", "s3a"):
        storage = open_storage(bucket.url.replace("s3", scheme, 1), durability="full")
        assert isinstance(storage, S3Storage)
    assert isinstance(open_storage("memory://x", durability="full"), FsspecStorage)
