"""Durations and sizes as people read them."""

from __future__ import annotations


def format_seconds(seconds: float) -> str:
    """Return a duration: ``0.03 s``, ``12.4 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_bytes(size: int) -> str:
    """Return a size: ``812 B``, ``1.5 MiB``."""
    if size < 1024:
        return f"{size} B"
    amount, unit = float(size), "B"
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):  # noqa: B007 - the last one reached is the answer
        amount /= 1024
        if amount < 1024:
            break
    return f"{amount:.1f} {unit}"
