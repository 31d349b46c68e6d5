from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry  # what is registered in public stays for the other tests

from argosy_server.adapters.blobs import Durability, open_storage
from argosy_server.adapters.blobs.fsspec_storage import FsspecStorage
from argosy_server.domain.errors import StorageFull, StorageUnavailable
from argosy_server.domain.identifiers import new_id
from argosy_server.usecases.ports import BlobStorage
from tests.contracts.blob_storage import BlobStorageContract, location, names, put

__all__ = ["location"]


@pytest.fixture(params=["file", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStorage]:
    if request.param == "file":
        yield FsspecStorage((tmp_path / "blobs").as_uri())
        return
    root = f"/{new_id()}"
    yield open_storage(f"memory:/{root}/blobs", durability="full")
    fsspec.filesystem("memory").rm(root, recursive=True)


class TestFsspecStorage(BlobStorageContract):
    pass


def test_two_storages_on_one_store_do_not_see_each_other() -> None:
    base = f"memory://{new_id()}"
    first, second = FsspecStorage(f"{base}/first"), FsspecStorage(f"{base}/second")
    put(first, "aa/one", b"1")
    assert (names(first), names(second)) == (["aa/one"], [])
    fsspec.filesystem("memory").rm(base, recursive=True)


@pytest.mark.parametrize("url", ["nothing://bucket/prefix", "nothing+else://x"])
def test_an_unknown_scheme_is_refused_by_its_url(url: str) -> None:
    with pytest.raises(ValueError, match="write a folder or an fsspec URL") as caught:
        open_storage(url, durability="full")
    assert str(caught.value).startswith(f"{url} is no URL of a storage")


@pytest.mark.parametrize(
    ("failure", "refusal", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), StorageFull, "reading still works"),
        (PermissionError(errno.EACCES, "Forbidden"), StorageUnavailable, "change its owner or mode"),
        (ConnectionError("refused"), StorageUnavailable, "try again"),
        (RuntimeError("the store's own error"), StorageUnavailable, "the store's own error"),
    ],
)
def test_whatever_a_store_raises_is_a_refusal_with_a_cure(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, refusal: type[Exception], words: str
) -> None:
    storage = FsspecStorage(f"memory://{new_id()}")

    def fail(*_: Any, **__: Any) -> None:
        raise failure

    monkeypatch.setattr(fsspec.filesystem("memory"), "open", fail)
    with pytest.raises(refusal, match=words):
        storage.open_writer("one")
    with pytest.raises(refusal, match=words):
        list(storage.read("one", 0, 1))


def test_a_folder_loads_no_fsspec(tmp_path: Path) -> None:
    code = (
        "import sys; from argosy_server.adapters.blobs import open_storage; "
        f"open_storage({str(tmp_path)!r}, durability='full'); print('fsspec' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("s3:/bucket/prefix", "s3://bucket/prefix"),
        ("S3:bucket", "s3://bucket"),
        ("gs:/bucket", "gs://bucket"),
        ("file:/srv/blobs", "file:///srv/blobs"),
        ("memory:/x", "memory://x"),
    ],
)
def test_a_url_without_its_slashes_is_no_folder_of_that_name(
    text: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"{text} is no URL of a storage; write {meant}, or ./{text} for a folder"):
        open_storage(text, durability="full")
    assert list(tmp_path.iterdir()) == []
    open_storage(f"./{text}", durability="full")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://127.0.0.1:1/blobs", "cannot be reached (Connection refused): try again, and look at"),
        ("ftp://nowhere.invalid/blobs", "cannot be reached ("),
    ],
    ids=["closed port", "no host"],
)
def test_a_store_that_is_asked_as_soon_as_it_is_named_is_refused_with_its_name(url: str, words: str) -> None:
    with pytest.raises(StorageUnavailable) as caught:
        open_storage(url, durability="full")
    assert f"blobs in {url} {words}" in str(caught.value)


