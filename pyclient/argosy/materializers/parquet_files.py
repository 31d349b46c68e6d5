"""Parquet between Arrow and the files of a version: written in row groups, read without a second copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from argosy.errors import ArgosyError, MaterializerError
from argosy.materializers.streams import local_copy

if TYPE_CHECKING:
    from argosy.materializers.files import FileSource

METADATA_KEY = b"argosy"
"""Where a file says what value it holds."""
IN_MEMORY_BYTES = 16 << 20
"""A larger file lies on disk, while it is written and while it is read."""
_READ_AHEAD_BYTES = 1 << 20
"""For all columns together, when a file on disk is read."""


@contextmanager
def opened_parquet(files: FileSource, path: str) -> Iterator[Any]:
    """Open a parquet file of a version, a large one on disk, as a ``pyarrow.parquet.ParquetFile``.

    Raises:
        MaterializerError: it is not parquet.
    """
    with ExitStack() as resources:
        if files.size(path) <= IN_MEMORY_BYTES:
            content = files.read(path)
            with parquet_errors(path):
                file = pq.ParquetFile(pa.BufferReader(content), pre_buffer=False)
        else:
            local = resources.enter_context(local_copy(files, path))
            with parquet_errors(path):
                file = open_on_disk(local)
        yield resources.enter_context(file)


@contextmanager
def parquet_errors(path: str) -> Iterator[None]:
    """Raise what Arrow says of a malformed file as what it is.

    Of a page it cannot read it says an ``OSError``, of a name that is no text a ``UnicodeDecodeError``.

    Raises:
        MaterializerError: the file is malformed.
    """
    try:
        yield
    except ArgosyError:  # of a lost store, say, which is an OSError, too
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise MaterializerError(f"{path} cannot be read as parquet: {error}") from error


def open_on_disk(path: Path) -> Any:
    """Open a large parquet file so that reading it takes little more memory than what is read."""
    # Neither mapped, for the pages of a mapping count as memory of this process, nor column by column as a whole,
    # which pyarrow does when it is given no buffer.
    with pq.ParquetFile(path) as file:
        metadata = file.metadata
    buffer = min(1 << 20, max(4096, _READ_AHEAD_BYTES // max(1, metadata.num_columns)))
    return pq.ParquetFile(path, metadata=metadata, pre_buffer=False, buffer_size=buffer)
