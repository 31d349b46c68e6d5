"""Two documents side by side: one row for each part of them, of which most of the time only those that differ count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Row = dict[str, Any]

_LONG_DIGEST = "blake3:"
_DIGITS_SHOWN = 12


def compared(part: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Row]:
    """Yield a row for each key of either mapping, keys inside others as ``outer.inner``.

    Args:
        part: what the mappings are part of.
        before: the one.
        after: the other; where a key is missing in one of them its value is ``None``.
    """
    flat_before, flat_after = dict(_flat(before)), dict(_flat(after))
    for key in dict.fromkeys([*flat_before, *flat_after]):
        yield {"part": part, "key": key, "before": flat_before.get(key), "after": flat_after.get(key)}


def differs(row: Row) -> bool:
    """Tell whether both sides of a row differ; ``1`` and ``1.0`` do, and so do ``1`` and ``true``."""
    before, after = row["before"], row["after"]
    return type(before) is not type(after) or bool(before != after)


def short_digest(value: Any) -> Any:
    """Return a digest cut to what people compare; anything else as it is."""
    if isinstance(value, str) and value.startswith(_LONG_DIGEST):
        return value[: len(_LONG_DIGEST) + _DIGITS_SHOWN]
    return value


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in mapping.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
