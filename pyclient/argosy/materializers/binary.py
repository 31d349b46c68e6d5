"""``bytes`` and ``bytearray``: format ``bytes``, as they are in ``data.bin``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argosy.materializers.base import JSON, BuiltinMaterializer
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.streams import read_into

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

FILE = "data.bin"


class BytesMaterializer(BuiltinMaterializer[bytes]):
    """Keeps ``bytes``, without a copy."""

    id = "argosy.bytes"
    types = (bytes,)
    format = "bytes"

    def save(self, value: bytes, files: FileSink) -> None:
        """Write the bytes.

        Raises:
            CannotKeepError: it is a subclass of ``bytes``.
        """
        _check_exact(value, bytes)
        files.write(FILE, value)

    def load(self, files: FileSource, as_type: type[bytes] | None) -> bytes:
        """Read the bytes."""
        return files.read(FILE)

    def extract_metadata(self, value: bytes) -> dict[str, JSON]:
        """Return the number of bytes."""
        return {"length": len(value)}


class BytearrayMaterializer(BuiltinMaterializer[bytearray]):
    """Keeps ``bytearray``, without a copy."""

    id = "argosy.bytearray"
    types = (bytearray,)
    format = "bytes"

    def save(self, value: bytearray, files: FileSink) -> None:
        """Write the bytes.

        Raises:
            CannotKeepError: it is a subclass of ``bytearray``.
        """
        _check_exact(value, bytearray)
        files.write(FILE, value)

    def load(self, files: FileSource, as_type: type[bytearray] | None) -> bytearray:
        """Read the bytes straight into a new ``bytearray``."""
        value = bytearray(files.size(FILE))
        with files.open(FILE) as stream:
            read_into(stream, memoryview(value), FILE)
        return value

    def extract_metadata(self, value: bytearray) -> dict[str, JSON]:
        """Return the number of bytes."""
        return {"length": len(value)}


def _check_exact(value: object, cls: type) -> None:
    if type(value) is not cls:
        raise CannotKeepError(
            f"{type(value).__qualname__} is a subclass of {cls.__name__}, which plain bytes would not bring back"
        )
