"""Streams of record batches: format ``parquet``, written as they come and read as they are asked for.

Neither side holds more of them than a row group. A stream can be read once, so a loaded one is a new one each time.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from argosy.errors import MaterializerError
from argosy.materializers.arrow_family.parquet import FILE, read_batches, wanted_schema, write_tables
from argosy.materializers.arrow_family.table import described
from argosy.materializers.base import JSON, BuiltinMaterializer, type_name
from argosy.materializers.loaded_files import fresh_directory
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.parquet_files import IN_MEMORY_BYTES, open_on_disk, opened_parquet, parquet_errors
from argosy.materializers.previews.arrow_tables import StreamHead
from argosy.materializers.streams import copied

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

_BATCH_BYTES = 4 << 20
"""About so much of a large stream is read at a time."""

_heads: weakref.WeakKeyDictionary[Any, StreamHead] = weakref.WeakKeyDictionary()
"""What is shown of streams that were saved, seen as they went by."""
_taken: weakref.WeakSet[Any] = weakref.WeakSet()
"""Streams that were saved, or begun to be: what they had is gone, and an empty stream must not stand for it."""


class StreamMaterializer(BuiltinMaterializer[Any]):
    """Keeps a ``RecordBatchReader``, or what a generator of record batches yields; both come back as a reader."""

    id = "argosy.arrow_stream"
    types = (pa.RecordBatchReader, types.GeneratorType)
    format = "parquet"

    def save(self, value: Any, files: FileSink) -> None:
        """Read the stream to its end and write it.

        Raises:
            CannotKeepError: it is a generator of something else.
            MaterializerError: it fails before its end, is of several schemas, was saved before, or parquet cannot keep
                its types.
        """
        if value in _taken:
            raise MaterializerError(
                f"this {type_name(type(value))} was read when it was saved before, and nothing of it is left; make a "
                "new one, or load what was saved"
            )
        _taken.add(value)
        schema, batches = _opened(value)
        try:
            head = _heads[value] = StreamHead(schema)
            write_tables(schema, _tables(schema, batches, head), files, on_disk=True)
        except CannotKeepError as error:  # no other materializer could read it again
            raise MaterializerError(f"the stream cannot be kept: {error}") from error

    def load(self, files: FileSource, as_type: type[Any] | None) -> pa.RecordBatchReader:
        """Return a reader of the stored batches, all of which are here, and verified, before the first is read.

        Raises:
            MaterializerError: the file is malformed.
        """
        if files.size(FILE) <= IN_MEMORY_BYTES:
            with opened_parquet(files, FILE) as file:
                schema = wanted_schema(file)
                batches: Iterator[Any] = iter(list(read_batches(file, schema)))
        else:
            local = copied(files, FILE, fresh_directory())
            try:
                with parquet_errors(FILE):
                    file = open_on_disk(local)
                    schema = wanted_schema(file)
            finally:
                local.unlink()  # it lives as long as somebody has it open
            batches = read_batches(file, schema, _BATCH_BYTES)
        return pa.RecordBatchReader.from_batches(schema, batches)

    def extract_metadata(self, value: Any) -> dict[str, JSON]:
        """Return the columns of a reader; how many rows it had, nobody counted."""
        return described(value.schema) if isinstance(value, pa.RecordBatchReader) else {}

    def visualize(self, value: Any) -> dict[str, bytes]:
        """Return the first rows of a stream that was saved, and how many it had, as a page."""
        head = _heads.get(value)
        return {"head.html": head.as_html()} if head is not None else {}


def _opened(value: Any) -> tuple[pa.Schema, Iterator[Any]]:
    """Return the schema of a stream and what it yields; that of a generator is known by its first batch."""
    if isinstance(value, pa.RecordBatchReader):
        return value.schema, _told(iter(value))
    source = _told(value)
    first = next(source, None)
    if first is None:
        raise MaterializerError(
            "a generator that yields nothing has no schema; save a reader, which has one: "
            "pyarrow.RecordBatchReader.from_batches(schema, batches)"
        )
    if not isinstance(first, pa.RecordBatch):
        raise CannotKeepError(
            f"of generators those of pyarrow.RecordBatch are kept, and this one yielded a {type_name(type(first))}, "
            "which is taken from it"
        )
    return first.schema, chain([first], source)


def _told(batches: Iterator[Any]) -> Iterator[Any]:
    """Yield what a stream yields; its own errors tell how far it came."""
    number = 0
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except Exception as error:  # the user's code
            raise MaterializerError(
                f"the stream failed after {number} batches, so nothing of it is kept: {type(error).__name__}: {error}"
            ) from error
        number += 1
        yield batch


def _tables(schema: pa.Schema, batches: Iterator[Any], head: StreamHead) -> Iterator[pa.Table]:
    for number, batch in enumerate(batches):
        if not isinstance(batch, pa.RecordBatch) or not batch.schema.equals(schema):
            what = batch.schema.to_string() if isinstance(batch, pa.RecordBatch) else type_name(type(batch))
            raise MaterializerError(
                f"batch {number} of the stream is not of the schema of the first, so nothing of it is kept: {what}"
            )
        head.see(batch)
        yield pa.Table.from_batches([batch], schema=schema)
