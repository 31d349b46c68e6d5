"""A look past the service, and changes behind its back, whatever holds the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, text

from tests.api.conftest import Service


def rows(stubs: Service, statement: str, **values: object) -> list[tuple[Any, ...]]:
    """Return what a statement finds in the database."""
    with _connected(stubs) as connection:
        return [tuple(row) for row in connection.execute(text(statement), values)]


def alter(stubs: Service, statement: str, **values: object) -> None:
    """Change one row of the database, as time or a sweep would."""
    with _connected(stubs) as connection:
        assert connection.execute(text(statement), values).rowcount == 1


def stored(stubs: Service) -> set[str]:
    """Return the location of everything that is stored, unfinished or not."""
    if stubs.bucket is not None:
        return {*stubs.bucket.objects(), *(key for key, _ in stubs.bucket.unfinished())} - {"store-id"}
    folder = stubs.home / "blobs"
    found = (path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    return {path.relative_to(folder).as_posix() for path in found}


def flip_first_bit_of(stubs: Service, content: bytes) -> None:
    """Damage what is stored of this content."""
    damaged = bytes([content[0] ^ 1]) + content[1:]
    if stubs.bucket is None:
        (path,) = (path for name in stored(stubs) if (path := stubs.home / "blobs" / name).read_bytes() == content)
        path.write_bytes(damaged)
        return
    client, bucket = stubs.bucket.client(), stubs.bucket.bucket
    keys = [f"{stubs.bucket.prefix}/{name}" for name in stubs.bucket.objects()]
    (key,) = (key for key in keys if client.get_object(Bucket=bucket, Key=key)["Body"].read() == content)
    client.put_object(Bucket=bucket, Key=key, Body=damaged)


@contextmanager
def _connected(stubs: Service) -> Iterator[Connection]:
    engine = create_engine(stubs.database or f"sqlite:///{stubs.home}/metadata.db", poolclass=NullPool)
    with engine.begin() as connection:
        yield connection
