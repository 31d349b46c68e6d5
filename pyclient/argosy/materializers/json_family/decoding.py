"""JSON documents to values: the other half of ``encoding``."""

from __future__ import annotations

import enum
import json
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from argosy.errors import MaterializerError
from argosy.materializers.class_references import find_class
from argosy.materializers.json_family.encoding import DEFAULT_FACTORIES
from argosy.materializers.json_family.objects import CLASS_DECODERS, LIBRARY_DECODERS
from argosy.materializers.json_family.scalars import DECODERS

if TYPE_CHECKING:
    from argosy.materializers.nesting import LeafLoader


class JsonDecoder:
    """Decodes one document; foreign parts come from ``leaves``."""

    def __init__(self, leaves: LeafLoader | None) -> None:
        self._leaves = leaves
        self._hint = leaves.hint if leaves else None

    def decode(self, document: bytes | str) -> Any:
        """Return the value of a document.

        Raises:
            MaterializerError: it is not strict JSON in UTF-8, or holds an escape that is unknown or malformed.
        """
        try:
            # As UTF-8 and nothing else: of bytes, json.loads would take UTF-16 and a byte order mark too.
            text = document.decode() if isinstance(document, bytes) else document
            return json.loads(text, object_hook=self._object, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise MaterializerError(f"the document is not JSON this version can read: {error}") from error

    def _object(self, members: dict[str, Any]) -> Any:
        """Called for every object, inner ones first: what an escape holds is decoded already."""
        if len(members) != 1:
            return members
        ((name, payload),) = members.items()
        if not name.startswith("$"):
            return members
        if name == "$value":
            if self._leaves is None:
                raise MaterializerError("the document refers to a nested value where none can be")
            return self._leaves.load(payload)
        try:
            return self._escape(name, payload)
        except (MaterializerError, ImportError, Warning):  # a library that is missing is named with the cure elsewhere
            raise
        except Exception as error:  # a payload is anything; its constructor may raise anything
            raise MaterializerError(f"malformed {name}: {payload!r:.200} ({error})") from error

    def _escape(self, name: str, payload: Any) -> Any:
        pure = DECODERS.get(name) or _CONTAINERS.get(name) or LIBRARY_DECODERS.get(name)
        if pure is not None:
            return pure(payload)
        if name in CLASS_DECODERS:
            class_name, fields, *rest = payload
            return CLASS_DECODERS[name](find_class(class_name, self._hint), fields, rest[0] if rest else {})
        if name in ("$enum", "$flag"):
            return self._enum(name, *payload)
        if name == "$namedtuple":
            return self._named_tuple(*payload)
        raise MaterializerError(f"unknown escape {name!r}; it was written by a newer Argosy: upgrade")

    def _enum(self, escape: str, class_name: str, member: Any) -> enum.Enum:
        cls = find_class(class_name, self._hint)
        if not issubclass(cls, enum.Enum):
            raise MaterializerError(f"{class_name!r} was saved as an enum and is none here")
        if escape == "$flag":
            return _flag(cls, class_name, member)
        try:
            return cls[member]
        except KeyError:
            raise MaterializerError(f"enum {class_name!r} no longer has the member {member!r}") from None

    def _named_tuple(self, class_name: str, items: list[Any]) -> Any:
        cls = find_class(class_name, self._hint)
        fields = getattr(cls, "_fields", None)
        if not issubclass(cls, tuple) or not isinstance(fields, tuple) or len(fields) != len(items):
            raise MaterializerError(f"{class_name!r} no longer is a named tuple of {len(items)} items")
        return tuple.__new__(cls, items)


def _flag(cls: type[enum.Enum], class_name: str, bits: Any) -> enum.Enum:
    try:
        return cls(bits)
    except ValueError:
        if type(bits) is not int:
            raise
        raise MaterializerError(
            f"flag {class_name!r} no longer has members for all bits of {bits:#b}; it has {list(cls.__members__)}"
        ) from None


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _default_dict(payload: Any) -> defaultdict[Any, Any]:
    factory, pairs = payload
    return defaultdict(None if factory is None else DEFAULT_FACTORIES[factory], _pairs(pairs))


def _pairs(payload: Any) -> list[tuple[Any, Any]]:
    return [(key, value) for key, value in payload]


_CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$deque": lambda payload: deque(*payload),
    "$dict": lambda payload: dict(_pairs(payload)),
    "$ordereddict": lambda payload: OrderedDict(_pairs(payload)),
    "$counter": lambda payload: Counter(dict(_pairs(payload))),
    "$defaultdict": _default_dict,
}
