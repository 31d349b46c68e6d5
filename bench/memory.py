"""Memory of a process, as Linux counts it.

Not ``getrusage``: its peak outlives ``exec``, so a small child would tell the peak of its parent.
"""

from __future__ import annotations

from pathlib import Path


def now(process: int | str = "self") -> float:
    """Return the memory a process holds now, in MiB."""
    return _mebibytes(process, "VmRSS")


def peak(process: int | str = "self") -> float:
    """Return the most memory a process ever held, in MiB."""
    return _mebibytes(process, "VmHWM")


def forget_peak() -> None:
    """Let the peak of this process begin again at what it holds now."""
    Path("/proc/self/clear_refs").write_text("5")


def _mebibytes(process: int | str, field: str) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {process} tells no {field}")
