"""A fresh bucket as the settings of the process name it: for tests that open a storage themselves."""

from __future__ import annotations

import pytest

from tests.backends.object_store import KINDS, ObjectStore, new_bucket


@pytest.fixture(params=KINDS)
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """One of each kind of server."""
    return lead_to(new_bucket(request.param), monkeypatch)


def lead_to(bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """Let the settings of this process, and of those it starts, lead to a bucket; return it."""
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return bucket
