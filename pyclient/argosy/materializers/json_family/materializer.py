"""Builtins, enums, dates and containers of anything: format ``json``, one document ``data.json``."""

from __future__ import annotations

import enum
from collections.abc import Sized
from typing import TYPE_CHECKING, Any

from argosy.materializers.base import JSON, type_name
from argosy.materializers.class_references import is_importable
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.document import DOCUMENT, write_document
from argosy.materializers.json_family.encoding import JSON_TYPES, JsonEncoder
from argosy.materializers.nesting import CannotKeepError, NestingMaterializer

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource
    from argosy.materializers.nesting import LeafLoader, LeafSaver


class JsonMaterializer(NestingMaterializer[Any]):
    """Keeps exactly the JSON family; a subclass of a builtin is not one of its values."""

    id = "argosy.json"
    types = (*JSON_TYPES, enum.Enum)
    format = "json"

    def save_nested(self, value: Any, files: FileSink, leaves: LeafSaver) -> None:
        """Write the document.

        Raises:
            CannotKeepError: the value is a subclass of a builtin, or an object JSON has no form for.
        """
        cls = type(value)
        if cls not in JSON_TYPES and not is_importable(cls):
            raise CannotKeepError(f"{type_name(cls)} cannot be imported by its name; define it at the top of a module")
        write_document(JsonEncoder(leaves).encode(value), files)

    def load_nested(self, files: FileSource, leaves: LeafLoader) -> Any:
        """Read the document."""
        return JsonDecoder(leaves).decode(files.read(DOCUMENT))

    def extract_metadata(self, value: Any) -> dict[str, JSON]:
        """Return the length of a container."""
        return {"length": len(value)} if isinstance(value, Sized) else {}
