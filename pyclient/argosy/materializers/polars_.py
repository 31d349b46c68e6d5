"""polars DataFrame and Series: format ``parquet``, one file ``data.parquet`` as polars itself writes it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import polars as pl

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer, type_name
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.streams import local_copy

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

FILE = "data.parquet"
_IN_MEMORY_BYTES = 16 << 20
_GROUP_BYTES = 4 << 20
"""Of a row group: polars has several of them in memory at once."""
_MOST_COLUMNS = 100


class PolarsFrameMaterializer(BuiltinMaterializer[Any]):
    """Keeps frames with the names and dtypes of their columns."""

    id = "argosy.polars"
    types = (pl.DataFrame,)
    format = "parquet"

    def save(self, value: Any, files: FileSink) -> None:
        """Write the frame.

        Raises:
            CannotKeepError: parquet cannot keep a column exactly; says which and why.
            MaterializerError: it is a ``LazyFrame``, which holds no data.
        """
        if isinstance(value, pl.LazyFrame):
            raise MaterializerError(
                "a polars LazyFrame is a query that has not run, and what it reads may be gone when it is loaded; save "
                "what it results in: value.collect()"
            )
        _write(value, pl.DataFrame, files)

    def load(self, files: FileSource, as_type: type[Any] | None) -> pl.DataFrame:
        """Read the frame; a parquet file that somebody else wrote is read as polars does it.

        Raises:
            MaterializerError: the file is malformed.
        """
        return _read(files)

    def extract_metadata(self, value: pl.DataFrame) -> dict[str, JSON]:
        """Return rows, columns, bytes and the dtypes of the first 100 columns."""
        dtypes: dict[str, JSON] = {name: str(dtype) for name, dtype in list(value.schema.items())[:_MOST_COLUMNS]}
        rows, columns = value.shape
        return {"rows": rows, "columns": columns, "dtypes": dtypes, "size_bytes": int(value.estimated_size())}

    def visualize(self, value: pl.DataFrame) -> dict[str, bytes]:
        """Return the first rows and a line about each column as a page; of a long frame by a sample."""
        from argosy.materializers.previews.polars_frames import frame_as_html

        return {"head.html": frame_as_html(value)}


class PolarsSeriesMaterializer(BuiltinMaterializer[Any]):
    """Keeps series with name and dtype, as a frame of one column."""

    id = "argosy.polars_series"
    types = (pl.Series,)
    format = "parquet"

    def save(self, value: pl.Series, files: FileSink) -> None:
        """Write the series.

        Raises:
            CannotKeepError: parquet cannot keep it exactly; says why.
        """
        _check(value, pl.Series)
        _write(value.to_frame(), pl.DataFrame, files)

    def load(self, files: FileSource, as_type: type[Any] | None) -> pl.Series:
        """Read the series.

        Raises:
            MaterializerError: the file is malformed, or has several columns.
        """
        frame = _read(files)
        if frame.width != 1:
            raise MaterializerError(f"{FILE} has {frame.width} columns; load it as a DataFrame")
        return frame.to_series()

    def extract_metadata(self, value: pl.Series) -> dict[str, JSON]:
        """Return rows, dtype and bytes."""
        return {"rows": len(value), "dtype": str(value.dtype), "size_bytes": int(value.estimated_size())}

    def visualize(self, value: pl.Series) -> dict[str, bytes]:
        """Return the first rows and how the values are spread as a page; of a long series by a sample."""
        from argosy.materializers.previews.polars_frames import series_as_html

        return {"head.html": series_as_html(value)}


def _check(value: Any, cls: type) -> None:
    if type(value) is not cls:
        raise CannotKeepError(f"{type_name(type(value))} is a subclass of {cls.__name__}, which would not come back")


def _write(frame: pl.DataFrame, cls: type, files: FileSink) -> None:
    _check(frame, cls)
    size = frame.estimated_size()
    local = files.temporary_directory() / FILE if size > _IN_MEMORY_BYTES else None
    target: Any = io.BytesIO() if local is None else local
    rows = max(1, int(_GROUP_BYTES // max(1, size // max(1, frame.height))))
    try:
        frame.write_parquet(target, compression="snappy", row_group_size=rows)
        if local is None:
            target.seek(0)
        written = pl.read_parquet_schema(target)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise CannotKeepError(f"polars cannot write it as parquet: {error}") from error
    _refuse_changes(frame, written)
    if local is None:
        files.write(FILE, target.getbuffer())
    else:
        files.write_file(FILE, local)


def _refuse_changes(frame: pl.DataFrame, written: Any) -> None:
    if frame.height and not frame.width:
        raise CannotKeepError(f"it has {frame.height} rows and no column, which parquet would not bring back")
    for name, dtype in frame.schema.items():
        if written.get(name) != dtype:
            raise CannotKeepError(
                f"column {name!r} of dtype {dtype} would come back as {written.get(name)}; cast it before"
            )


def _read(files: FileSource) -> pl.DataFrame:
    try:
        if files.size(FILE) <= _IN_MEMORY_BYTES:
            return pl.read_parquet(io.BytesIO(files.read(FILE)))
        with local_copy(files, FILE) as local:
            return pl.read_parquet(local, memory_map=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise MaterializerError(f"{FILE} cannot be read as parquet: {error}") from error
