"""Stored bytes change or vanish: whoever reads them is told, nobody gets a wrong value, and ``verify`` names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from grpc import StatusCode

from argosy import Client
from argosy.errors import CorruptDataError
from argosy_server.embedded import open_channel
from tests.api.calls import expect_refusal, read_blob
from tests.api.conftest import Service, service_on
from tests.backends.damage import flip_a_bit
from tests.faults.stand import MEBIBYTE, Stand, array_of, assert_clean, files_of, rows

VALUE, SOUND = array_of(20 * MEBIBYTE, seed=1), array_of(2 * MEBIBYTE, seed=2)


@dataclass
class Store:
    """A store with two values, seen by the SDK and by raw stubs."""

    home: Path
    client: Client
    service: Service

    @property
    def file(self) -> Path:
        """The file of ``VALUE``."""
        [location] = [location for location, size in files_of(self.home).items() if size > VALUE.nbytes]
        return self.home / "blobs" / location

    @property
    def digest(self) -> str:
        """The digest of ``VALUE``."""
        [(digest,)] = rows(self.home, f"SELECT digest FROM blobs WHERE size > {VALUE.nbytes}")
        return str(digest)


@pytest.fixture(params=["server", "direct"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Behind a server, and in this process, which maps the files themselves."""
    if request.param == "server":
        stand = Stand(tmp_path / "data", "--durability=process")
        with stand.direct_channel() as channel:
            yield save_both(Store(stand.data, stand.client(), stand.stubs(channel)))
        stand.close()
        return
    home = tmp_path / "home"
    client = Client(f"embedded://{home}")
    assert client.connection.direct is not None
    with open_channel(home) as channel:
        yield save_both(Store(home, client, service_on("embedded", home, channel)))


def save_both(store: Store) -> Store:
    store.client.save_artifact(VALUE, "weights")
    store.client.save_artifact(SOUND, "sound")
    return store


def flip(path: Path) -> None:
    flip_a_bit(path, 17 * MEBIBYTE)


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(17 * MEBIBYTE)


DAMAGE = pytest.mark.parametrize(
    ("damage", "kind", "code"), [(flip, "corrupt", 11), (cut, "truncated", 12), (Path.unlink, "missing", 13)]
)


@DAMAGE
def test_damage_on_disk_is_told_to_every_reader_and_named_by_verify(
    store: Store, damage: Callable[[Path], None], kind: str, code: int
) -> None:
    digest = store.digest
    damage(store.file)
    with pytest.raises(CorruptDataError, match=r"restore the store from (a|its) backup"):
        store.client.load_artifact("weights")
    with expect_refusal(StatusCode.DATA_LOSS, "BLOB_CORRUPT"):
        read_blob(store.service, "default", digest)
    np.testing.assert_array_equal(store.client.load_artifact("sound"), SOUND)
    assert_clean(store.home, damage=kind, code=code)


def test_damage_far_from_what_is_read_does_not_keep_it_from_being_read(store: Store) -> None:
    flip(store.file)
    assert (
        read_blob(store.service, "default", store.digest, 4 * MEBIBYTE, 16)
        == VALUE[4 * MEBIBYTE - 128 :][:16].tobytes()
    )
    with expect_refusal(StatusCode.DATA_LOSS, "BLOB_CORRUPT"):
        read_blob(store.service, "default", store.digest, 17 * MEBIBYTE - 1, 2)
    assert_clean(store.home, damage="corrupt", code=11)
