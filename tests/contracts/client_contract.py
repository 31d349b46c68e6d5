"""What every client promises, whatever store it speaks to. Subclass :class:`ClientContract`; give it a ``place``."""

from __future__ import annotations

import datetime as dt
import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from argosy.aio.loop import endpoint
from argosy.errors import (
    AlreadyExistsError,
    BatchError,
    ConfigurationError,
    CorruptDataError,
    NotFoundError,
    ParameterError,
    PickleRefusedError,
    PreconditionError,
    UnavailableError,
)
from argosy.execution.values.prepared_value import PickleWarning
from argosy.execution.views import transfer_progress
from argosy.transport.upload import signed_upload, upload_session
from tests.backends.damage import flip_a_bit
from tests.backends.object_store import ObjectStore
from tests.contracts.client_kinds import Kind
from tests.faults.stand import MEBIBYTE, array_of, assert_clean, rows
from tests.unit.materializers import samples
from tests.unit.materializers.kept import same
from tests.waiting import PATIENCE, wait_until

LARGE, MAPPED = array_of(64 * MEBIBYTE, seed=7), array_of(20 * MEBIBYTE, seed=6)
"""The first goes past a server that has a bucket; both are mapped where they are loaded from a file."""
MIDDLE = array_of(3 * MEBIBYTE, seed=8)
FRAME = pd.DataFrame({"a": range(1000), "b": [str(number) for number in range(1000)]})
VALUES: dict[str, Any] = {
    "nothing": None,
    "text": "é\x00😀",
    "bytes": b"\x00\xff" * 1000,
    "bytearray": bytearray(b"ab"),
    "document": {"a": [1, 2.5, None], "b": {"c": True}},
    "mixed": [(1, "x"), {2, 3}, {1: "int key"}, dt.datetime(2026, 1, 31, tzinfo=dt.timezone.utc)],
    "enum": samples.Color.BLUE,
    "dataclass": samples.Frozen(samples.Inner("n", (1.0, 2.0)), frozenset({"t"})),
    "pydantic": samples.Root([1, 2]),
    "named tuple": samples.Point(1, 2.0),
    "array": np.arange(12, dtype=np.float32).reshape(3, 4).T,
    "empty array": np.empty((0, 3)),
    "scalar": np.int16(7),
    "array of several MiB": MIDDLE,
    "arrays of several files": {f"layer{number}": np.full(50_000, number, np.float64) for number in range(12)},
    "frame": FRAME,
    "series": pd.Series([1.5, 2.5], name="score"),
}


@dataclass(frozen=True)
class Place:
    """A project of a store that nobody else uses.

    Attributes:
        address: how clients are told of the store.
        data: the folder of everything that is nowhere else.
        project: its name.
        database: URL of the PostgreSQL database, empty for SQLite in the folder.
        bucket: where the bytes are, ``None`` for the folder.
    """

    address: str
    data: Path
    project: str
    database: str = ""
    bucket: ObjectStore | None = None

    def count(self, table: str, condition: str = "true") -> int:
        """Return how many rows of a table the project has, past everything else."""
        of_project = f"SELECT count(*) FROM {table} WHERE project = '{self.project}' AND {condition}"
        [(count,)] = rows(self.data, of_project, self.database)
        return int(count)

    def flip_a_bit_of_the_only_file(self, position: int) -> None:
        """Damage what is stored outside of the database; it must be one file or object."""
        stored = f"SELECT location FROM blobs WHERE project = '{self.project}' AND location <> ''"
        [(location,)] = rows(self.data, stored, self.database)
        if self.bucket is None:
            flip_a_bit(self.data / "blobs" / location, position)
            return
        key = {"Bucket": self.bucket.bucket, "Key": f"{self.bucket.prefix}/{location}"}
        content = bytearray(self.bucket.client().get_object(**key)["Body"].read())
        content[position] ^= 1
        self.bucket.client().put_object(**key, Body=bytes(content))


@dataclass(frozen=True)
class Calls:
    """A client, and the way to call it."""

    kind: Kind
    client: Any

    def __getattr__(self, name: str) -> Any:
        """Return a method of the client that waits for what it brings."""
        return lambda *args, **options: self.kind.do(getattr(self.client, name)(*args, **options))


@pytest.fixture
def store(kind: Kind, place: Place) -> Calls:
    """A client of the store."""
    return Calls(kind, kind.client(place.address, project=place.project))


