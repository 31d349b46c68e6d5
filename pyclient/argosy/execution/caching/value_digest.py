"""A digest of a Python value that is the same in every process.

Types count: ``1``, ``1.0`` and ``True`` differ. Sets are sorted, arrays are hashed by their
bytes, and objects by what pickle would write about them, part by part, without ids or hashes.
"""

from __future__ import annotations

import copyreg
import enum
import sys
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, ForwardRef

from blake3 import blake3

from argosy.public_names import lasting_module

MAX_PARTS = 1_000_000
"""More parts than this are data, which belongs into an input and not into a global."""

_SCALARS = frozenset({type(None), bool, int, float, complex, str, type(...), type(NotImplemented), range, slice})


class UnhashableValueError(TypeError):
    """A value has a part that has no digest; the message names it."""


class ValueDigester:
    """Digests values; functions, classes and modules in them are told by a text from outside."""

    def __init__(self, name_code: Callable[[Any], str]) -> None:
        """Start.

        Args:
            name_code: returns what stands for a function, class, module or wrapper of a function.
        """
        self._name_code = name_code
        self._open: list[int] = []
        self._parts = 0

    def digest(self, value: object) -> bytes:
        """Return the 32 bytes of the digest.

        Raises:
            UnhashableValueError: a part of it cannot be told apart from others, or it is too large.
        """
        self._open.clear()
        self._parts = 0
        try:
            return self._digest(value)
        except RecursionError:
            raise UnhashableValueError(f"a {type(value).__name__} is nested too deeply") from None

    def _digest(self, value: Any) -> bytes:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise UnhashableValueError(f"it has more than {MAX_PARTS:,} parts")
        kind = type(value)
        if kind in _SCALARS:
            return _hashed(kind.__name__, [repr(value).encode()])
        if kind in (bytes, bytearray):
            return _hashed(kind.__name__, [bytes(value)])
        if is_code(value):
            return _hashed("code", [self._name_code(value).encode()])
        if id(value) in self._open:
            return _hashed("cycle", [str(len(self._open) - self._open.index(id(value))).encode()])
        self._open.append(id(value))
        try:
            return self._digest_compound(value)
        finally:
            self._open.pop()

    def _digest_compound(self, value: Any) -> bytes:
        kind = type(value)
        if isinstance(value, enum.Enum):
            return self._hashed_parts("enum", [kind, value.name, value.value])
        if kind in (list, tuple):
            return _hashed(kind.__name__, map(self._digest, value))
        if kind in (dict, MappingProxyType):
            return _hashed("dict", (self._digest(part) for item in value.items() for part in item))
        if isinstance(value, (set, frozenset)):
            items = sorted(map(self._digest, value))
            return _hashed("set", [self._digest(kind), *items, self._digest(getattr(value, "__dict__", None))])
        if isinstance(value, MethodType):
            return self._hashed_parts("method", [value.__func__, value.__self__])
        if isinstance(value, ForwardRef):  # what else it holds changes when somebody evaluates it
            return _hashed("forward reference", [value.__forward_arg__.encode()])
        numpy = sys.modules.get("numpy")
        if numpy is not None and kind in (numpy.ndarray, numpy.memmap):
            return self._digest_array(value)
        return self._digest_object(value)

    def _digest_array(self, array: Any) -> bytes:
        head = [repr(array.dtype).encode(), repr(array.shape).encode()]
        if array.dtype.hasobject:
            return _hashed("object array", [*head, *map(self._digest, array.ravel().tolist())])
        if array.dtype.itemsize == 0:
            return _hashed("array", head)
        numpy = sys.modules["numpy"]
        content = numpy.ascontiguousarray(array).reshape(-1).view(numpy.uint8)
        return _hashed("array", [*head, blake3(content.data).digest()])

    def _digest_object(self, value: Any) -> bytes:
        """Digest what pickle would write: how to make the object, and its state."""
        kind = type(value)
        try:
            reduce = copyreg.dispatch_table.get(kind)
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception as error:  # any class may refuse in any way
            raise UnhashableValueError(f"a {kind.__module__}.{kind.__qualname__} has no digest ({error})") from None
        if isinstance(reduced, str):
            module = getattr(value, "__module__", None)
            module = lasting_module(module, reduced) if isinstance(module, str) else module
            return self._hashed_parts("global", [module, reduced])
        parts = [list(part) if index in (3, 4) and part is not None else part for index, part in enumerate(reduced)]
        return self._hashed_parts("object", parts)

    def _hashed_parts(self, kind: str, parts: Iterable[Any]) -> bytes:
        return _hashed(kind, map(self._digest, parts))


def is_code(value: object) -> bool:
    """Tell whether a value is told by the code it stands for: function, class, module, wrapper of a function."""
    if isinstance(value, (FunctionType, type, ModuleType)):
        return True
    if isinstance(value, (BuiltinFunctionType, MethodType)):
        return False
    return callable(value) and isinstance(getattr(value, "__dict__", None), dict) and "__wrapped__" in vars(value)


def _hashed(kind: str, pieces: Iterable[bytes]) -> bytes:
    hasher = blake3(kind.encode())
    for piece in pieces:
        hasher.update(len(piece).to_bytes(8, "big"))
        hasher.update(piece)
    return hasher.digest()
