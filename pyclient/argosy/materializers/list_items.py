"""One item of a stored list, of whose files only those of this item are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from argosy.errors import MaterializerError
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.document import DOCUMENT
from argosy.materializers.json_family.materializer import JsonMaterializer
from argosy.materializers.registry import leaf_loader, load_value, reader_of

if TYPE_CHECKING:
    from argosy.materializers.files import FileSource


def load_item(
    files: FileSource, index: int, *, materializer: str, data_type: str, format: str, as_type: Any, allow_pickle: bool
) -> Any:
    """Make one item of a list or tuple from its files; a list that was not kept as JSON is made whole.

    Args:
        files: the files of the list.
        index: which item.
        materializer: as for ``load_value``.
        data_type: as for ``load_value``.
        format: as for ``load_value``.
        as_type: class or annotation of the item.
        allow_pickle: as for ``load_value``.

    Raises:
        MaterializerError: the layout is malformed, there is no such item, or a class or library is missing here.
        PickleRefusedError: the item is a pickle, and pickle is off.
        CorruptDataError: the bytes do not match their digest.
    """
    if type(reader_of(materializer, format)) is JsonMaterializer:
        items = _items(files.read(DOCUMENT))
        if items is not None:
            leaves = leaf_loader(files, data_type=data_type, hint=as_type, allow_pickle=allow_pickle)
            return JsonDecoder(leaves).decode(json.dumps(_at(items, index)))
    whole = load_value(
        files,
        materializer=materializer,
        data_type=data_type,
        format=format,
        as_type=None if as_type is None else list[as_type],
        allow_pickle=allow_pickle,
    )
    return _at(whole, index)


def _items(document: bytes) -> list[Any] | None:
    """Return the items of a document as they are written, ``None`` where it is no list or tuple."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        return None  # whoever reads it whole tells what is wrong
    if isinstance(found, dict) and found.keys() == {"$tuple"}:
        found = found["$tuple"]
    return found if isinstance(found, list) else None


def _at(items: Any, index: int) -> Any:
    try:
        return items[index]
    except (TypeError, LookupError):
        raise MaterializerError(f"a stored list has no item {index}") from None
