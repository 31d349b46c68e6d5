"""Damage to what is stored."""

from __future__ import annotations

from pathlib import Path


def flip_a_bit(path: Path, position: int) -> None:
    """Change one bit of the byte at a position of a file."""
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1]))
