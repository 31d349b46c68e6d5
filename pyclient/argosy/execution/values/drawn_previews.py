"""Previews that are drawn of the files of a small version when somebody looks, instead of being kept beside them."""

from __future__ import annotations

from collections.abc import Mapping

from argosy.errors import ArgosyError, MaterializerError, NotFoundError
from argosy.execution.views.amounts import format_bytes
from argosy.materializers.catalog import IDS_BY_TYPE
from argosy.materializers.registry import load_value, visualize
from argosy.transport.download.open_version import DownloadedVersion

MOST_VALUE_BYTES = 64 << 20
"""A value that takes more is not made only to be looked at, however small its files are."""
_PARQUET = "data.parquet"


class CannotDrawError(Exception):
    """The files of a version show nothing here; says why."""


def drawn_previews(files: DownloadedVersion, reader: str) -> Mapping[str, bytes]:
    """Make a value and let its materializer draw it.

    Args:
        files: the version.
        reader: the id of its materializer.

    Raises:
        CannotDrawError: its library is not installed here, its files are none of its format, it cannot be drawn, or it
            takes more memory than a look is worth.
        CorruptDataError: stored bytes do not match their checksum.
    """
    version = files.version
    try:
        if _PARQUET in files.paths:
            content = files.read(_PARQUET)
            _refuse_large(content)
            is_recorded = not version.materializer or reader in IDS_BY_TYPE.get(version.data_type, ())
            if is_recorded and version.format == "parquet" and (page := _plain_page(content, reader)):
                return {"head.html": page}
        value = load_value(
            files, materializer=reader, data_type=version.data_type, format=version.format, allow_pickle=False
        )
        return visualize(value, reader)
    except (MaterializerError, NotFoundError) as error:  # the second names a file that its format would have
        raise CannotDrawError(str(error)) from error
    except (ArgosyError, CannotDrawError):
        raise
    except Exception as error:  # whatever a library says of odd values: there is a picture, or there is none
        raise CannotDrawError(f"{type(error).__name__}: {error}") from error


def _plain_page(parquet: bytes, reader: str) -> bytes | None:
    """Return what can be drawn of a frame or series without its library; ``None`` where that has to draw it."""
    try:
        from argosy.materializers.frames.plain_page import plain_page
    except ImportError:  # as below
        return None
    return plain_page(parquet, is_series=reader == "argosy.pandas_series")


def _refuse_large(parquet: bytes) -> None:
    try:
        import pyarrow as pa

        from argosy.materializers.frames.decoded_size import takes_more_than
    except ImportError:  # told, with the cure, by whoever reads the file
        return
    if takes_more_than(pa.py_buffer(parquet), MOST_VALUE_BYTES):
        most = format_bytes(MOST_VALUE_BYTES)
        raise CannotDrawError(f"its value takes more than {most}; load it, or a part of it")
