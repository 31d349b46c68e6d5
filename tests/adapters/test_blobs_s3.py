"""The storage of buckets, on each server of the S3 protocol there is."""

from __future__ import annotations

import pytest

from argosy_server.adapters.blobs import open_storage
from argosy_server.usecases.ports import BlobStorage
from tests.backends.object_store import KINDS, Kind, ObjectStore, new_bucket
from tests.contracts.blob_storage import BlobStorageContract, location

__all__ = ["location"]


@pytest.fixture(params=KINDS)
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    kind: Kind = request.param
    store = new_bucket(kind)
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return store


@pytest.fixture
def storage(bucket: ObjectStore) -> BlobStorage:
    return open_storage(bucket.url, durability="full")


class TestS3Storage(BlobStorageContract):
    pass
