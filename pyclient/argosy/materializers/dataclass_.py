"""Dataclass instances: format ``json``, their fields as one plain object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argosy.errors import MaterializerError
from argosy.materializers.class_references import find_class
from argosy.materializers.json_family import dataclass_state
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.document import DOCUMENT, write_document
from argosy.materializers.json_family.encoding import JsonEncoder
from argosy.materializers.nesting import CannotKeepError, NestingMaterializer

if TYPE_CHECKING:
    from collections.abc import Callable

    from argosy.materializers.files import FileSink, FileSource
    from argosy.materializers.nesting import LeafLoader, LeafSaver

STATE = "state.json"
"""Further state of an object beside its fields; written only when there is some."""


class DataclassMaterializer(NestingMaterializer[Any]):
    """Keeps the state of a dataclass instance; ``__init__`` does not run again at loading."""

    id = "argosy.dataclass"
    types = (object,)
    format = "json"

    def save_nested(self, value: Any, files: FileSink, leaves: LeafSaver) -> None:
        """Write the fields, and further attributes when there are any.

        Raises:
            CannotKeepError: the fields are not the whole state of the value.
        """
        reason = dataclass_state.reason_against(value)
        if reason is not None:
            raise CannotKeepError(reason)
        fields, attributes = dataclass_state.state_of(value)
        write_object(value, fields, attributes, files, leaves)

    def load_nested(self, files: FileSource, leaves: LeafLoader) -> Any:
        """Make the instance again, of the recorded class or the hinted one."""
        return read_object(dataclass_state.make, files, leaves)


def write_object(
    value: object, fields: dict[str, Any], rest: dict[str, Any], files: FileSink, leaves: LeafSaver
) -> None:
    """Write the fields of an object as a plain document, and the rest of its state beside it."""
    encoder = JsonEncoder(leaves)
    document = encoder.root(value, fields)
    state = encoder.members(rest) if rest else None
    write_document(document, files)
    if state is not None:
        write_document(state, files, STATE)


def read_object(
    make: Callable[[type, dict[str, Any], dict[str, Any]], Any], files: FileSource, leaves: LeafLoader
) -> Any:
    """Read what :func:`write_object` wrote, and make the object.

    Raises:
        MaterializerError: the documents are malformed, or the class cannot be found or no longer fits.
    """
    cls = find_class(leaves.data_type, leaves.hint)
    decoder = JsonDecoder(leaves)
    fields = decoder.decode(files.read(DOCUMENT))
    rest = decoder.decode(files.read(STATE)) if STATE in files.paths else {}
    for document, content in ((DOCUMENT, fields), (STATE, rest)):
        if not isinstance(content, dict):
            raise MaterializerError(f"{document} of a {leaves.data_type} must be a JSON object of its fields")
    try:
        return make(cls, fields, rest)
    except (MaterializerError, ImportError, Warning):
        raise
    except Exception as error:  # whoever wrote the documents may be no writer of ours
        raise MaterializerError(f"{STATE} of a {leaves.data_type} does not describe its state: {error!r}") from error
