"""Pixels to PNG, which needs no more than zlib."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
"""How PNG calls grey, RGB and RGBA, by the number of channels."""


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return an image as PNG.

    Args:
        pixels: height x width x channels, 1 for grey, 3 for RGB, 4 for RGBA.
    """
    height, width, channels = pixels.shape
    lines: npt.NDArray[Any] = np.zeros((height, 1 + width * channels), np.uint8)  # each begins with: no filter
    lines[:, 1:] = pixels.reshape(height, width * channels)
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 6)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
