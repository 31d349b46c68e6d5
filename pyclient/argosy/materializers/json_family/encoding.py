"""Values to JSON, keeping types exactly: plain JSON stays as it is, all else becomes an escape.

An escape is an object with exactly one member whose name begins with ``$``. A dict of that very
shape is itself written as ``{"$dict": [[key, value]]}``, so nothing is ambiguous.
"""

from __future__ import annotations

import enum
import json
import math
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, registered_for, type_name
from argosy.materializers.class_references import is_importable
from argosy.materializers.json_family import objects
from argosy.materializers.json_family.scalars import ENCODERS, SAFE_INTEGER, is_plain_text
from argosy.materializers.nesting import CannotKeepError

if TYPE_CHECKING:
    from argosy.materializers.nesting import LeafSaver

MAX_DEPTH = 150
"""Deeper nesting is refused: readers, Python's among them, recurse."""

INLINE_BYTES = 4096
"""Longer ``bytes`` become a file of their own instead of base64 text."""

DEFAULT_FACTORIES: dict[str, type] = {
    factory.__name__: factory for factory in (bool, bytes, complex, dict, float, frozenset, int, list, set, str, tuple)
}
"""The default factories of a ``defaultdict`` that can be named in any language."""


class JsonEncoder:
    """Encodes one value; foreign parts go to ``leaves``, or are refused when there is none."""

    def __init__(self, leaves: LeafSaver | None) -> None:
        self._leaves = leaves
        self._root = leaves.path if leaves else "value"
        self._steps: list[str | int] = []
        self._inside: set[int] = set()

    @property
    def path(self) -> str:
        """Where in the value the encoder is: ``value["a"][3]``."""
        return self._root + "".join(f"[{step}]" if isinstance(step, int) else step for step in self._steps)

    def encode(self, value: object) -> JSON:
        """Return the JSON of one value.

        Raises:
            MaterializerError: a cycle, too deep, or a part that cannot be kept; names its path.
        """
        cls = type(value)
        scalar = ENCODERS.get(cls)
        if scalar is not None:
            return self._scalar(value, scalar)
        composite = _COMPOSITES.get(cls) or self._family(value)
        if composite is None or (self._steps and self._leaves is not None and self._leaves.wants(value)):
            return self.leaf(value)
        if id(value) in self._inside:
            raise MaterializerError(f"{self.path} contains itself; a cycle has no faithful file form: break it first")
        if len(self._inside) >= MAX_DEPTH:
            raise MaterializerError(f"{self.path} is nested more than {MAX_DEPTH} levels deep; flatten the value")
        self._inside.add(id(value))
        encoded = composite(self, value)
        self._inside.discard(id(value))
        return encoded

    def root(self, value: object, members: dict[str, Any]) -> JSON:
        """Encode the root value by its members, without an escape around them."""
        self._inside.add(id(value))
        return self.members(members)

    def leaf(self, value: object, reason: str = "JSON has no form for it") -> JSON:
        """Keep a part that JSON cannot say by its own materializer.

        Raises:
            CannotKeepError: the part is the whole value, or no files can be written beside this document.
        """
        if self._leaves is None or not self._steps:
            raise CannotKeepError(f"{self.path} is a {type_name(type(value))}: {reason}")
        return self._leaves.save(value, self.path)

    def items(self, values: Iterable[object]) -> list[JSON]:
        """Encode values in order, each under its index."""
        encoded: list[JSON] = []
        self._steps.append(0)
        for index, value in enumerate(values):
            self._steps[-1] = index
            encoded.append(self.encode(value))
        self._steps.pop()
        return encoded

    def members(self, values: dict[str, Any]) -> dict[str, JSON]:
        """Encode the attributes of an object, each under its name."""
        encoded: dict[str, JSON] = {}
        for name, value in values.items():
            self._steps.append(f".{name}")
            encoded[name] = self.encode(value)
            self._steps.pop()
        return encoded

    def pairs(self, values: dict[Any, Any]) -> list[JSON]:
        """Encode a mapping as ``[[key, value], ...]``."""
        encoded: list[JSON] = []
        for key, value in values.items():
            self._steps.append(f"[{_key_text(key)}]")
            encoded.append([self.encode(key), self.encode(value)])
            self._steps.pop()
        return encoded

    def mapping(self, values: dict[Any, Any]) -> JSON:
        """Encode a dict: a plain object when its keys are plain text, else pairs."""
        if not all(type(key) is str and is_plain_text(key) for key in values) or _looks_like_escape(values):
            return {"$dict": self.pairs(values)}
        encoded: dict[str, JSON] = {}
        self._steps.append("")
        for key, value in values.items():
            self._steps[-1] = f"[{_key_text(key)}]"
            encoded[key] = self.encode(value)
        self._steps.pop()
        return encoded

    def sequence(self, values: list[Any]) -> JSON:
        """Encode a list; long lists of one plain type are taken as they are."""
        return list(values) if _is_plain(values) else self.items(values)

    def unordered(self, values: Iterable[object]) -> list[JSON]:
        """Encode a set in an order that does not depend on the process's hash seed."""
        encoded = []
        for value in values:
            self._steps.append(f"{{{_key_text(value)}}}")
            encoded.append(self.encode(value))
            self._steps.pop()
        return sorted(encoded, key=json.dumps)

    def _scalar(self, value: Any, encode: Callable[[Any], JSON]) -> JSON:
        if type(value) in (bytes, bytearray) and len(value) > INLINE_BYTES and self._leaves and self._steps:
            return self.leaf(value)
        try:
            return encode(value)
        except CannotKeepError as error:
            return self.leaf(value, str(error))

    def _family(self, value: object) -> Callable[[JsonEncoder, Any], JSON] | None:
        """Choose by what the class is, for classes that are not known by name."""
        cls = type(value)
        if registered_for(cls) is not None:
            return None
        if not is_importable(cls):
            return None
        if isinstance(value, enum.Enum):
            return _enum
        if is_named_tuple(value):
            return _named_tuple
        return objects.encoder_for(value)


