"""Streams of record batches: written as they come, all or nothing, and read once."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import argosy
from argosy.errors import MaterializerError
from argosy.sdk.artifacts import load_artifact, save_artifact
from argosy.sdk.client import Client
from tests.unit.materializers.kept import keep, roundtrip
from tests.unit.sdk.conftest import home as home  # each test has a store of its own

SCHEMA = pa.schema({"a": pa.int64()})


def batch(*numbers: int) -> pa.RecordBatch:
    return pa.record_batch({"a": pa.array(numbers, pa.int64())})


def reader(batches: Iterator[pa.RecordBatch]) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(SCHEMA, batches)


def test_a_generator_of_batches_comes_back_as_a_reader_of_the_same_rows() -> None:
    back = roundtrip(batch(number) for number in range(3))
    assert isinstance(back, pa.RecordBatchReader)
    assert back.read_all().to_pydict() == {"a": [0, 1, 2]}


def test_batches_are_asked_for_one_after_the_other_while_they_are_written() -> None:
    held: list[int] = []

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(20):
            yield pa.record_batch({"a": pa.array(range(number, number + 500_000), pa.int64())})
            held.append(pa.total_allocated_bytes())

    before = pa.total_allocated_bytes()
    keep(batches())
    assert max(held) - before < 64 << 20
    assert len(held) == 20


def test_very_many_tiny_batches_become_few_row_groups() -> None:
    kept = keep(batch(number) for number in range(5_000))
    file = pq.ParquetFile(io.BytesIO(kept.files["data.parquet"]))
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (5_000, 1)
    assert kept.load().read_all().column("a").to_pylist() == list(range(5_000))


def test_the_preview_of_a_stream_is_its_first_rows_and_how_many_went_by() -> None:
    saved = save_artifact(reader(batch(*range(number, number + 4)) for number in range(0, 4_000, 4)), "stream")
    page = saved.preview().text
    assert "<strong>4,000 rows \N{MULTIPLICATION SIGN} 1 column</strong>" in page
    assert re.findall(r"<tr><th>(\d+)</th><td>(\d+)</td></tr>", page) == [(str(row), str(row)) for row in range(10)]
    assert load_artifact("stream").read_all().num_rows == 4_000


def fails_half_way() -> Iterator[pa.RecordBatch]:
    yield batch(1)
    yield batch(2)
    raise ConnectionError("the source is gone")


def changes_its_schema() -> Iterator[pa.RecordBatch]:
    yield batch(1)
    yield pa.record_batch({"b": ["x"]})


def yields_something_else_later() -> Iterator[Any]:
    yield batch(1)
    yield {"a": 2}


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (fails_half_way, "failed after 2 batches, so nothing of it is kept: ConnectionError: the source is gone"),
        (lambda: reader(fails_half_way()), "failed after 2 batches, so nothing of it is kept: .*the source is gone"),
        (changes_its_schema, "batch 1 of the stream is not of the schema of the first.*b: string"),
        (yields_something_else_later, "batch 1 of the stream is not of the schema of the first.*builtins:dict"),
        (lambda: (batch(number) for number in range(0)), "a generator that yields nothing has no schema.*from_batches"),
        (lambda: (item for item in (1, 2)), "this one yielded a builtins:int"),
    ],
    ids=["fails", "reader fails", "other schema", "other type", "nothing", "numbers"],
)
def test_a_stream_that_cannot_be_kept_to_its_end_is_an_error_and_nothing_is_stored(make: Any, problem: str) -> None:
    with pytest.raises(MaterializerError, match=problem):
        save_artifact(make(), "stream")
    assert list(Client().list_artifacts()) == []


def test_a_stream_that_was_saved_is_not_taken_for_an_empty_one() -> None:
    stream = reader(batch(number) for number in range(2))
    save_artifact(stream, "stream")
    with pytest.raises(MaterializerError, match="was read when it was saved before, and nothing of it is left"):
        save_artifact(stream, "stream")
    assert load_artifact("stream").read_all().num_rows == 2


def test_a_stored_stream_is_read_anew_each_time_it_is_loaded() -> None:
    save_artifact(reader(batch(number) for number in range(2)), "stream")
    assert [load_artifact("stream").read_all().num_rows for _ in range(2)] == [2, 2]


def test_a_step_hands_a_stream_to_another() -> None:
    @argosy.step
    def produce(count: int) -> pa.RecordBatchReader:
        return reader(batch(number) for number in range(count))

    @argosy.step
    def total(batches: pa.RecordBatchReader) -> int:
        return sum(sum(part.column(0).to_pylist()) for part in batches)

    @argosy.pipeline
    def run() -> None:
        total(produce(4))

    run()
    assert load_artifact("run::total::output") == 6
