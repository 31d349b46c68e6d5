"""Text that is known to be of some kind, so that whoever looks at it is shown it as such.

``argosy.HTMLString("<h1>…</h1>")`` is the text, and a ``str`` everywhere; saved, it is a file of its kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer
from argosy.materializers.json_syntax import check_json
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.text import read_text, write_text

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource


class HTMLString(str):
    """A document, or a piece, of HTML: a report, say. It is shown in a sandbox, where no script runs."""

    __slots__ = ()


class MarkdownString(str):
    """Text with Markdown in it."""

    __slots__ = ()


class CSVString(str):
    """A table as comma-separated values."""

    __slots__ = ()


class JSONString(str):
    """A JSON document as somebody wrote it; kept to the letter, where a dict would be written anew."""

    __slots__ = ()


Kind = TypeVar("Kind", bound=str)


class _StringMaterializer(BuiltinMaterializer[Kind], abstract=True):
    """Keeps one kind of text as it is, in UTF-8."""

    file: ClassVar[str]

    def save(self, value: Kind, files: FileSink) -> None:
        """Write the text.

        Raises:
            CannotKeepError: it is a subclass.
            MaterializerError: it has lone surrogates, which UTF-8 refuses.
        """
        (kind,) = self.types
        if type(value) is not kind:
            raise CannotKeepError(f"{type(value).__qualname__} is a subclass of {kind.__qualname__}")
        self.check(value)
        try:
            write_text(value, files, self.file)
        except UnicodeEncodeError as error:
            raise MaterializerError(
                f"this {kind.__qualname__} has lone surrogates, which UTF-8 refuses ({error}); replace them, or save "
                "it as str"
            ) from error

    def load(self, files: FileSource, as_type: type[Kind] | None) -> Kind:
        """Read the text.

        Raises:
            MaterializerError: it is not UTF-8, or not of its kind.
        """
        (kind,) = self.types
        text = read_text(files, self.file)
        self.check(text)
        # CPython makes a text of a subclass by copying one of ``str``: for a moment it is there twice.
        made: Kind = kind(text)
        return made

    def check(self, text: str) -> None:
        """Refuse a text that is not of the kind; any text may be HTML, Markdown or CSV.

        Raises:
            MaterializerError: it is not; says where.
        """

    def extract_metadata(self, value: Kind) -> dict[str, JSON]:
        """Return the number of characters."""
        return {"length": len(value)}


class HtmlMaterializer(_StringMaterializer[HTMLString]):
    """Keeps HTML: format ``html``."""

    id = "argosy.html"
    types = (HTMLString,)
    format = "html"
    file = "data.html"


class MarkdownMaterializer(_StringMaterializer[MarkdownString]):
    """Keeps Markdown: format ``markdown``."""

    id = "argosy.markdown"
    types = (MarkdownString,)
    format = "markdown"
    file = "data.md"


class CsvMaterializer(_StringMaterializer[CSVString]):
    """Keeps comma-separated values: format ``csv``."""

    id = "argosy.csv"
    types = (CSVString,)
    format = "csv"
    file = "data.csv"


class JsonTextMaterializer(_StringMaterializer[JSONString]):
    """Keeps JSON documents to the letter: format ``json-text``."""

    id = "argosy.json_text"
    types = (JSONString,)
    format = "json-text"
    file = "data.json"

    def check(self, text: str) -> None:
        """Refuse what is no JSON document.

        Raises:
            MaterializerError: it is none; says where.
        """
        try:
            check_json(text)
        except (ValueError, RecursionError) as error:
            raise MaterializerError(
                f"this JSONString is no JSON document: {error}; correct it, or save it as str"
            ) from error
