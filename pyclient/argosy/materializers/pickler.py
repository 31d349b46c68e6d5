"""cloudpickle, without what it changes: a memoryview would come back as bytes, an open file as a copy of its text."""

from __future__ import annotations

import io
import pickle
from collections import ChainMap
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

import cloudpickle

_PROTOCOL = 5

version = str(cloudpickle.__version__)
"""The version of cloudpickle."""


def dumps(value: object, *, buffer_callback: Callable[[pickle.PickleBuffer], object]) -> bytes:
    """Return the pickle of a value; large buffers go to ``buffer_callback`` as pickle defines it.

    Raises:
        TypeError: a part of it would come back as another type.
        Exception: whatever the value's own code raises.
    """
    target = io.BytesIO()
    _Pickler(target, protocol=_PROTOCOL, buffer_callback=buffer_callback).dump(value)
    return target.getvalue()


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"a {type(value).__name__} would come back as another type; keep its content instead")


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle ships no types
    dispatch_table: ClassVar[Any] = ChainMap(
        {memoryview: _refuse, io.TextIOWrapper: _refuse}, cloudpickle.Pickler.dispatch_table
    )