SECRET_URL = "ftp://admin:hunter2@127.0.0.1:1/blobs"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (SECRET_URL, "blobs in ftp://…@127.0.0.1:1/blobs cannot be reached (Connection refused)"),
        (SECRET_URL.replace("hunter2", "hunter/2"), "ftp://…@127.0.0.1:1/blobs"),
        (SECRET_URL.replace("ftp", "nothing"), "nothing://…@127.0.0.1:1/blobs is no URL of a storage: ValueError"),
        ("nothing://bucket?sig=hunter2", "nothing://bucket?… is no URL of a storage: ValueError"),
        ("nothing::" + SECRET_URL, "nothing:…@127.0.0.1:1/blobs"),
        ("ftp:/admin:hunter2@127.0.0.1", "write ftp://…@127.0.0.1, or"),
        ("s3://bucket?x=hunter2", "s3://bucket?… is no URL of a bucket"),
    ],
    ids=["refused", "slash", "scheme", "query", "chain", "folder", "bucket"],
)
def test_no_message_repeats_a_secret_of_a_url(url: str, words: str) -> None:
    with pytest.raises((ValueError, StorageUnavailable)) as caught:
        open_storage(url, durability="full")
    assert words in str(caught.value)
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    "failure", [OSError("530 hunter2 is wrong"), RuntimeError("530 hunter2 is wrong")], ids=["system", "library"]
)
def test_what_a_library_says_is_not_repeated_where_its_url_has_a_secret(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: Exception
) -> None:
    storage = FsspecStorage(f"memory://admin:hunter2@{new_id()}")

    def fail(*_: Any, **__: Any) -> None:
        raise failure

    for name in ("open", "cat_file"):
        monkeypatch.setattr(fsspec.filesystem("memory"), name, fail)
    for ask in (lambda: list(storage.read("one", 0, 1)), storage.owner):
        with pytest.raises(
            StorageUnavailable, match=rf"memory://…@.* cannot be reached \({type(failure).__name__}\)"
        ) as caught:
            ask()
        assert "hunter" not in str(caught.value)


class Buckets(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Makes a bucket of whatever folder is made, as the libraries of object stores do."""

    protocol = "gs"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("gs://")))


@pytest.mark.parametrize("create", [True, False])
def test_a_bucket_is_never_made_of_a_name_that_is_misspelt(monkeypatch: pytest.MonkeyPatch, create: bool) -> None:
    monkeypatch.setitem(_registry, "gs", Buckets)
    with pytest.raises(StorageUnavailable, match=r"^there is no bucket misspelt; create it, or correct the URL gs://"):
        open_storage("gs://misspelt/prefix", durability="full", create=create)
    assert not Buckets().exists("misspelt")


def test_a_bucket_that_is_there_is_used_without_making_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_registry, "gs", Buckets)
    buckets = Buckets()
    buckets.mkdir("mine")
    storage = open_storage("gs://mine/some/prefix", durability="full")
    monkeypatch.setattr(buckets, "makedirs", None)
    put(storage, "aa/one", b"1")
    assert names(storage) == ["aa/one"]
    buckets.rm("mine", recursive=True)


@pytest.mark.parametrize(("durability", "warned"), [("full", True), ("process", False)])
def test_bytes_in_memory_are_warned_of_where_they_shall_last(
    durability: Durability, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    open_storage(f"memory://{new_id()}", durability=durability)
    assert ("are in memory only, and are gone when this process ends" in caplog.text) == warned


def test_a_store_that_must_be_there_is_not_created_and_has_nothing(tmp_path: Path) -> None:
    storage = FsspecStorage((tmp_path / "blobs").as_uri(), create=False)
    assert (names(storage), storage.size("ab/one")) == ([], None)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_keeps_no_times_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = FsspecStorage(f"memory://{new_id()}")
    put(storage, "ab/one", b"1")

    def refuse(*_: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr(fsspec.filesystem("memory"), "modified", refuse)
    with pytest.raises(StorageUnavailable, match="does not tell when bytes were written; clean it without a grace"):
        storage.modified_at("ab/one")
