"""Damage is repaired by saving the same value again: every version that uses the damaged bytes loads afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from argosy import Client, pipeline, step
from argosy.errors import CorruptDataError
from tests.backends.damage import flip_a_bit
from tests.faults.stand import MEBIBYTE, Stand, array_of, assert_clean, files_of, rows

LARGE, MIDDLE, SMALL = (array_of(size, seed=3) for size in (20 * MEBIBYTE, 100_000, 1000))


@dataclass
class Store:
    """A store as its users see it, and the folder it is in."""

    home: Path
    client: Client

    def path_of(self, value: NDArray[np.uint8]) -> Path:
        """Return the newest file in which a value is kept."""
        [(location,)] = rows(self.home, f"SELECT location FROM blobs WHERE size BETWEEN {span(value)}")
        return self.home / "blobs" / str(location)


def span(value: NDArray[np.uint8]) -> str:
    """Return the sizes the file of a value may have."""
    return f"{value.nbytes} AND {value.nbytes + 4096}"


@pytest.fixture(params=["server", "server with direct access", "embedded"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "embedded":
        yield Store(tmp_path / "home", Client(f"embedded://{tmp_path / 'home'}"))
        return
    options = ["--direct-access"] if "direct" in request.param else []
    stand = Stand(tmp_path / "data", "--durability=process", *options)
    yield Store(stand.data, stand.client())
    stand.close()


def flip_file(store: Store, value: NDArray[np.uint8]) -> None:
    flip_a_bit(store.path_of(value), value.nbytes // 2)


def cut_file(store: Store, value: NDArray[np.uint8]) -> None:
    with store.path_of(value).open("r+b") as file:
        file.truncate(value.nbytes // 2)


def remove_file(store: Store, value: NDArray[np.uint8]) -> None:
    store.path_of(value).unlink()


def flip_row(store: Store, value: NDArray[np.uint8]) -> None:
    [(digest, content)] = rows(
        store.home, f"SELECT digest, hex(content) FROM blob_contents WHERE length(content) BETWEEN {span(value)}"
    )
    flipped = content[:-1] + ("0" if content[-1] != "0" else "1")
    rows(store.home, f"UPDATE blob_contents SET content = x'{flipped}' WHERE digest = '{digest}'")


def remove_row(store: Store, value: NDArray[np.uint8]) -> None:
    rows(store.home, f"DELETE FROM blob_contents WHERE length(content) BETWEEN {span(value)}")


@pytest.mark.parametrize(
    ("value", "damage"),
    [
        (LARGE, flip_file),
        (LARGE, cut_file),
        (LARGE, remove_file),
        (MIDDLE, flip_file),
        (MIDDLE, remove_file),
        (SMALL, flip_row),
        (SMALL, remove_row),
    ],
    ids=["large flipped", "large cut", "large gone", "middle flipped", "middle gone", "row flipped", "row gone"],
)
def test_the_same_value_saved_again_repairs_both_versions(
    store: Store, value: NDArray[np.uint8], damage: Callable[[Store, NDArray[np.uint8]], None]
) -> None:
    client = store.client
    client.save_artifact(value, "weights")
    damage(store, value)
    with pytest.raises(CorruptDataError, match=r"save the( same)? value again"):
        client.load_artifact("weights")

    client.save_artifact(value, "weights")

    for version in (1, 2):
        np.testing.assert_array_equal(client.load_artifact("weights", version), value)
    assert_clean(store.home)


def test_checksums_a_client_wrote_wrong_are_repaired_with_the_bytes(store: Store) -> None:
    client = store.client
    client.save_artifact(LARGE, "weights")
    # As a client in another language might that writes the file itself and counts pieces wrong.
    rows(store.home, f"UPDATE blobs SET pieces = x'{'00' * 48}' WHERE size BETWEEN {span(LARGE)}")
    with pytest.raises(CorruptDataError):
        client.load_artifact("weights", rows=slice(0, 10))  # by way of the store, which holds them against the bytes

    client.save_artifact(LARGE, "weights")

    for version in (1, 2):
        np.testing.assert_array_equal(client.load_artifact("weights", version, rows=slice(0, 10)), LARGE[:10])
        np.testing.assert_array_equal(client.load_artifact("weights", version), LARGE)
    assert_clean(store.home)


@pytest.mark.parametrize("damage", [flip_file, remove_file])
def test_a_step_whose_cached_output_is_damaged_runs_again_and_repairs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Store, NDArray[np.uint8]], None]
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("ARGOSY_HOME", str(home))
    ran = tmp_path / "ran"

    @step
    def make(marker: str) -> NDArray[np.uint8]:
        with Path(marker).open("a") as file:
            file.write("x")
        return array_of(100_000, seed=3)

    @pipeline
    def training() -> None:
        make(str(ran))

    first = training()
    store = Store(home, Client(f"embedded://{home}"))
    damage(store, MIDDLE)
    if damage is flip_file:
        with pytest.raises(CorruptDataError):
            first.steps["make"].output.load()
    second = training()
    np.testing.assert_array_equal(second.steps["make"].output.load(), MIDDLE)
    np.testing.assert_array_equal(first.steps["make"].output.load(), MIDDLE)
    assert ran.read_text() == "xx"
    assert len(files_of(home)) >= 1
