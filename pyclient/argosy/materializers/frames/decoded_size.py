"""How much memory the values of a parquet file take, of which a file of some kilobytes may hold gigabytes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_PER_VALUE = 16
"""Bytes of a number, or of where a text lies."""
_TEXTS = "BYTE_ARRAY"


def takes_more_than(file: pa.Buffer, most: int) -> bool:
    """Tell whether the values of a parquet file take more than ``most`` bytes, without making them.

    A text that is repeated is written once, and read as often as it is repeated: texts are looked at as a dictionary.

    Raises:
        pa.ArrowException: it is not parquet.
    """
    source = pq.ParquetFile(pa.BufferReader(file))
    chunks = _chunks(source.metadata)
    taken = sum(chunk.num_values * _PER_VALUE + chunk.total_uncompressed_size for chunk in chunks)
    if taken > most:
        return True
    texts = {chunk.path_in_schema for chunk in chunks if chunk.physical_type == _TEXTS}
    columns = {name for name in source.schema_arrow.names if name in texts}
    nested = [chunk for chunk in chunks if chunk.path_in_schema in texts - columns]
    # In lists and structures there is no dictionary to be had: each text might be as long as all of them.
    taken += sum(chunk.num_values * chunk.total_uncompressed_size for chunk in nested)
    if taken + sum(_most_text_bytes(part) for name in columns for part in _dictionaries(file, name)) <= most:
        return False
    return bool(taken + sum(_text_bytes(part) for name in columns for part in _dictionaries(file, name)) > most)


def _chunks(metadata: Any) -> list[Any]:
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    return [group.column(place) for group in groups for place in range(group.num_columns)]


def _dictionaries(file: pa.Buffer, name: str) -> list[Any]:
    column = pq.ParquetFile(pa.BufferReader(file), read_dictionary=[name]).read(columns=[name]).column(0)
    return [part for part in column.chunks if pa.types.is_dictionary(part.type)]


def _most_text_bytes(part: Any) -> int:
    return len(part) * int(part.dictionary.nbytes)


def _text_bytes(part: Any) -> int:
    import pyarrow.compute as pc  # to import it takes longer than all else that is done here with a small file

    return pc.sum(pc.take(pc.binary_length(part.dictionary), part.indices)).as_py() or 0
