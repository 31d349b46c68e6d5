"""The databases and object stores of the tests, for benches: what is not installed is an error like any other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.backends import object_store
from tests.backends.object_store import Kind, ObjectStore
from tests.backends.postgres import Cluster


def new_bucket(kind: Kind) -> ObjectStore:
    """Return an empty bucket of a server that ends with this process.

    Raises:
        RuntimeError: the server is not installed; the text tells how to install it.
    """
    with missing_as_error():
        return object_store.new_bucket(kind)


def new_cluster(**settings: str) -> Cluster:
    """Return a PostgreSQL server that runs until it is closed; settings are those of ``postgresql.conf``.

    Raises:
        RuntimeError: PostgreSQL is not installed; the text tells how to install it.
    """
    with missing_as_error():
        return Cluster(**settings)


@contextlib.contextmanager
def missing_as_error() -> Iterator[None]:
    """Raise what tests report as not run.

    Raises:
        RuntimeError: something is not installed.
    """
    try:
        yield
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        raise RuntimeError(str(missing)) from None
