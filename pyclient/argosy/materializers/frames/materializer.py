"""pandas DataFrame and Series: format ``parquet``, one file ``data.parquet`` and more for rich axes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer, type_name
from argosy.materializers.json_family.encoding import JsonEncoder
from argosy.materializers.nesting import CannotKeepError

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource
    from argosy.materializers.frames.columns import Spec
    from argosy.materializers.frames.slices import Column
    from argosy.materializers.frames.tables import StoredTable, TableReader, TableWriter

FILE = "data.parquet"
LABELS_FILE = "columns.parquet"
_MOST_DTYPES = 100


class DataFrameMaterializer(BuiltinMaterializer[Any]):
    """Keeps frames with both axes, dtypes, categories, time zones and ``attrs`` as they are."""

    id = "argosy.pandas"
    types = (pd.DataFrame,)
    format = "parquet"
    describes_pickles = True

    def save(self, value: pd.DataFrame, files: FileSink) -> None:
        """Write the frame.

        Raises:
            CannotKeepError: parquet cannot keep it exactly; says which column and why.
        """
        _check(value, pd.DataFrame)
        _write(value, [value.iloc[:, position] for position in range(value.shape[1])], value.columns, files)

    def load(self, files: FileSource, as_type: type[Any] | None) -> pd.DataFrame:
        """Read the frame; a parquet file that somebody else wrote is read as pandas does it.

        Raises:
            MaterializerError: the files are malformed, or need a newer pandas.
        """
        import pyarrow as pa

        from argosy.materializers.frames.axes import make_axis
        from argosy.materializers.frames.tables import TableReader

        reader = TableReader(files)
        try:
            with reader.opened(FILE) as stored:
                if stored.description is None:
                    foreign: pd.DataFrame = stored.whole().to_pandas(use_threads=False)
                    return foreign
                spec = stored.description
                columns, index = _read(stored, reader)
            rows = pd.RangeIndex(spec["rows"])
            # Series, not arrays: the constructor would infer new dtypes from arrays of objects.
            frame = pd.DataFrame(
                {
                    position: pd.Series(values, rows, values.dtype, copy=False)
                    for position, values in enumerate(columns)
                },
                index=rows,
                copy=False,
            )
            frame.index = index
            frame.columns = make_axis([], spec["labels"], reader)
        except (KeyError, TypeError, ValueError, IndexError, pa.ArrowException) as error:
            raise MaterializerError(f"{FILE} is not what its description says: {error}") from error
        finish(frame, spec)
        return frame

    def extract_metadata(self, value: pd.DataFrame) -> dict[str, JSON]:
        """Return rows, columns and the dtypes of the first 100 columns."""
        labels = [str(label) for label in value.columns[:_MOST_DTYPES]]
        dtypes: dict[str, JSON] = {
            label: str(dtype) for label, dtype in zip(labels, value.dtypes.iloc[:_MOST_DTYPES], strict=True)
        }
        rows, columns = value.shape
        return {"rows": rows, "columns": columns, "dtypes": dtypes, "size_bytes": _size_of(value)}

    def visualize(self, value: pd.DataFrame) -> dict[str, bytes]:
        """Return the first rows and a line about each column as HTML; of a long frame by a sample."""
        from argosy.materializers.previews.frames import head_as_html

        return {"head.html": head_as_html(value)}


class SeriesMaterializer(BuiltinMaterializer[Any]):
    """Keeps series with index, dtype, name and ``attrs`` as they are."""

    id = "argosy.pandas_series"
    types = (pd.Series,)
    format = "parquet"

    def save(self, value: pd.Series[Any], files: FileSink) -> None:
        """Write the series.

        Raises:
            CannotKeepError: parquet cannot keep it exactly; says why.
        """
        _check(value, pd.Series)
        _write(value, [value], None, files)

    def load(self, files: FileSource, as_type: type[Any] | None) -> pd.Series[Any]:
        """Read the series.

        Raises:
            MaterializerError: the files are malformed, or need a newer pandas.
        """
        import pyarrow as pa

        from argosy.materializers.frames.tables import TableReader

        reader = TableReader(files)
        try:
            with reader.opened(FILE) as stored:
                spec = stored.description
                if spec is None or "name" not in spec:
                    raise MaterializerError(f"{FILE} was not written as a series; load it as a DataFrame")
                (values,), index = _read(stored, reader)
            series = pd.Series(values, index, values.dtype, name=spec["name"], copy=False)
        except (KeyError, TypeError, ValueError, IndexError, pa.ArrowException) as error:
            raise MaterializerError(f"{FILE} is not what its description says: {error}") from error
        finish(series, spec)
        return series

    def extract_metadata(self, value: pd.Series[Any]) -> dict[str, JSON]:
        """Return rows and dtype."""
        return {"rows": len(value), "dtype": str(value.dtype), "size_bytes": int(value.memory_usage(index=True))}

    def visualize(self, value: pd.Series[Any]) -> dict[str, bytes]:
        """Return the first rows and how the values are spread as HTML; of a long series by a sample."""
        from argosy.materializers.previews.frames import series_as_html

        return {"head.html": series_as_html(value)}


def _size_of(frame: pd.DataFrame) -> int:
    """Return what ``memory_usage`` adds up to, which looks at each column: of a hundred thousand, for seconds."""
    dtypes = list(frame.dtypes)
    sizes = [dtype.itemsize if isinstance(dtype, np.dtype) else 0 for dtype in dtypes]
    others = [place for place, dtype in enumerate(dtypes) if not isinstance(dtype, np.dtype)]
    told = frame.iloc[:, others].memory_usage(index=False).sum() if others else 0
    return int(frame.index.memory_usage() + len(frame) * sum(sizes) + told)


def _check(value: Any, cls: type) -> None:
    if type(value) is not cls:
        raise CannotKeepError(
            f"{type_name(type(value))} is a subclass of {cls.__name__}, which parquet would not bring back"
        )
    try:
        import pyarrow  # noqa: F401 - asked for here so that the message can name the cure
    except ImportError as error:
        raise CannotKeepError("parquet needs pyarrow: pip install 'argosy[pandas]'") from error


def _write(value: Any, series: list[Any], labels: Any, files: FileSink) -> None:
    import pyarrow as pa

    from argosy.materializers.frames.axes import describe_axis, describe_labels
    from argosy.materializers.frames.tables import TableWriter

    writer = TableWriter(files)
    encoder = JsonEncoder(None)
    try:
        written, columns = [], []
        for position, column in enumerate(series):
            kept, spec = _column(writer, column, position)
            written.append(kept)
            columns.append(spec)
        levels, index = describe_axis(value.index, writer)
        description: dict[str, Any] = {"rows": len(value), "columns": columns, "index": index}
        if labels is None:
            description["name"] = encoder.encode(value.name)
            names = [str(value.name)]
        else:
            description["labels"] = describe_labels(labels, writer, LABELS_FILE)
            names = [str(label) for label in labels]
        if value.attrs:
            description["attrs"] = encoder.encode(value.attrs)
        if not value.flags.allows_duplicate_labels:
            description["allows_duplicate_labels"] = False
        names += [f"__index_level_{position}__" for position in range(len(levels))]
        writer.add(FILE, writer.table(names, written + levels, description))
        writer.write()
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise CannotKeepError(f"parquet refuses the {type(value).__name__}: {error}") from error


def _column(writer: TableWriter, column: Any, position: int) -> tuple[Column, Spec]:
    where = f"column {column.name!r} (number {position})"
    try:
        kept, spec = writer.column(column.array)
    except CannotKeepError as error:
        raise CannotKeepError(f"{where}: {error}") from error
    return dataclasses.replace(kept, where=where), spec


def _read(stored: StoredTable, reader: TableReader) -> tuple[list[Any], Any]:
    """Return the arrays of the columns, and the index of the rows."""
    from argosy.materializers.frames.axes import axis_builders, axis_of

    specs, axis = stored.description["columns"], stored.description["index"]
    types, rows = stored.types, stored.rows
    builders = [reader.builder(spec, types[position], rows) for position, spec in enumerate(specs)]
    made = stored.fill([*builders, *axis_builders(axis, types[len(specs) :], rows, reader)])
    return made[: len(specs)], axis_of(made[len(specs) :], axis)


def finish(value: Any, spec: Any) -> None:
    """Give a frame or series what is beside its data."""
    value.attrs = spec.get("attrs", {})
    if not spec.get("allows_duplicate_labels", True):
        value.flags.allows_duplicate_labels = False
