"""How a container hands the parts it cannot say itself to other materializers, and gets them back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer, T
from argosy.materializers.state_dicts import is_state_dict

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

_DIRECTORY = re.compile(r"items/(0|[1-9][0-9]{0,8})")


class CannotKeepError(MaterializerError):
    """A built-in materializer does not keep this very value exactly; raised before anything is written.

    The registry then tries the next one; the message becomes part of the error when none is left.
    """


@dataclass(frozen=True)
class SavedValue:
    """What is recorded about a value beside its files.

    Attributes:
        data_type: ``module:qualname`` of the value's real type.
        format: the name of the file layout.
        materializer: id of the materializer: ``argosy.…`` or a user's ``module:qualname``.
        uses_pickle: whether any part of the value was pickled.
        packages: the distributions on whose version the bytes of any part of it depend.
        why_pickled: why nothing else kept the value as a whole; empty where something did, or nothing else is for it.
        described_by: id of the materializer that knows what to tell and show of it, where that is another one.
    """

    data_type: str
    format: str
    materializer: str
    uses_pickle: bool
    packages: tuple[str, ...] = ()
    why_pickled: str = ""
    described_by: str = ""


SaveValue = Callable[[object, "FileSink", str], SavedValue]
"""Saves a value found at a path (``value["a"][3]``) into a sink."""

LoadValue = Callable[["FileSource", SavedValue, object], object]
"""Loads what was recorded as a saved value, with a class or annotation as hint."""


class LeafSaver:
    """Saves the leaves of one container, each in a directory of its own."""

    def __init__(self, files: FileSink, save: SaveValue, path: str = "value") -> None:
        self.path = path
        self.uses_pickle = False
        self.packages: set[str] = set()
        self._files = files
        self._save = save
        self._count = 0

    def wants(self, value: object) -> bool:
        """Tell whether a part that JSON can say is kept as a leaf nevertheless: the tensors of a dict, in one file."""
        return is_state_dict(value)

    def save(self, value: object, path: str) -> JSON:
        """Save one leaf; return what stands for it in the container's document.

        Raises:
            MaterializerError: it cannot be kept; the message starts with ``path``.
        """
        directory = f"items/{self._count}"
        self._count += 1
        try:
            saved = self._save(value, self._files.child(directory), path)
        except MaterializerError as error:
            if path in str(error):
                raise
            raise type(error)(f"{path}: {error}") from error
        self.uses_pickle = self.uses_pickle or saved.uses_pickle
        self.packages.update(saved.packages)
        return {
            "$value": {
                "at": directory,
                "materializer": saved.materializer,
                "type": saved.data_type,
                "format": saved.format,
            }
        }


class LeafLoader:
    """Loads the leaves of one container.

    Attributes:
        data_type: recorded type of the container itself.
        hint: class or annotation the caller asked for.
    """

    def __init__(self, files: FileSource, load: LoadValue, data_type: str, hint: object) -> None:
        self.data_type = data_type
        self.hint = hint
        self._files = files
        self._load = load

    def load(self, reference: object) -> object:
        """Load the leaf that ``reference``, the content of a ``$value`` object, stands for.

        Raises:
            MaterializerError: the reference is malformed or the leaf cannot be loaded.
        """
        if not isinstance(reference, dict) or not _DIRECTORY.fullmatch(str(reference.get("at"))):
            raise MaterializerError(f"malformed reference to a nested value: {reference!r}")
        texts = {key: reference.get(key) for key in ("type", "format", "materializer")}
        for key, text in texts.items():
            if not isinstance(text, str):
                raise MaterializerError(f"reference to the nested value {reference['at']!r} lacks its {key}")
        saved = SavedValue(str(texts["type"]), str(texts["format"]), str(texts["materializer"]), uses_pickle=False)
        return self._load(self._files.child(reference["at"]), saved, self.hint)


class NestingMaterializer(BuiltinMaterializer[T], abstract=True):
    """A built-in whose values hold other values."""

    def save_nested(self, value: T, files: FileSink, leaves: LeafSaver) -> None:
        """Write ``value``; parts of foreign types go through ``leaves``."""
        raise NotImplementedError

    def load_nested(self, files: FileSource, leaves: LeafLoader) -> T:
        """Make the value again; ``leaves`` knows its recorded type and loads foreign parts."""
        raise NotImplementedError

    def save(self, value: T, files: FileSink) -> None:
        """Write ``value`` on its own, without pickle anywhere inside."""
        from argosy.materializers.registry import leaf_saver

        self.save_nested(value, files, leaf_saver(files, allow_pickle=False))

    def load(self, files: FileSource, as_type: type[T] | None) -> T:
        """Make the value again on its own, without pickle anywhere inside."""
        from argosy.materializers.registry import leaf_loader

        name = f"{as_type.__module__}:{as_type.__qualname__}" if as_type else ""
        return self.load_nested(files, leaf_loader(files, data_type=name, hint=as_type, allow_pickle=False))
