"""Pydantic (version 2) models: format ``json``, their fields as one plain object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argosy.materializers.dataclass_ import read_object, write_object
from argosy.materializers.json_family import pydantic_state
from argosy.materializers.nesting import CannotKeepError, NestingMaterializer

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource
    from argosy.materializers.nesting import LeafLoader, LeafSaver


class PydanticMaterializer(NestingMaterializer[Any]):
    """Keeps the state of a model; validators do not run again at loading."""

    id = "argosy.pydantic"
    types = (object,)
    format = "json"

    def save_nested(self, value: Any, files: FileSink, leaves: LeafSaver) -> None:
        """Write the fields; unset fields, extra and private values beside them when there are any.

        Raises:
            CannotKeepError: the model defines its own way of being pickled.
        """
        reason = pydantic_state.reason_against(value)
        if reason is not None:
            raise CannotKeepError(reason)
        fields, rest = pydantic_state.state_of(value)
        write_object(value, fields, rest, files, leaves)

    def load_nested(self, files: FileSource, leaves: LeafLoader) -> Any:
        """Make the model again, of the recorded class or the hinted one."""
        return read_object(pydantic_state.make, files, leaves)
