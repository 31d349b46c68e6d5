"""The scalar half of coercion: one small function a type."""

from __future__ import annotations

import datetime
import decimal
import math
import os
import pathlib
import re
import uuid
from collections.abc import Callable
from typing import Any

from argosy.graph.brief import described
from argosy.value_types import type_name

_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")
_TRUTHS = {"true": True, "false": False}


class Mismatch(TypeError):
    """A value does not fit; caught where the parameter's name is known."""

    def __init__(self, expected: object, value: object, path: str = "") -> None:
        self.expected = expected if isinstance(expected, str) else type_name(expected)
        self.value = value
        self.path = path
        where = f" at {path}" if path else ""
        super().__init__(f"expected {self.expected}{where}, found {described(value)}")

    def inside(self, place: object) -> Mismatch:
        """Return the same mismatch, seen from the container that holds the value at ``place``."""
        return Mismatch(self.expected, self.value, f"[{place}]{self.path}")


def to_none(value: object) -> None:
    """Take ``None`` only."""
    if value is not None:
        raise Mismatch("None", value)


def to_bool(value: object) -> bool:
    """Take a bool, 0, 1, or the words true and false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in _TRUTHS:
        return _TRUTHS[value.strip().lower()]
    raise Mismatch(bool, value)


def to_int(value: object) -> int:
    """Take an int, a float without a fraction, or decimal digits."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    raise Mismatch(int, value)


def to_float(value: object) -> float:
    """Take a float, an int that a float can hold, or the text of a number."""
    if isinstance(value, float):
        return value
    if isinstance(value, (int, str)):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise Mismatch(float, value)


def to_str(value: object) -> str:
    """Take text only: a number is not meant as text."""
    if isinstance(value, str):
        return value
    raise Mismatch(str, value)


def to_uuid(value: object) -> uuid.UUID:
    """Take a UUID or its text."""
    if isinstance(value, uuid.UUID):
        return value
    if isinstance(value, str):
        try:
            return uuid.UUID(value)
        except ValueError:
            pass
    raise Mismatch(uuid.UUID, value)


def to_decimal(value: object) -> decimal.Decimal:
    """Take a Decimal, an int, or the text of a number; a float is not exact."""
    if isinstance(value, decimal.Decimal):
        return value
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        try:
            return decimal.Decimal(value)
        except decimal.InvalidOperation:
            pass
    raise Mismatch(decimal.Decimal, value)


def to_timedelta(value: object) -> datetime.timedelta:
    """Take a timedelta or a number of seconds."""
    if isinstance(value, datetime.timedelta):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        try:
            return datetime.timedelta(seconds=value)
        except OverflowError:
            pass
    raise Mismatch("timedelta or seconds", value)


def _to_path_as(cls: type[pathlib.PurePath]) -> Callable[[object], pathlib.PurePath]:
    def to_path(value: object) -> pathlib.PurePath:
        if isinstance(value, cls):
            return value
        if isinstance(value, (str, os.PathLike)) and isinstance(os.fspath(value), str):
            return cls(value)
        raise Mismatch(cls, value)

    return to_path


def _to_time_as(cls: Any) -> Callable[[object], Any]:
    def to_time(value: object) -> Any:
        if isinstance(value, cls) and not (cls is datetime.date and isinstance(value, datetime.datetime)):
            return value
        if isinstance(value, str):
            try:
                return cls.fromisoformat(re.sub("[zZ]$", "+00:00", value))
            except ValueError:
                pass
        raise Mismatch(f"{cls.__name__} or its ISO 8601 text", value)

    return to_time


SCALARS: dict[Any, Callable[[object], Any]] = {
    type(None): to_none,
    bool: to_bool,
    int: to_int,
    float: to_float,
    str: to_str,
    uuid.UUID: to_uuid,
    decimal.Decimal: to_decimal,
    datetime.timedelta: to_timedelta,
    datetime.datetime: _to_time_as(datetime.datetime),
    datetime.date: _to_time_as(datetime.date),
    datetime.time: _to_time_as(datetime.time),
    pathlib.Path: _to_path_as(pathlib.Path),
    pathlib.PurePath: _to_path_as(pathlib.PurePath),
    pathlib.PurePosixPath: _to_path_as(pathlib.PurePosixPath),
}
"""Class -> the function that takes values for it or raises ``Mismatch``."""
