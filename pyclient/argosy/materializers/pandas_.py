"""pandas DataFrame and Series: format ``parquet``, one file ``data.parquet`` and more for rich axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer, type_name
from argosy.materializers.json_encoding import JsonEncoder
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.pandas_preview import head_as_html

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

FILE = "data.parquet"
LABELS_FILE = "columns.parquet"
_MOST_DTYPES = 100


class DataFrameMaterializer(BuiltinMaterializer[Any]):
    """Keeps frames with both axes, dtypes, categories, time zones and ``attrs`` as they are."""

    id = "argosy.pandas"
    types = (pd.DataFrame,)
    format = "parquet"

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

        from argosy.materializers.pandas_axes import make_axis
        from argosy.materializers.pandas_tables import TableReader

        reader = TableReader(files)
        table, spec = reader.read(FILE)
        if spec is None:
            foreign: pd.DataFrame = table.to_pandas(use_threads=False)
            return foreign
        try:
            columns = _columns(table, spec, reader)
            rows = pd.RangeIndex(spec["rows"])
            # Series, not arrays: the constructor would infer new dtypes from arrays of objects.
            frame = pd.DataFrame(
                {position: pd.Series(values, rows, values.dtype, copy=False) for position, values in columns},
                index=rows,
                copy=False,
            )
            frame.index = make_axis(list(table.columns)[len(spec["columns"]) :], spec["index"], reader)
            frame.columns = make_axis([], spec["labels"], reader)
        except (KeyError, TypeError, ValueError, IndexError, pa.ArrowException) as error:
            raise MaterializerError(f"{FILE} is not what its description says: {error}") from error
        _finish(frame, spec)
        return frame

    def extract_metadata(self, value: pd.DataFrame) -> dict[str, JSON]:
        """Return rows, columns and the dtypes of the first 100 columns."""
        labels = [str(label) for label in value.columns[:_MOST_DTYPES]]
        dtypes: dict[str, JSON] = {
            label: str(dtype) for label, dtype in zip(labels, value.dtypes.iloc[:_MOST_DTYPES], strict=True)
        }
        rows, columns = value.shape
        size_bytes = int(value.memory_usage(index=True).sum())
        return {"rows": rows, "columns": columns, "dtypes": dtypes, "size_bytes": size_bytes}

    def visualize(self, value: pd.DataFrame) -> dict[str, bytes]:
        """Return the first rows as HTML."""
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

        from argosy.materializers.pandas_axes import make_axis
        from argosy.materializers.pandas_tables import TableReader

        reader = TableReader(files)
        table, spec = reader.read(FILE)
        if spec is None or "name" not in spec:
            raise MaterializerError(f"{FILE} was not written as a series; load it as a DataFrame")
        try:
            ((_, values),) = _columns(table, spec, reader)
            index = make_axis(list(table.columns)[1:], spec["index"], reader)
            series = pd.Series(values, index, values.dtype, name=spec["name"], copy=False)
        except (KeyError, TypeError, ValueError, IndexError, pa.ArrowException) as error:
            raise MaterializerError(f"{FILE} is not what its description says: {error}") from error
        _finish(series, spec)
        return series

    def extract_metadata(self, value: pd.Series[Any]) -> dict[str, JSON]:
        """Return rows and dtype."""
        return {"rows": len(value), "dtype": str(value.dtype), "size_bytes": int(value.memory_usage(index=True))}


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

    from argosy.materializers.pandas_axes import describe_axis, describe_labels
    from argosy.materializers.pandas_tables import TableWriter

    writer = TableWriter(files)
    encoder = JsonEncoder(None)
    try:
        arrays, columns = [], []
        for position, column in enumerate(series):
            array, spec = _column(writer, column, position)
            arrays.append(array)
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
        writer.add(FILE, writer.table(names, arrays + levels, description))
        writer.write()
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise CannotKeepError(f"parquet refuses the {type(value).__name__}: {error}") from error


def _column(writer: Any, column: Any, position: int) -> tuple[Any, Any]:
    try:
        return writer.column(column.array)  # type: ignore[no-any-return]  # imported where it is used
    except CannotKeepError as error:
        raise CannotKeepError(f"column {column.name!r} (number {position}): {error}") from error


def _columns(table: Any, spec: Any, reader: Any) -> list[tuple[int, Any]]:
    return [
        (position, reader.values(table.column(position), column)) for position, column in enumerate(spec["columns"])
    ]


def _finish(value: Any, spec: Any) -> None:
    value.attrs = spec.get("attrs", {})
    if not spec.get("allows_duplicate_labels", True):
        value.flags.allows_duplicate_labels = False
