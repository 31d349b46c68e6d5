"""``str``: format ``text``, UTF-8 in ``data.txt``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer
from argosy.materializers.nesting import CannotKeepError

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

FILE = "data.txt"
_PIECE = 1 << 20
_LARGE = 16 << 20
"""From so many characters, or bytes, on the UTF-8 of a text is not held in memory beside it."""


class TextMaterializer(BuiltinMaterializer[str]):
    """Keeps text without a byte order mark and with its line ends as they are."""

    id = "argosy.text"
    types = (str,)
    format = "text"

    def save(self, value: str, files: FileSink) -> None:
        """Write the text.

        Raises:
            CannotKeepError: it is a subclass of ``str``, or holds lone surrogates.
        """
        if type(value) is not str:
            raise CannotKeepError(f"{type(value).__qualname__} is a subclass of str, which text would not bring back")
        try:
            if len(value) < _LARGE:
                files.write(FILE, value.encode())
                return
            local = files.temporary_directory() / FILE
            with local.open("wb") as target:
                for start in range(0, len(value), _PIECE):
                    target.write(value[start : start + _PIECE].encode())
        except UnicodeEncodeError as error:
            raise CannotKeepError(f"the text has lone surrogates, which UTF-8 refuses ({error})") from error
        files.write_file(FILE, local)

    def load(self, files: FileSource, as_type: type[str] | None) -> str:
        """Read the text.

        Raises:
            MaterializerError: it is not UTF-8.
        """
        try:
            # The buffer of a large file is mapped where it can be: then only the text itself is allocated.
            return str(files.buffer(FILE), "utf-8") if files.size(FILE) >= _LARGE else files.read(FILE).decode()
        except UnicodeDecodeError as error:
            raise MaterializerError(f"{FILE} is not UTF-8: {error}") from error

    def extract_metadata(self, value: str) -> dict[str, JSON]:
        """Return the number of characters."""
        return {"length": len(value)}
