"""``str``: format ``text``, UTF-8 in ``data.txt``."""

from __future__ import annotations

import codecs
from functools import partial
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
            write_text(value, files, FILE)
        except UnicodeEncodeError as error:
            raise CannotKeepError(f"the text has lone surrogates, which UTF-8 refuses ({error})") from error

    def load(self, files: FileSource, as_type: type[str] | None) -> str:
        """Read the text.

        Raises:
            MaterializerError: it is not UTF-8.
        """
        return read_text(files, FILE)

    def extract_metadata(self, value: str) -> dict[str, JSON]:
        """Return the number of characters."""
        return {"length": len(value)}


def write_text(value: str, files: FileSink, path: str) -> None:
    """Write a text in UTF-8, a large one by way of the disk.

    Raises:
        UnicodeEncodeError: it has lone surrogates; nothing was written.
    """
    if len(value) < _LARGE:
        files.write(path, value.encode())
        return
    local = files.temporary_directory() / "text"
    with local.open("wb") as target:
        for start in range(0, len(value), _PIECE):
            target.write(value[start : start + _PIECE].encode())
    files.write_file(path, local)


def read_text(files: FileSource, path: str) -> str:
    """Read a text in UTF-8; a large one is in memory only once.

    Raises:
        MaterializerError: it is not UTF-8.
    """
    try:
        return _read_in_pieces(files, path) if files.size(path) >= _LARGE else files.read(path).decode()
    except UnicodeDecodeError as error:
        raise MaterializerError(f"{path} is not UTF-8: {error}") from error


def _read_in_pieces(files: FileSource, path: str) -> str:
    decoder, text = codecs.getincrementaldecoder("utf-8")(), ""
    with files.open(path) as stream:
        # CPython lets a text that nothing else holds grow in place (3.11 only in a for loop); joining pieces would hold
        # all of it twice.
        for piece in iter(partial(stream.read, _PIECE), b""):
            text += decoder.decode(piece)
    return text + decoder.decode(b"", final=True)