class ClientContract:
    """Runs with every kind of client on every kind of store."""

    @pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
    def test_a_value_comes_back_equal_and_of_the_same_type(self, store: Calls, value: Any) -> None:
        saved = store.save_artifact(value, "value")
        assert (saved.name, saved.version) == ("value", "1")
        assert is_same(store.load_artifact("value"), value)
        assert is_same(store.kind.do(saved.load()), value)

    def test_a_large_array_comes_back(self, store: Calls) -> None:
        saved = store.save_artifact(LARGE, "weights")
        assert saved.size_bytes > LARGE.nbytes
        np.testing.assert_array_equal(store.load_artifact("weights"), LARGE)

    def test_a_loaded_array_is_the_callers_own(self, store: Calls) -> None:
        store.save_artifact(MAPPED, "weights")
        store.load_artifact("weights")[:] = 0
        np.testing.assert_array_equal(store.load_artifact("weights"), MAPPED)

    def test_a_directory_comes_back_and_can_be_downloaded(self, store: Calls, tmp_path: Path) -> None:
        source = tmp_path / "model"
        (source / "deep").mkdir(parents=True)
        (source / "deep" / "large.bin").write_bytes(MIDDLE.tobytes())
        for number in range(120):
            (source / f"{number}.txt").write_text(str(number) * number)
        saved = store.save_artifact(source, "model")
        loaded = store.load_artifact("model")
        assert contents(loaded) == contents(source)
        store.kind.do(saved.download(tmp_path / "copy"))
        assert contents(tmp_path / "copy") == contents(source)
        with pytest.raises(FileExistsError, match="copy"):
            store.kind.do(saved.download(tmp_path / "copy"))
        store.kind.do(saved.download(tmp_path / "copy", overwrite=True))

    def test_many_values_are_saved_together_each_or_not(self, store: Calls, tmp_path: Path) -> None:
        saved = store.save_artifacts({f"value{number}": number for number in range(30)}, tags=["many"])
        assert [version.name for version in saved] == [f"value{number}" for number in range(30)]
        assert store.kind.do(saved[7].load()) == 7
        source = tmp_path / "changing.bin"
        source.write_bytes(MIDDLE.tobytes())
        with pytest.raises(BatchError) as failure:
            store.save_artifacts({"good": MIDDLE, "bad": source}, on_progress=lambda _: os.truncate(source, 3))
        assert failure.value.refused.keys() == {"bad"}
        np.testing.assert_array_equal(store.kind.do(failure.value.saved["good"].load()), MIDDLE)

    def test_versions_are_numbered_labelled_and_found(self, store: Calls) -> None:
        store.save_artifact("first", "value")
        store.save_artifact("second", "value", version="rc", alias="prod")
        store.save_artifact("third", "value")
        assert store.load_artifact("value") == "third"
        assert store.load_artifact("value", 1) == "first"
        assert store.load_artifact("value", "rc") == "second"
        assert store.load_artifact("value", alias="prod") == "second"
        found = store.get_artifact_version("value", alias="prod")
        assert store.load_artifact(found.id) == "second"
        assert [version.version for version in store.list_artifact_versions("value")] == ["2", "rc", "1"]

    def test_a_label_is_taken_once_and_a_refusal_leaves_nothing(self, store: Calls, place: Place) -> None:
        store.save_artifact(1, "value", version="rc")
        with pytest.raises(AlreadyExistsError, match="rc"):
            store.save_artifact(MIDDLE, "value", version="rc")
        assert store.save_artifact(2, "value").version == "1"
        assert place.count("versions") == 2
        assert_clean(place.data, database=place.database, bucket=place.bucket)
        assert place.count("blobs") == 2, "the bytes of what was refused went once nobody could be about to use them"

    def test_aliases_move_and_go(self, store: Calls) -> None:
        first = store.save_artifact(1, "value", alias="prod")
        store.save_artifact(2, "value")
        assert store.set_alias("prod", "value").version == "2"
        assert store.load_artifact("value", alias="prod") == 2
        assert store.kind.do(first.set_alias("old")).aliases == ("old",)
        store.delete_alias("value", "prod")
        with pytest.raises(NotFoundError, match="prod"):
            store.load_artifact("value", alias="prod")

    def test_tags_metadata_and_description_are_kept_and_changed(self, store: Calls) -> None:
        saved = store.save_artifact([1], "value", tags=["a"], metadata={"rows": 3}, description="few")
        assert (saved.tags, saved.metadata["rows"], saved.description) == (("a",), 3, "few")
        assert store.kind.do(saved.add_tags("b", "c")).tags == ("a", "b", "c")
        # Of a version that changed since it was read, too.
        assert store.kind.do(saved.remove_tags("a")).tags == ("b", "c")
        changed = store.kind.do(saved.update(metadata={"score": 0.5}, description="more"))
        assert (changed.metadata["rows"], changed.metadata["score"], changed.description) == (3, 0.5, "more")
        assert [version.version for version in store.list_artifact_versions(tag="c")] == ["1"]
        assert store.kind.do(saved.update(tags=iter(["x", "y"]))).tags == ("x", "y")
        with pytest.raises(ParameterError, match="is one text"):
            store.kind.do(saved.update(tags="prod", metadata={"score": 1}))

    def test_lists_go_on_over_pages(self, store: Calls) -> None:
        for number in range(55):
            store.save_artifact(number, "value")
        listed = store.list_artifact_versions("value")
        assert [int(version.version) for version in listed] == list(range(55, 0, -1))
        assert [(item.name, item.version_count) for item in store.list_artifacts()] == [("value", 55)]

    def test_a_misspelt_filter_is_answered_with_the_one_that_may_be_meant(self, store: Calls) -> None:
        with pytest.raises(TypeError, match="created_after"):
            store.list_artifact_versions(created_afer=None)

    def test_what_was_deleted_is_gone_and_its_number_stays_taken(self, store: Calls) -> None:
        saved = store.save_artifact(1, "value")
        store.kind.do(saved.delete())
        with pytest.raises(NotFoundError, match=r"deleted|no version"):
            store.kind.do(saved.load())
        assert store.save_artifact(2, "value").version == "2"
        store.delete_artifact_version("value", 2)
        with pytest.raises(ParameterError, match="which version"):
            store.delete_artifact_version("value")

    def test_nothing_of_a_name_is_told_with_the_names_that_are_near(self, store: Calls) -> None:
        store.save_artifact(1, "weights")
        with pytest.raises(NotFoundError, match="weights") as failure:
            store.load_artifact("weigths")
        assert isinstance(failure.value, LookupError)

    @pytest.mark.parametrize(
        ("arguments", "options"),
        [(("",), {}), (("a",), {"version": "1", "alias": "b"}), (("a",), {"rows": 3}), (("a",), {"as_type": 3})],
        ids=["empty name", "version and alias", "rows that are no slice", "type that is none"],
    )
    def test_malformed_arguments_are_refused(
        self, store: Calls, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        store.save_artifact(1, "a", alias="b")
        with pytest.raises(ParameterError):
            store.load_artifact(*arguments, **options)

    def test_a_pickle_is_made_and_loaded_only_where_it_is_allowed(self, store: Calls, place: Place) -> None:
        with pytest.raises(PickleRefusedError):
            store.save_artifact(samples.Opaque(1), "value", allow_pickle=False)
        assert place.count("artifacts") == 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PickleWarning)  # told once in a process
            store.save_artifact(samples.Opaque(2), "value", allow_pickle=True)
        with pytest.raises(PickleRefusedError):
            store.load_artifact("value", allow_pickle=False)
        assert store.load_artifact("value", allow_pickle=True) == samples.Opaque(2)

    def test_parts_of_a_value_are_loaded(self, store: Calls) -> None:
        store.save_artifact(FRAME, "frame")
        store.save_artifact(MIDDLE, "array")
        part = store.load_artifact("frame", columns=["b"], rows=slice(10, 20))
        pd.testing.assert_frame_equal(part, FRAME[["b"]].iloc[10:20])
        np.testing.assert_array_equal(store.load_artifact("array", rows=slice(5, 1000)), MIDDLE[5:1000])

    def test_damaged_bytes_are_no_value_and_saving_again_repairs_them(self, store: Calls, place: Place) -> None:
        store.save_artifact(MAPPED, "weights")
        place.flip_a_bit_of_the_only_file(MAPPED.nbytes // 2)
        with pytest.raises(CorruptDataError):
            store.load_artifact("weights")
        store.save_artifact(MAPPED, "weights")
        np.testing.assert_array_equal(store.load_artifact("weights", 1), MAPPED)

    def test_projects_do_not_see_each_other(self, store: Calls, place: Place) -> None:
        saved = store.save_artifact(MIDDLE, "value")
        elsewhere = replace(place, project=f"{place.project}-other")
        other = Calls(store.kind, store.kind.client(place.address, project=elsewhere.project))
        for name in ("value", saved.id):
            with pytest.raises(NotFoundError):
                other.load_artifact(name)
        assert other.list_artifacts() == []
        assert other.save_artifact(MIDDLE, "value").version == "1"
        assert [of.count("blobs", "size > 1000000") for of in (place, elsewhere)] == [1, 1]

    def test_a_save_given_up_half_way_leaves_nothing(
        self, store: Calls, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.list_artifacts()  # makes the folder
        monkeypatch.setattr(transfer_progress, "_TOLD_EVERY_SECONDS", 0.0)
        # A server that does not hear of it in time ends the upload by its lease.
        for module in (upload_session, signed_upload):
            monkeypatch.setattr(module, "_PATIENCE_SECONDS", PATIENCE)
        monkeypatch.setattr(endpoint, "_TRANSFER_PATIENCE_SECONDS", PATIENCE)
        store.kind.give_up(0.5, lambda tell: store.client.save_artifact(LARGE, "weights", on_progress=tell))
        assert store.list_artifacts() == []
        wait_until(lambda: place.count("uploads", "state = 'open'") == 0, "the upload is given up")
        assert store.save_artifact(1, "weights").version == "1"
        assert_clean(place.data, database=place.database, bucket=place.bucket)

    def test_a_load_that_is_given_up_harms_nobody(self, store: Calls) -> None:
        store.save_artifact(MAPPED, "weights")
        # At its beginning: on the same file system there is nothing between that and the end.
        store.kind.give_up(0.0, lambda tell: store.client.load_artifact("weights", on_progress=tell))
        np.testing.assert_array_equal(store.load_artifact("weights"), MAPPED)

    def test_progress_ends_with_all_bytes(self, store: Calls) -> None:
        told: list[tuple[int, int]] = []
        store.save_artifact(MAPPED, "weights", on_progress=lambda now: told.append((now.done_bytes, now.total_bytes)))
        assert told[0][0] == 0
        assert told[-1][0] == told[-1][1] >= MAPPED.nbytes

    def test_a_file_that_changes_while_it_is_saved_is_not_saved(self, store: Calls, tmp_path: Path) -> None:
        source = tmp_path / "growing.bin"
        source.write_bytes(MAPPED.tobytes())

        def shorten(_: object) -> None:
            with source.open("r+b") as file:
                file.truncate(MEBIBYTE)

        with pytest.raises(CorruptDataError, match="changed while it was s"):
            store.save_artifact(source, "value", on_progress=shorten)
        assert store.list_artifacts() == []

    def test_a_setting_that_is_wrong_is_refused_before_anything_is_sent(self, store: Calls) -> None:
        with pytest.raises(ConfigurationError, match="argument server="):
            store.kind.client("localhost")

    def test_a_store_that_cannot_be_reached_is_told(self, store: Calls) -> None:
        with pytest.raises(UnavailableError, match="start it with `argosy-server serve`"):
            store.kind.do(store.kind.client("grpc://127.0.0.1:1").load_artifact("value"))

    def test_runs_are_found_with_what_their_steps_made(self, store: Calls, place: Place, recorded_run: str) -> None:
        run = store.get_run(recorded_run)
        assert (run.status, list(run.steps)) == ("completed", ["double"])
        made = run.steps["double"].output
        assert store.kind.do(made.load()) == 42
        assert store.kind.do(run.reload()).id == run.id
        assert [store.get_run(given).id for given in (run, run.id, run.name)] == [run.id] * 3
        (listed,) = store.list_runs(status="completed")
        assert listed.id == run.id
        assert list(store.kind.do(listed.reload()).steps) == ["double"]
        assert [(item.name, item.run_count) for item in store.list_pipelines()] == [("doubling", 1)]
        with pytest.raises(PreconditionError):
            store.cancel_run(run.id)
        with pytest.raises(PreconditionError, match="force"):
            store.kind.do(made.delete())


def is_same(left: Any, right: Any) -> bool:
    """Tell whether values are equal and of the same type."""
    if isinstance(left, pd.DataFrame):
        return isinstance(right, pd.DataFrame) and left.equals(right)
    if isinstance(left, pd.Series):
        return isinstance(right, pd.Series) and left.equals(right)
    return same(left, right)


def contents(directory: Path) -> dict[str, bytes]:
    """Return what is below a directory, by path."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


__all__ = ["Calls", "ClientContract", "Place", "contents", "store"]
