"""Memory that costs the same for every side.

A virtual machine gives free memory back to its host, and touching it again then costs up to thirty
times as much: the side that happens to get such pages loses by seconds. So each client, just before
the work that is timed, touches more memory than the work needs and frees it.
"""

from __future__ import annotations

import mmap
import os

PAGE = 4096
KEPT_SHARE = 2
NEEDED = 3
"""Times the size of a value that moving it may touch: the value, a copy, and the file in the page cache."""


def warm_memory(size: int) -> None:
    """Touch and free ``size`` bytes, or half of what is free if that is less."""
    # What others wrote or removed just before would otherwise be waited for by whoever writes next.
    os.sync()
    with open("/proc/meminfo") as lines:
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemFree"))
    with mmap.mmap(-1, max(min(size, free // KEPT_SHARE), PAGE)) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        for offset in range(0, len(memory), PAGE):
            memory[offset] = 1
