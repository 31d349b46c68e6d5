"""Reading a part of a value: what may be asked for, of which formats, and who reads it."""

from __future__ import annotations

import importlib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from argosy.errors import ParameterError
from argosy.materializers.files import FileSource
from argosy.materializers.registry import MaterializerChoice, materializer_id, reader_of

if TYPE_CHECKING:
    from types import TracebackType

    from _typeshed import WriteableBuffer
    from typing_extensions import Self


@dataclass(frozen=True)
class Part:
    """What is asked for.

    Attributes:
        columns: labels of columns, in the order they shall come back; ``None`` for all.
        rows: a slice of the first axis; ``None`` for all.
    """

    columns: tuple[Hashable, ...] | None
    rows: slice | None

    @property
    def asked(self) -> tuple[str, ...]:
        """The names of the arguments that ask for less than the whole."""
        given = {"columns": self.columns, "rows": self.rows}
        return tuple(name for name, value in given.items() if value is not None)

    def rows_of(self, total: int) -> tuple[range, int]:
        """Return the range from the first to the last of the wanted rows of ``total``, and the step through it."""
        wanted = range(total)[self.rows or slice(None)]
        if not wanted:
            start = min(max(wanted.start, 0), total)
            return range(start, start), wanted.step
        return range(min(wanted[0], wanted[-1]), max(wanted[0], wanted[-1]) + 1), wanted.step


class RangedFile(Protocol):
    """A file of which any range can be read; to be closed, or used as a context manager."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Move to another place, which costs nothing until it is read."""
        ...

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill ``buffer``; less than that only at the end of the file."""
        ...

    def expect(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Say which ranges (start, stop) will be read, each in order, so that each comes by one call."""
        ...

    def __enter__(self) -> Self:
        """Return itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Close the file."""
        ...


class RangedSource(FileSource, Protocol):
    """The files of one stored artifact version, of which only what is read is moved."""

    def open_file(self, path: str) -> RangedFile:
        """Return a file as a stream that seeks."""
        ...


class _Reader(NamedTuple):
    can: tuple[str, ...]
    module: str
    function: str


_READERS = {
    "argosy.numpy": _Reader(("rows",), "array_family.npy_rows", "load_rows"),
    "argosy.numpy_scalar": _Reader(("rows",), "array_family.npy_rows", "load_rows"),
    "argosy.pandas": _Reader(("columns", "rows"), "frames.parts", "load_frame_part"),
    "argosy.pandas_series": _Reader(("rows",), "frames.parts", "load_series_part"),
    "argosy.arrow": _Reader(("columns", "rows"), "arrow_family.parts", "load_table_part"),
}
"""Id of a materializer -> what it reads of its files by ranges; all others read their files as a whole."""


def load_part(source: RangedSource, part: Part, *, materializer: MaterializerChoice, format: str, name: str) -> Any:
    """Make a part of a value from parts of its files.

    Args:
        source: the files.
        part: what is asked for.
        materializer: recorded id, or what the user wants to read the files.
        format: recorded name of the file layout.
        name: names the value in messages.

    Raises:
        ParameterError: this format has no such parts, or a column is unknown.
        MaterializerError: the layout is malformed, or a library is missing here.
        CorruptDataError: stored bytes do not match their checksum.
    """
    identifier = materializer_id(reader_of(materializer, format))
    reader = _READERS.get(identifier)
    if reader is None and format == "parquet":
        raise ParameterError(
            f"{name} is kept by {identifier}, which reads it as a whole; leave {_arguments(part.asked)} out, or pass "
            "materializer='argosy.arrow' for a part of it as a pyarrow Table"
        )
    if reader is None:
        raise ParameterError(
            f"{name} has the format {format!r}, which {identifier} reads as a whole; leave {_arguments(part.asked)} "
            "out (rows= is possible with the formats npy and parquet, columns= with parquet)"
        )
    if impossible := [argument for argument in part.asked if argument not in reader.can]:
        raise ParameterError(
            f"{name} has the format {format!r} and was kept by {identifier}, of which {_arguments(reader.can)} is "
            f"possible; leave {_arguments(impossible)} out"
        )
    module = importlib.import_module(f"argosy.materializers.{reader.module}")
    return getattr(module, reader.function)(source, part, name)


def _arguments(names: Iterable[str]) -> str:
    return " and ".join(f"{name}=" for name in names)
