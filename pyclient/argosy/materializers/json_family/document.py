"""JSON documents as files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from argosy.materializers.base import JSON
from argosy.materializers.json_family.decoding import JsonDecoder

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

DOCUMENT = "data.json"
"""Where the document of a value lies that is kept as JSON."""


def write_document(document: JSON, files: FileSink, path: str = DOCUMENT) -> None:
    """Write strict JSON in UTF-8, without spaces."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    files.write(path, text.encode())


def read_document(files: FileSource, path: str) -> Any:
    """Return a document that refers to no nested values.

    Raises:
        MaterializerError: it is malformed.
    """
    return JsonDecoder(None).decode(files.read(path))