def is_named_tuple(value: object) -> bool:
    """Tell whether a value is a named tuple without any state beyond its items."""
    fields = getattr(type(value), "_fields", None)
    return (
        isinstance(value, tuple)
        and isinstance(fields, tuple)
        and len(fields) == len(value)
        and not getattr(value, "__dict__", None)
        and type(value).__reduce_ex__ is object.__reduce_ex__
        and type(value).__reduce__ is object.__reduce__
    )


def _enum(encoder: JsonEncoder, value: enum.Enum) -> JSON:
    name = type_name(type(value))
    if isinstance(value, enum.Flag):
        return {"$flag": [name, ENCODERS[int](int(value.value))]}
    return {"$enum": [name, value.name]}


def _named_tuple(encoder: JsonEncoder, value: tuple[Any, ...]) -> JSON:
    return {"$namedtuple": [type_name(type(value)), encoder.items(value)]}


def _defaultdict(encoder: JsonEncoder, value: defaultdict[Any, Any]) -> JSON:
    factory = value.default_factory
    if factory is None:
        return {"$defaultdict": [None, encoder.pairs(value)]}
    for name, known in DEFAULT_FACTORIES.items():
        if factory is known:
            return {"$defaultdict": [name, encoder.pairs(value)]}
    return encoder.leaf(value, f"its default_factory {factory!r} is no builtin that can be named")


def _looks_like_escape(values: dict[str, Any]) -> bool:
    return len(values) == 1 and next(iter(values)).startswith("$")


def _is_plain(values: list[Any]) -> bool:
    kinds: set[type] = set(map(type, values))
    if kinds == {float}:
        return all(map(math.isfinite, values))
    if kinds == {int}:
        return bool(max(values) <= SAFE_INTEGER and min(values) >= -SAFE_INTEGER)
    if kinds == {str}:
        return all(map(is_plain_text, values))
    return kinds <= {bool, type(None)}


def _key_text(key: object) -> str:
    text = json.dumps(key) if isinstance(key, str) else repr(key)
    return text if len(text) <= 80 else text[:77] + "..."


_COMPOSITES: dict[type, Callable[[JsonEncoder, Any], JSON]] = {
    list: JsonEncoder.sequence,
    dict: JsonEncoder.mapping,
    tuple: lambda encoder, value: {"$tuple": encoder.items(value)},
    set: lambda encoder, value: {"$set": encoder.unordered(value)},
    frozenset: lambda encoder, value: {"$frozenset": encoder.unordered(value)},
    slice: lambda encoder, value: {"$slice": encoder.items((value.start, value.stop, value.step))},
    deque: lambda encoder, value: {"$deque": [encoder.items(value), value.maxlen]},
    OrderedDict: lambda encoder, value: {"$ordereddict": encoder.pairs(value)},
    Counter: lambda encoder, value: {"$counter": encoder.pairs(value)},
    defaultdict: _defaultdict,
}

JSON_TYPES: tuple[type, ...] = (*ENCODERS, *_COMPOSITES)
"""Types which are kept by their exact class."""
